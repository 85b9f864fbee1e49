#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the README says is so.
source tests/style/rule.sh

between() { # NAME: the lines between <!-- NAME --> and <!-- /NAME -->
    sed -n "/^<!-- $1 -->\$/,/^<!-- \/$1 -->\$/p" README.md | sed '1d;$d'
}

if [[ -x $BUILD/lipschitzd ]]; then
    # Defaults that depend on the machine are printed as such by --help.
    diff <(between help | grep -v '^```') <("$BUILD/lipschitzd" --help) |
        rule 'README.md shows what --help says'
else
    echo "skip $BUILD/lipschitzd is not built: --help is not compared"
fi

grep -oE '\bmake [a-z][a-z-]*' README.md | sort -u | awk '{ print $2 }' |
    while read -r verb; do
        [[ $verb == make ]] || grep -qE "^$verb:" Makefile || echo "make $verb"
    done | rule 'the verbs in README.md exist'

{
    grep -oE '\]\([^)#:]+\)' README.md | sed 's/^](//; s/)$//'
    grep -oE '`(lib|api|server|tests|docker)/[A-Za-z0-9_./-]*`' README.md |
        tr -d '`'
} | sort -u | while read -r path; do
    [[ -e $path ]] || echo "$path"
done | rule 'the paths in README.md exist'

grep -rhoE '^ *\.id = "[a-z0-9-]+"' lib/bounds --include='*.c' |
    cut -d '"' -f 2 | while read -r id; do
        grep -q "\`$id\`" README.md || echo "$id"
    done | rule 'README.md names every bound method'
