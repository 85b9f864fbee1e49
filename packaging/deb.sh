#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Debian packages out of an install tree:
#
#   packaging/deb.sh TREE VERSION SONAME FOLDER
#
#   lipschitzd          the programs, the service, its settings
#   liblipschitzX.Y     the shared library
#   liblipschitz-dev    headers, the static library, pkg-config
#
# TREE is what `make install PREFIX=/usr LIBDIR=/usr/lib/ARCHITECTURE` made.
# MAINTAINER is who answers for them; SOURCE_DATE_EPOCH dates them.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
tree=$(realpath "${1:?usage: packaging/deb.sh TREE VERSION SONAME FOLDER}")
version=${2:?} soname=${3:?} out=$(realpath "${4:?}")
maintainer=${MAINTAINER:-lipschitzd maintainers <lipschitzd@$(hostname)>}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date +%s)}
architecture=$(dpkg --print-architecture)
library=liblipschitz${soname#liblipschitz.so.}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/debian"
echo 'Source: lipschitzd' >"$work/debian/control"

move() { # PACKAGE PATH...: out of the tree
    local package=$1 path
    shift
    for path; do
        mkdir -p "$work/$package/$(dirname "$path")"
        mv "$tree"/$path "$work/$package/$(dirname "$path")/"
    done
}

papers() { # PACKAGE
    local doc=$work/$1/usr/share/doc/$1
    mkdir -p "$doc"
    {
        echo 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/'
        echo 'Upstream-Name: lipschitzd'
        printf '\nFiles: *\nCopyright: %s\nLicense: Expat\n' \
            "$(sed -n 's/^Copyright (c)/2026/p' LICENSE)"
        sed '1,/^Copyright/d; s/^$/./; s/^/ /' LICENSE | sed '1{/^ \.$/d}'
    } >"$doc/copyright"
    printf 'lipschitzd (%s) unstable; urgency=medium\n\n  * Version %s.\n\n -- %s  %s\n' \
        "$version" "$version" "$maintainer" \
        "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" |
        gzip -9n >"$doc/changelog.gz"
}

needs() { # PACKAGE: what its programs and libraries are linked with
    local files
    mapfile -t files < <(find "$work/$1" -type f \( -path '*/bin/*' -o -name '*.so.*' \))
    (cd "$work" && dpkg-shlibdeps -O "${files[@]}" 2>/dev/null) |
        sed -n 's/^shlibs:Depends=//p'
}

pack() { # PACKAGE SECTION DEPENDS SHORT LONG...
    local package=$1 section=$2 depends=$3 short=$4
    shift 4
    local control=$work/$package/DEBIAN
    mkdir -p "$control"
    papers "$package"
    cp -r packaging/debian/"$package"/. "$control/" 2>/dev/null || true
    {
        echo "Package: $package"
        echo "Source: lipschitzd"
        echo "Version: $version"
        echo "Architecture: $architecture"
        echo "Maintainer: $maintainer"
        echo "Installed-Size: $(du -ks --exclude=DEBIAN "$work/$package" | cut -f 1)"
        echo "Depends: $depends"
        echo "Section: $section"
        echo "Priority: optional"
        [[ $package != lib*[0-9] ]] || echo "Multi-Arch: same"
        echo "Description: $short"
        printf ' %s\n' "$@"
    } >"$control/control"
    (cd "$work/$package" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' |
        sort | xargs -d '\n' md5sum) >"$control/md5sums"
    chmod -R u=rwX,go=rX "$work/$package"
    find "$work/$package" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$work/$package" "$out/" >/dev/null
}

lib=$(cd "$tree" && find usr/lib -name "$soname" -printf 'usr/lib/%P')
lib=${lib%/*}
strip --strip-unneeded -R .comment -R .note "$tree"/usr/bin/* "$tree/$lib/liblipschitz.so.$version"
strip --strip-debug -R .comment -R .note "$tree/$lib/liblipschitz.a"
gzip -9n "$tree"/usr/share/man/man?/*

move "$library" "$lib/liblipschitz.so.$version" "$lib/$soname"
move liblipschitz-dev "$lib/liblipschitz.so" "$lib/liblipschitz.a" \
    "$lib/pkgconfig" usr/include
move lipschitzd usr/bin usr/share/man usr/lib/systemd
install -D -m 644 "$tree/usr/share/doc/lipschitzd/lipschitzd.env" \
    "$work/lipschitzd/etc/default/lipschitzd"
# Debian 12 looks for units in /lib.
mkdir -p "$work/lipschitzd/lib"
mv "$work/lipschitzd/usr/lib/systemd" "$work/lipschitzd/lib/"
rmdir "$work/lipschitzd/usr/lib"

about=('lipschitzd proves upper and lower bounds of the Lipschitz constants of'
    'neural networks, and trains networks for which they are small.' '.')
pack lipschitzd net "$(needs lipschitzd)" \
    'proven Lipschitz bounds of neural networks over HTTP' "${about[@]}" \
    'This package has the daemon, the checker of its certificates, and the' \
    'service for systemd.'

mkdir -p "$work/$library/DEBIAN"
echo "liblipschitz ${soname#liblipschitz.so.} $library (>= $version)" \
    >"$work/$library/DEBIAN/shlibs"
echo 'activate-noawait ldconfig' >"$work/$library/DEBIAN/triggers"
pack "$library" libs "$(needs "$library")" \
    'proven Lipschitz bounds of neural networks - shared library' \
    "${about[@]}" 'This package has the shared library.'

pack liblipschitz-dev libdevel \
    "$library (= $version), liblapacke-dev, libopenblas-dev, libzip-dev, nettle-dev, zlib1g-dev" \
    'proven Lipschitz bounds of neural networks - development' \
    "${about[@]}" 'This package has the headers and the static library.'
