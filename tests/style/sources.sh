#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# How a source file looks, line by line, and the functions that none may call.
source tests/style/rule.sh

mapfile -t code < <(find lib api server -name '*.[ch]' | sort)
mapfile -t all_code < <(find lib api server tests -name '*.[ch]' | sort)
mapfile -t scripts < <(find tests docker packaging -name '*.sh' | sort; echo .ci/run)

for file in "${all_code[@]}"; do
    head -n 1 "$file" | grep -q '^/\* SPDX-License-Identifier: MIT$' &&
        sed -n '3p' "$file" | grep -q '^ \* .' || echo "$file"
done | rule 'C files open with the licence line and what they are for'

for file in "${scripts[@]}" Makefile docker/Dockerfile; do
    head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file"
done | rule 'scripts open with the licence line'

grep -HnE '^.{81}' "${all_code[@]}" | cut -c 1-60 | rule '80 columns'
grep -HnP '\t|[ \r]$' "${all_code[@]}" "${scripts[@]}" | cut -c 1-60 |
    rule 'no tabs, no blanks at the end of a line'
wc -l "${code[@]}" | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 }' |
    rule 'no product file over 600 lines'
grep -HnE '\b(TODO|FIXME|XXX|HACK)\b' "${all_code[@]}" "${scripts[@]}" |
    grep -v '^tests/style/sources\.sh:' | rule 'no marks of unfinished work'

# Banned calls, looked for where the comments are gone.
banned='v?sprintf|strcpy|strncpy|stpcpy|strcat|strncat|strtok|gets|ato[ifl]|atoll|gmtime|localtime|ctime|asctime|alloca|setlocale|uselocale|fesetround|system|popen|tmpnam|mktemp|rand|srand'
memory='malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|posix_memalign|aligned_alloc'
# "path: line of code", the strings emptied; gcc marks where each file begins.
stripped=$(gcc -fpreprocessed -dD -E "${code[@]}" 2>/dev/null |
    awk '/^# [0-9]+ "/ { file = $3; gsub(/"/, "", file); next }
         { gsub(/"([^"\\]|\\.)*"/, "\"\""); print file ": " $0 }')
calls() { # REGEX
    grep -oE "^[^:]+: |(^|[^_[:alnum:].>])($1) ?\(" <<<"$stripped" |
        awk '/: $/ { file = $0; next } { print file $0 }' | sort -u
}
calls "$banned" | rule 'no banned function'
calls "$memory" | grep -v '^server/\|^lib/base/memory\.c: ' |
    rule 'lib and api take memory by lip_alloc only'
grep -HnE '\btypedef (struct|union|enum)\b' "${code[@]}" |
    rule 'structs are named, not typedefed'
grep -HnE '\bgoto [a-z_]+;' "${code[@]}" | grep -v 'goto out;' |
    rule 'goto leads to out: only'
grep -nE -- '^[^#]*-(ffast-math|Ofast|funsafe)' Makefile |
    rule 'no flag that bends the arithmetic'

# Guards are the path, so that no two headers share one.
for file in $(printf '%s\n' "${code[@]}" | grep '\.h$'); do
    guard=$(sed -n 's/^#ifndef //p' "$file" | head -n 1)
    want=${file^^}
    want=${want//[^A-Z0-9]/_}
    want=${want/#LIB_/LIP_}
    [[ $guard == "${want/#SERVER_/LIPD_}" ]] || echo "$file: guard $guard"
done | rule 'include guards spell the path'

if command -v clang-format-14 >/dev/null; then
    clang-format-14 --dry-run "${all_code[@]}" 2>&1 |
        sed -n 's/^\([^:]*:[0-9]*\):.*/\1/p' | rule 'clang-format has nothing to say'
else
    echo 'skip clang-format 14 is not here'
fi
