#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What `make install` puts down can be used from there, and `make uninstall`
# takes all of it away again.
source tests/packaging/rule.sh

place() { # VERB DESTDIR [PREFIX]
    MAKEFLAGS='' make -s "$1" DESTDIR="$2" PREFIX="${3-/usr/local}" 2>&1
}
root=$work/root
place install "$root" | rule 'make install says nothing'
at=$root/usr/local

(cd "$at" && find . -type f -o -type l) | grep -vE '^./(bin/lipschitz(d|-check|-h5)|lib/liblipschitz\.(a|so[0-9.]*)|lib/(pkgconfig/liblipschitz\.pc|systemd/system/lipschitzd\.service)|include/lipschitz/.*\.h|share/(man/man[18]/.*\.[18]|doc/lipschitzd/lipschitzd\.env))$' |
    rule 'only files that are meant to be there'
grep -rlE '@[A-Z]+@|'"$work" "$at"/lib/{pkgconfig,systemd} "$at/share" |
    rule 'no gap is left in what was filled in'

# One version.
soname=$(objdump -p "$at/lib/liblipschitz.so" | awk '/SONAME/ { print $2 }')
{
    [[ $("$at/bin/lipschitzd" --version) == "lipschitzd $version" ]] || echo --version
    grep -qx "Version: $version" "$at/lib/pkgconfig/liblipschitz.pc" || echo pkg-config
    [[ -f $at/lib/liblipschitz.so.$version ]] || echo "liblipschitz.so.$version"
    [[ liblipschitz.so.$version == "$soname"* ]] || echo "soname $soname"
    [[ $soname == liblipschitz.so.[1-9]* || $soname == liblipschitz.so.0.* ]] ||
        echo "soname $soname: before version 1 the minor version counts"
    [[ -e $at/lib/$soname ]] || echo "no $soname"
    grep -q "lipschitzd $version" "$at/share/man/man8/lipschitzd.8" || echo man
    "$at/bin/lipschitzd" --listen 127.0.0.1:0 --port-file "$work/port" 2>/dev/null &
    for _ in {1..100}; do [[ -s $work/port ]] && break; sleep 0.1; done
    curl -fsS "http://127.0.0.1:$(cat "$work/port")/version" |
        grep -qE "\"version\": ?\"$version\"" || echo 'GET /version'
    kill $!
    wait
} | rule 'programs, library, manual and GET /version tell one version'

# The library, as pkg-config tells.
export PKG_CONFIG_PATH=$at/lib/pkgconfig
pc() { pkg-config --define-variable=prefix="$at" --define-variable=libdir="$at/lib" "$@" liblipschitz; }
model=tests/models/mnist_mlp_128_64.safetensors
flags='-std=c11 -Wall -Wextra -Werror'
{
    gcc $flags -o "$work/shared" tests/demo/library.c $(pc --cflags --libs) 2>&1
    LD_LIBRARY_PATH=$at/lib ldd "$work/shared" | grep -q "$soname => $at/lib/" ||
        echo 'the shared library is not what it loads'
    LD_LIBRARY_PATH=$at/lib "$work/shared" $model >"$work/1" || echo 'does not run'
} | rule 'the example builds with pkg-config and runs with the shared library'
# What it stands on is linked shared, and brings what that stands on itself.
{
    gcc $flags -o "$work/static" tests/demo/library.c $(pc --cflags) \
        "$at/lib/liblipschitz.a" \
        $(pkg-config --libs $(pc --print-requires-private)) -lm -pthread 2>&1
    ldd "$work/static" | grep liblipschitz
    "$work/static" $model >"$work/2" || echo 'does not run'
    diff "$work/1" "$work/2"
} | rule 'and with the static one, with the same bits'

nm -D --defined-only --extern-only "$at/lib/liblipschitz.so" |
    awk '$2 != "A" && $3 !~ /^lip_/ { print $3 }' |
    rule 'the shared library shows lip_* only'
comm -13 <(nm -D --defined-only "$at/lib/liblipschitz.so" | sed -nE 's/.* (lip_[a-z0-9_]+).*/\1/p' | sort -u) \
    <(nm --defined-only --extern-only "$at/lib/liblipschitz.a" 2>/dev/null | sed -nE 's/.* [A-Z] (lip_[a-z0-9_]+)$/\1/p' | sort -u) |
    rule 'and all that the static one does'
(cd "$at/include/lipschitz" && find . -name '*.h' | sed 's|^\./||' | sort) |
    while read -r header; do
        gcc $flags -fsyntax-only $(pc --cflags) -x c - <<<"#include \"$header\"
int nothing;" 2>&1 | head -n 1
    done | rule 'each header compiles on its own'

# Manual pages.
if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning "$at"/share/man/man?/* | rule 'mandoc has nothing to say of the man pages'
else
    echo 'skip mandoc is not here'
fi
for program in lipschitzd lipschitz-check lipschitz-h5; do
    page=$(sed 's/\\-/-/g' "$at"/share/man/man?/$program.[18])
    "$at/bin/$program" --help 2>&1 | grep -oE -- '^ +--[a-z0-9-]+|usage: .*' |
        sed -E 's/^ +|usage: //' | while read -r word; do
            grep -qF -- "$word" <<<"$page" || echo "$program: $word"
        done
done | rule 'the man pages tell every option of --help'

# The unit.
if command -v systemd-analyze >/dev/null; then
    unit=$work/lipschitzd.service
    sed "s|/usr/local/bin|$at/bin|; /^Documentation/d" \
        "$at/lib/systemd/system/lipschitzd.service" >"$unit"
    systemd-analyze verify --man=no --recursive-errors=no "$unit" 2>&1 |
        grep lipschitzd | rule 'systemd understands the unit'
    systemd-analyze security --offline=yes --threshold=20 "$unit" 2>&1 |
        tail -n 1 | grep -v 'exposure level .*: [01]\.[0-9] OK' |
        rule 'systemd rates its exposure below 2 of 10'
else
    echo 'skip systemd-analyze is not here'
fi
"$at/bin/lipschitzd" --print-config | sed 's/=.*//' >"$work/known"
sed -nE 's/^#?(LIPSCHITZD_[A-Z0-9_]+)=.*/\1/p' packaging/lipschitzd.env |
    grep -vxFf "$work/known" | rule 'the example of an environment names options that exist'

place uninstall "$root" | rule 'make uninstall says nothing'
find "$root" -type f -o -type l | rule 'and leaves nothing'
