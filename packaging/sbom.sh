#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What software a build consists of, as an SPDX 2.3 document (JSON).
#
#   packaging/sbom.sh VERSION [PROGRAM...]    to the standard output
#
# The Debian packages are those that own the shared libraries of the PROGRAMs,
# and of any more packages named in PACKAGES. HDF5 and its zlib are linked
# statically into lipschitz-h5. With SOURCE_DATE_EPOCH set, the same packages
# give the same bytes.
set -euo pipefail
export LC_ALL=C
version=${1:?usage: packaging/sbom.sh VERSION [PROGRAM...]}
shift

# Which package a file is of: its real path, or with /usr before it or not.
owner() {
    local real
    real=$(readlink -f "$1")
    for path in "$real" "${real#/usr}" "/usr$real"; do
        dpkg-query -S "$path" 2>/dev/null | sed 's/:.*//' && return
    done
    echo "packaging/sbom.sh: no package owns $1" >&2
    return 1
}

packages=$(
    {
        printf '%s\n' ${PACKAGES-}
        for program; do
            ldd "$program" | grep -oE '/[^ ]+'
        done | sort -u | while read -r library; do
            owner "$library"
        done
    } | grep . | sort -u
)
static=$(dpkg-query -W -f='${Package}\n' libhdf5-dev 2>/dev/null || true)

row='${Package}\t${Version}\t${source:Package}\t${source:Version}\t${Architecture}\t${Maintainer}\n'
rows() {
    dpkg-query -W -f="dynamic\t$row" $packages
    [[ -z $static ]] || dpkg-query -W -f="static\t$row" $static
}

created=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)
digest=$(rows | sha256sum | cut -c 1-32)
release=$(. /etc/os-release && echo "$ID-$VERSION_ID")

rows | awk -F '\t' -v version="$version" -v created="$created" \
    -v digest="$digest" -v release="$release" '
    function quoted(text) {
        gsub(/\\/, "\\\\", text)
        gsub(/"/, "\\\"", text)
        return "\"" text "\""
    }
    function field(name, text) { return "\n      " quoted(name) ": " quoted(text) "," }
    function escaped(text) { # of a package URL
        gsub(/\+/, "%2B", text)
        gsub(/:/, "%3A", text)
        return text
    }
    function package(id, name, version, supplier, license) {
        return "    {" field("SPDXID", id) field("name", name) \
            field("versionInfo", version) field("supplier", supplier) \
            field("downloadLocation", "NOASSERTION") \
            "\n      \"filesAnalyzed\": false," \
            field("licenseConcluded", license) \
            field("licenseDeclared", license) \
            "\n      \"copyrightText\": \"NOASSERTION\""
    }
    BEGIN {
        print "{\n  \"spdxVersion\": \"SPDX-2.3\","
        print "  \"dataLicense\": \"CC0-1.0\","
        print "  \"SPDXID\": \"SPDXRef-DOCUMENT\","
        print "  \"name\": " quoted("lipschitzd-" version) ","
        print "  \"documentNamespace\": " \
            quoted("urn:lipschitzd:sbom:" version ":" digest) ","
        print "  \"creationInfo\": {\n    \"created\": " quoted(created) ","
        print "    \"creators\": [" quoted("Tool: packaging/sbom.sh") "]\n  },"
        print "  \"packages\": ["
        printf "%s\n    }", package("SPDXRef-lipschitzd", "lipschitzd", \
            version, "NOASSERTION", "MIT")
        links = "    {\"spdxElementId\": \"SPDXRef-DOCUMENT\"," \
            " \"relationshipType\": \"DESCRIBES\"," \
            " \"relatedSpdxElement\": \"SPDXRef-lipschitzd\"}"
    }
    {
        id = $2
        gsub(/[^A-Za-z0-9.-]/, "-", id)
        id = "SPDXRef-" $1 "-" id
        url = "pkg:deb/debian/" escaped($2) "@" escaped($3) "?arch=" $6 \
            "&distro=" release
        supplier = $7
        sub(/ *</, " (", supplier)
        sub(/>.*/, ")", supplier)
        printf ",\n%s,%s\n      \"externalRefs\": [{", \
            package(id, $2, $3, "Organization: " supplier, "NOASSERTION"), \
            substr(field("sourceInfo", "built from " $4 " " $5), 1)
        printf "\"referenceCategory\": \"PACKAGE-MANAGER\", "
        printf "\"referenceType\": \"purl\",\n        \"referenceLocator\": %s}]\n    }", \
            quoted(url)
        links = links ",\n    {\"spdxElementId\": \"SPDXRef-lipschitzd\"," \
            " \"relationshipType\": \"" toupper($1) "_LINK\"," \
            " \"relatedSpdxElement\": " quoted(id) "}"
    }
    END {
        print "\n  ],\n  \"relationships\": [\n" links "\n  ]\n}"
    }'
