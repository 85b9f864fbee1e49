#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The list of packages is an SPDX document that names all that the programs load.
source tests/packaging/rule.sh

list=$work/sbom.json
SOURCE_DATE_EPOCH=1700000000 packaging/sbom.sh "$version" "${programs[@]}" >"$list" 2>&1
python3 - "$list" "$version" <<'END' 2>&1 | rule 'it is SPDX: fields, unique names, relationships'
import json, re, sys
d = json.load(open(sys.argv[1]))
def need(what, why):
    if not what:
        print(why)
need(d["spdxVersion"] == "SPDX-2.3" and d["dataLicense"] == "CC0-1.0", "header")
need(d["SPDXID"] == "SPDXRef-DOCUMENT", "document")
need(d["creationInfo"]["created"] == "2023-11-14T22:13:20Z", "date")
need(re.match(r"Tool: ", d["creationInfo"]["creators"][0]), "creator")
need(re.match(r"[a-z]+:\S+$", d["documentNamespace"]), "namespace")
ids = [p["SPDXID"] for p in d["packages"]]
need(len(ids) == len(set(ids)), "an id stands twice")
for p in d["packages"]:
    need(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", p["SPDXID"]), p["SPDXID"])
    need(p["downloadLocation"] and p["filesAnalyzed"] is False, p["name"])
    need(p["versionInfo"], p["name"] + " has no version")
    for r in p.get("externalRefs", []):
        need(re.fullmatch(r"pkg:deb/debian/[a-z0-9.%+B-]+@\S+\?arch=\w+&distro=\S+",
                          r["referenceLocator"]), r["referenceLocator"])
need(d["packages"][0]["versionInfo"] == sys.argv[2], "the version of lipschitzd")
related = {r["relatedSpdxElement"] for r in d["relationships"]}
need(related == set(ids), "not related: %s" % (set(ids) ^ related))
END

ldd "${programs[@]}" | grep -oE '/[^ ]+\.so[^ ]*' | sort -u |
    while read -r library; do
        real=$(readlink -f "$library")
        package=$({ dpkg-query -S "$real" || dpkg-query -S "${real#/usr}"; } \
            2>/dev/null | sed 's/:.*//')
        grep -q "\"name\": \"$package\"" "$list" || echo "$library of $package"
    done | rule 'every shared library has its package in the list'

SOURCE_DATE_EPOCH=1700000000 packaging/sbom.sh "$version" "${programs[@]}" |
    diff - "$list" | rule 'the same packages give the same bytes'

packaging/sbom.sh "$version" /bin/true | grep -o '"name": "libsqlite3-0"' |
    rule 'what a program does not load is not listed'
