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

# The example is a part of a program that compiles.
between library | grep -v '^```' | grep -vxFf tests/demo/library.c | grep . |
    sed 's/^/not in tests\/demo\/library.c: /' |
    rule 'the example of README.md is code that compiles'

# The bounds of the table are those that this build proves, of every method
# that has one. Times are not compared: they belong to a machine.
library=$BUILD/tests/demo/library
figures() { awk '$2 ~ /^[0-9.]+(e[+-][0-9]+)?$/ { print $1, $2 }'; }
if [[ -x $library ]]; then
    join -a 2 <(between figures | figures | sort) \
        <("$library" tests/models/mnist_mlp_128_64.safetensors |
            figures | sort) |
        awk 'NF < 3 { print $1 " is not in the table"; next }
            { off = $2 / $3 - 1 }
            $1 == "lipsdp" { off = off < 0.01 && off > -0.01 ? 0 : 1 } # iterative
            off < 0 || off > 2e-4 { print }
            END { if (NR < 3) print "no figures" }' |
        rule 'the bounds in README.md are those of this build, rounded up'
else
    echo "skip $library is not built: figures are not compared"
fi

version=$(sed -n 's/.*define API_VERSION "\(.*\)"/\1/p' api/version.h)
{
    grep -HnoE 'lipschitzd:[0-9]+\.[0-9.]+[0-9]' README.md docker/*.yaml |
        grep -v ":$version\$"
    grep -qx "  version: $version" api/openapi.yaml || echo api/openapi.yaml
} | rule "the version is $version everywhere"

grep -oE '(^|&& |`)make [a-z-]+' README.md | sed 's/.*make //' | sort -u |
    while read -r verb; do
        grep -qE "^$verb:" Makefile || echo "make $verb"
    done | rule 'the verbs in README.md exist'

{
    grep -oE '\]\([^)#:]+\)' README.md | sed 's/^](//; s/)$//'
    grep -oE '`(lib|api|server|tests|docker)/[A-Za-z0-9_./-]*`' README.md |
        tr -d '`'
} | sort -u | while read -r path; do
    [[ -e $path ]] || echo "$path"
done | rule 'the paths in README.md exist'

method_ids | while read -r id; do
    grep -q "\`$id\`" README.md || echo "$id"
done | rule 'README.md names every bound method'
