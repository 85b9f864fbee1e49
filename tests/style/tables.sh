#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What exists twice exists both times: descriptors and their table, methods and
# their pages, sources and their tests, fuzz targets and their seeds.
source tests/style/rule.sh

# Descriptors that no table lists would never run.
objects=$(find "$BUILD"/{lib,api,server} -name '*.o' 2>/dev/null)
if [[ -n $objects ]]; then
    comm -23 \
        <(nm --defined-only --extern-only --format=posix $objects 2>/dev/null |
            awk '$2 ~ /[DR]/ && $1 ~ /^lip_(method|format|activation)_/ {
                print $1 }' | sort) \
        <(nm --undefined-only --format=posix $objects 2>/dev/null |
            awk '{ print $1 }' | sort -u) |
        rule 'every descriptor stands in a table'
fi

ids=$(method_ids)
pages=$(find lib/bounds/pages -name '*.md' -printf '%f\n' 2>/dev/null |
    sed 's/\.md$//' | sort)
comm -3 <(grep . <<<"$ids") <(grep . <<<"$pages") | sed 's/^\t/a page but no method: /' |
    rule 'every bound method has its page'

# Keys of untested.txt may be patterns: a folder whose table one test walks.
list=tests/style/untested.txt
mapfile -t patterns < <(exceptions $list)
excused() { # FILE
    local pattern
    for pattern in "${patterns[@]}"; do
        [[ $1 == $pattern ]] && return
    done
    return 1
}
untested() {
    find lib api server -name '*.c' | sort | while read -r file; do
        [[ -f tests/unit/${file#lib/} ]] || echo "$file"
    done
}
untested | while read -r file; do
    excused "$file" || echo "$file"
done | rule 'every source file has its unit test'
for pattern in "${patterns[@]}"; do
    untested | while read -r file; do
        [[ $file == $pattern ]] && echo "$file"
    done | grep -q . || echo "$list: $pattern"
done | rule 'untested.txt lists untested files only'
find tests/unit -name '*.c' | sort | while read -r test; do
    file=${test#tests/unit/}
    dir=$(dirname "$file") # a test of a whole folder stands in its place
    [[ -f $file || -f lib/$file || -f lib/${file%.c}.h || -d lib/${file%.c} ]] ||
        [[ $dir == */* && ( -d $dir || -d lib/$dir ) ]] || echo "$test"
done | rule 'every unit test stands where its source does'

find tests/fuzz -name '*.c' ! -name replay.c | sort | while read -r target; do
    [[ -n $(ls "${target%.c}.corpus" 2>/dev/null) ]] ||
        echo "$target: no seeds in ${target%.c}.corpus/"
done | rule 'every fuzz target has seeds'
