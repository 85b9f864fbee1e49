#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The Debian packages, looked at from outside.
source tests/packaging/rule.sh

make_debs() { # FOLDER
    MAKEFLAGS='' SOURCE_DATE_EPOCH=1700000000 make -s deb DEB="$1" 2>&1 >/dev/null |
        grep -v 'jobserver mode'
}
mkdir -p build/deb-test
make_debs build/deb-test/a | rule 'make deb has nothing to warn of'
make_debs build/deb-test/b >/dev/null
diff -rq build/deb-test/a build/deb-test/b | rule 'the same sources give the same packages, bit by bit'

(cd build/deb-test/a && ls) | sed 's/_.*//' | sort |
    diff - <(printf '%s\n' liblipschitz-dev "liblipschitz$(sed -E 's/^(0\.[0-9]+).*/\1/; t; s/\..*//' <<<"$version")" lipschitzd) |
    rule 'three packages'
for deb in build/deb-test/a/*.deb; do
    [[ $(dpkg-deb -f "$deb" Version) == "$version" ]] || echo "$deb: version"
    name=$(dpkg-deb -f "$deb" Package)
    rm -rf "$work/x"
    dpkg-deb -R "$deb" "$work/x"
    (cd "$work/x" && md5sum --quiet -c DEBIAN/md5sums 2>&1)
    find "$work/x" -path "$work/x/DEBIAN" -prune -o -type f -perm /022 -print
    find "$work/x" -type f -name '*.so.*' -o -type f -path '*/bin/*' | while read -r file; do
        readelf -S "$file" | grep -q '\.debug_info' && echo "$file: debug information"
        readelf -d "$file" | grep -E 'R(UN)?PATH'
    done
    [[ -f $work/x/usr/share/doc/$name/copyright ]] || echo "$name: copyright"
done | rule 'version, sums, modes, no debug information, no paths of this machine'

dpkg-deb -R build/deb-test/a/lipschitzd_*.deb "$work/d"
for program in "$work"/d/usr/bin/*; do
    ldd "$program" | grep -oE '/[^ ]+\.so[^ ]*' | sort -u | while read -r library; do
        real=$(readlink -f "$library")
        { dpkg-query -S "$real" || dpkg-query -S "${real#/usr}"; } 2>/dev/null | sed 's/:.*//'
    done
done | sort -u >"$work/loaded"
for package in libmicrohttpd12 libjansson4 libsqlite3-0 libzip4 libflint-arb2; do
    grep -qx "$package" "$work/loaded" || echo "$package is not loaded any more"
    dpkg-deb -f build/deb-test/a/lipschitzd_*.deb Depends | grep -qE "\b$package\b" || echo "$package"
done | rule 'what is loaded stands in Depends'
sh -n "$work"/d/DEBIAN/p* 2>&1 | rule 'the maintainer scripts are shell'
{ [[ -f $work/d/lib/systemd/system/lipschitzd.service &&
    $(cat "$work/d/DEBIAN/conffiles") == /etc/default/lipschitzd ]] ||
    echo no; } |
    rule 'the unit is there, the settings are a conffile'

if command -v lintian >/dev/null; then
    # Whom to write to is for the one who builds.
    lintian --allow-root --fail-on none \
        --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog,root-in-contact \
        build/deb-test/a/*.deb 2>&1 | grep '^[EW]:' | rule 'lintian finds neither errors nor warnings'
else
    echo 'skip lintian is not here'
fi
rm -rf build/deb-test
