#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The Debian packages in a bare Debian 12: they install, run, upgrade, and leave
# nothing behind. Needs root.
#
#   tests/packaging/clean_root.sh FOLDER    with the .deb files
set -euo pipefail

say() { printf 'ok    %s\n' "$*"; }
die() {
    printf 'FAIL  %s\n' "$*"
    exit 1
}

# Called back by mmdebstrap, with the new root.
if [[ ${1-} == --inside ]]; then
    root=$2 debs=$3
    started() { exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }
    at() { (started "$@"); }
    get() { at apt-get -qq -y --no-install-recommends "$@" >"$root/log" 2>&1 || {
        cat "$root/log"
        return 1
    }; }
    mkdir "$root/debs"
    cp "$debs"/*.deb "$root/debs/"
    link=$root/etc/systemd/system/multi-user.target.wants/lipschitzd.service

    get install $(cd "$root" && printf '/%s\n' debs/*.deb) || die "they install"
    [[ $(at dpkg --audit) == '' ]] || die "dpkg --audit is silent"
    say "they install"
    [[ -L $link ]] || die "the service is enabled"
    say "the service is enabled"
    at lipschitz-check --help 2>&1 | grep -q usage || die "the checker runs"
    started lipschitzd --listen 127.0.0.1:0 --port-file /port \
        --data-dir /var/lib/lipschitzd 2>/dev/null &
    trap 'kill -KILL %1 2>/dev/null || true' EXIT # it would hold the root
    for _ in {1..100}; do [[ -s $root/port ]] && break; sleep 0.1; done
    at lipschitzd --listen "127.0.0.1:$(cat "$root/port")" --probe || die "the daemon answers"
    kill -TERM $!
    wait $! || die "SIGTERM ends it with status 0"
    say "the daemon answers, and ends"
    at ldconfig -p | grep -q 'liblipschitz\.so\.' || die "the shared library is found"
    say "the shared library is found"

    echo LIPSCHITZD_WORKERS=2 >>"$root/etc/default/lipschitzd"
    get install --reinstall $(cd "$root" && printf '/%s\n' debs/lipschitzd_*.deb) || die "an upgrade goes through"
    grep -qx LIPSCHITZD_WORKERS=2 "$root/etc/default/lipschitzd" || die "settings are kept"
    say "an upgrade keeps the settings"

    get remove lipschitzd 'liblipschitz*' || die "they are removed"
    [[ -f $root/etc/default/lipschitzd && -d $root/var/lib/lipschitzd ]] ||
        die "to remove keeps settings and data"
    [[ ! -e $root/usr/bin/lipschitzd && ! -e $root/lib/systemd/system/lipschitzd.service ]] ||
        die "to remove takes away the programs"
    say "to remove keeps settings and data, nothing else"
    get purge lipschitzd || die "they are purged"
    rm -r "$root/debs"
    left=$(find "$root" -xdev -iname '*lipschitz*')
    [[ -z $left ]] || die "left behind: $left"
    [[ -z $(at dpkg -l '*lipschitz*' 2>/dev/null | grep -E '^(ii|rc)') ]] || die "dpkg knows them no more"
    say "to purge leaves nothing"
    exit
fi

debs=$(realpath "${1:?usage: tests/packaging/clean_root.sh FOLDER}")
self=$(realpath "$0")
# Where this machine gets its packages.
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    sort -u | awk '$2 ~ /^bookworm/ { print "deb", $1, $2, $3 }' |
    mmdebstrap --quiet --variant=minbase \
        --customize-hook="bash '$self' --inside \"\$1\" '$debs'" bookworm /dev/null -
