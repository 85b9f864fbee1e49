#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The root of the image: the programs, the shared libraries that they load, and
# of the Debian packages these come from the records that scanners look for.
# No shell, no package manager.
#
#   docker/root.sh ROOT VERSION PROGRAM...
set -euo pipefail
cd "$(dirname "$0")/.."
root=${1:?usage: docker/root.sh ROOT VERSION PROGRAM...}
version=${2:?usage: docker/root.sh ROOT VERSION PROGRAM...}
shift 2

mkdir -p "$root"/{etc,data,tmp,proc,sys,dev,run,var/lib/dpkg/status.d} \
    "$root"/usr/{bin,lib,lib64,local/bin,share/doc,share/lipschitzd}
for folder in lib lib64 bin; do
    ln -s "usr/$folder" "$root/$folder"
done
chmod 1777 "$root/tmp"
chown 10001:10001 "$root/data"
install -s -m 755 "$@" "$root/usr/local/bin/"

# Flat, under the names by which they are looked for. The loader keeps its path.
for program; do
    ldd "$program"
done | grep -oE '/[^ ]+' | sort -u | while read -r library; do
    case $library in
    */ld-linux*) folder=$(dirname "$library") ;;
    *) folder=/usr/lib/$(gcc -print-multiarch) ;;
    esac
    mkdir -p "$root$folder"
    cp -L "$library" "$root$folder/"
done
ldconfig -r "$root" -X 2>/dev/null

printf '%s\n' 'root:x:0:0:root:/:/usr/sbin/nologin' \
    'lipschitzd:x:10001:10001::/data:/usr/sbin/nologin' > "$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'lipschitzd:x:10001:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
cp -L /etc/os-release "$root/etc/os-release"

sbom=$root/usr/share/lipschitzd/sbom.spdx.json
packaging/sbom.sh "$version" "$@" > "$sbom"
sed -nE 's|.*"pkg:deb/debian/([^@]+)@.*|\1|p' "$sbom" | sed 's/%2B/+/g' |
    while read -r package; do
        dpkg-query -s "$package" > "$root/var/lib/dpkg/status.d/$package"
        mkdir -p "$root/usr/share/doc/$package"
        cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
    done
