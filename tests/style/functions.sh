#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# How long functions are, by universal-ctags. One of the product that does not
# fit a screen of 60 lines stands in long-functions.txt with the reason.
source tests/style/rule.sh

lengths() { # FILES: "lines path:function"
    ctags --languages=C --kinds-C=f --fields=ne -x \
        --_xformat='%{end} %{line} %F:%N' -L - |
        awk '$1 ~ /^[0-9]+$/ { print $1 - $2 + 1, $3 }' | sort -rn
}
product=$(find lib api server -name '*.c' | lengths)
tests=$(find tests -name '*.c' | lengths)
list=tests/style/long-functions.txt
allowed=$(exceptions $list)

awk '$1 > 60 { print $2, $1 }' <<<"$product" |
    grep -vFf <(sed 's/$/ /' <<<"$allowed" | grep . || echo ' nothing ') |
    rule 'functions fit a screen of 60 lines'
awk '$1 > 120 { print $2, $1 }' <<<"$product"$'\n'"$tests" |
    rule 'no function over 120 lines'
grep -vxFf <(awk '$1 > 60 { print $2 }' <<<"$product") <<<"$allowed" | grep . |
    rule 'long-functions.txt lists long functions only'
awk '{ n[NR] = $1 } END {
        median = n[int((NR + 1) / 2)]; p90 = n[int(NR / 10) + 1]
        if (median > 20) print "median " median
        if (p90 > 60) print "nine in ten within " p90
    }' <<<"$product" | rule 'half of the functions within 20 lines'
