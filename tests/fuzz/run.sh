#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Fuzz targets: tests/fuzz/x.c, its seeds and what the fuzzer has found in
# tests/fuzz/x.corpus/.
#
#   tests/fuzz/run.sh BUILD-DIR           replay the corpora
#   tests/fuzz/run.sh BUILD-DIR SECONDS   fuzz each target (libFuzzer build);
#                                         new inputs go to BUILD-DIR/corpus/x/
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:?usage: tests/fuzz/run.sh BUILD-DIR [SECONDS]}
seconds=${2-}
export OPENBLAS_NUM_THREADS=1
export ASAN_OPTIONS=allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
passed=0 failed=0

replay() { # TARGET: every input must come back within the time
    local inputs=(tests/fuzz/"$1".corpus/*) log
    if log=$(timeout 120 "$build/tests/fuzz/$1" "${inputs[@]}" 2>&1); then
        printf 'ok    fuzz/%-35s %4d inputs\n' "$1" "${#inputs[@]}"
        ((passed += ${#inputs[@]}))
    else
        printf 'FAIL  fuzz/%s, exit status %d\n' "$1" $?
        tail -n 60 <<<"$log" | sed 's/^/      | /'
        ((failed++))
    fi
}
fuzz() { # TARGET
    mkdir -p "$build/corpus/$1"
    "$build/tests/fuzz/$1" -max_total_time="$seconds" -timeout=5 \
        -rss_limit_mb=1024 -malloc_limit_mb=512 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="$build/corpus/$1-" \
        "$build/corpus/$1" tests/fuzz/"$1".corpus || ((failed++))
}

for source in tests/fuzz/*.c; do
    target=$(basename "$source" .c)
    [[ $target == replay ]] && continue
    if [[ -n $seconds ]]; then fuzz "$target"; else replay "$target"; fi
done
[[ -n $seconds ]] && exit "$failed"
echo "corpora: $passed passed, $failed failed, 0 skipped"
[[ -z ${RESULTS-} ]] || echo "corpora $passed $failed 0" >>"$RESULTS"
((failed == 0))
