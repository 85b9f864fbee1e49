#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs test programs that were built into BUILD-DIR, two at a time, and counts
# their checks.
#
#   tests/run.sh BUILD-DIR [tests/unit/base/size.c ...]     default: all
#
# A program passes when it exits 0 and libcheck's summary counts at least one
# check and no failure. A line 'SKIP: reason' counts one skipped check. What a
# failing program printed is shown in full. The totals go to stdout and, where
# RESULTS names a file, as one line to its end.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:?usage: tests/run.sh BUILD-DIR [SOURCE...]}
shift
name=${build##*/}
limit=${TEST_TIMEOUT:-300}

# One BLAS thread: two programs run at a time, and bounds are proven with one.
export OPENBLAS_NUM_THREADS=1 LIPSCHITZD=$PWD/$build/lipschitzd
# A test that says nothing of its time is stopped after 20 seconds, on a machine
# that others use too; libcheck's own 4 are soon over there.
export CK_DEFAULT_TIMEOUT=20
wrap=()
case $name in
address)
    export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1
    export UBSAN_OPTIONS=print_stacktrace=1 CK_TIMEOUT_MULTIPLIER=10
    ;;
thread)
    export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
    export CK_TIMEOUT_MULTIPLIER=10
    # TSan needs an address space that is not shuffled too far.
    setarch -R true 2>/dev/null && wrap=(setarch -R)
    ;;
plain)
    # Valgrind knows no AVX-512; a fork per test would hide the leaks.
    export OPENBLAS_CORETYPE=Haswell CK_FORK=no CK_TIMEOUT_MULTIPLIER=50
    wrap=(valgrind --quiet --error-exitcode=99 --leak-check=full
        --errors-for-leak-kinds=definite)
    limit=$((limit * 3))
    ;;
esac

if (($# == 0)); then
    mapfile -t sources < <(find tests/unit tests/golden tests/property \
        tests/e2e -name '*.c' 2>/dev/null | sort)
    set -- "${sources[@]}"
fi
logs=$build/tests/log
rm -rf "$logs"
mkdir -p "$logs"

run_one() { # SOURCE: writes LOG and LOG.count ("passed failed skipped")
    local program=$build/${1%.c} id=${1#tests/} log code tmp start took
    id=${id%.c}
    log=$logs/${id//\//.}
    tmp=$(mktemp -d)
    start=$EPOCHREALTIME
    TMPDIR=$tmp timeout -k 10 "$limit" "${wrap[@]}" "$program" \
        >"$log" 2>&1 </dev/null
    code=$?
    took=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN{printf "%.1f", b-a}')
    rm -rf "$tmp"
    ((code == 124 || code == 137)) && echo "no end within $limit s" >>"$log"
    awk -v code="$code" '
        /^SKIP: / { skipped++ }
        /^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$/ {
            gsub(/[^0-9]+/, " ")
            checks += $2; bad += $3 + $4
        }
        END {
            if (!bad && (code || checks + skipped == 0)) { bad = 1; checks++ }
            print checks - bad, bad + 0, skipped + 0
        }' "$log" >"$log.count"
    read -r passed failed skipped <"$log.count"
    if ((failed)); then
        printf 'FAIL  %-40s %d of %d failed, exit status %d\n' \
            "$id" "$failed" $((passed + failed)) "$code"
        sed 's/^/      | /' "$log"
    else
        printf 'ok    %-40s %4d checks %6s s\n' "$id" "$passed" "$took"
        sed -n 's/^SKIP: /      skipped: /p' "$log"
    fi >"$log.report"
    cat "$log.report"
}
export build logs limit
if (($# > 0)); then
    # Arrays do not cross a process boundary; the words of wrap have no spaces.
    export -f run_one
    export wrap_words="${wrap[*]}"
    printf '%s\0' "$@" | xargs -0 -n 1 -P "${TEST_JOBS:-2}" bash -c \
        'read -ra wrap <<<"$wrap_words"; run_one "$1"' run_one
fi

total=$(cat "$logs"/*.count 2>/dev/null |
    awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
read -r passed failed skipped <<<"$total"
if (($(find "$logs" -name '*.count' | wc -l) != $#)); then
    echo "FAIL  not every program was run" && ((failed++))
fi
echo "$name: $passed passed, $failed failed, $skipped skipped"
[[ -z ${RESULTS-} ]] || echo "$name $passed $failed $skipped" >>"$RESULTS"
((failed == 0))
