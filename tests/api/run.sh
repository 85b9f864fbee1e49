#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The daemon against its OpenAPI document: starts the one in BUILD-DIR, without
# tokens and with some, and sends REQUESTS random requests to each half.
#
#   tests/api/run.sh BUILD-DIR REQUESTS [FLAG...]     flags of fuzz.py
#
# SEED makes it do the same again; STORE is a database to run on. What is found
# is kept with its request in BUILD-DIR/tests/api/.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:?usage: tests/api/run.sh BUILD-DIR REQUESTS} requests=${2:?}
shift 2
export OPENBLAS_NUM_THREADS=1
export ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
patience=30
[[ $build == *release ]] || patience=120
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
out=$build/tests/api
rm -rf "$out"
mkdir -p "$out"
work=$(mktemp -d)
pid=
trap '[[ -z $pid ]] || kill "$pid"; rm -rf "$work"' EXIT
passed=0 failed=0

if ! /usr/bin/python3 -c 'import yaml' 2>/dev/null; then
    echo 'api: no python3 with yaml on this machine'
    [[ -z ${RESULTS-} ]] || echo 'api 0 0 1' >>"$RESULTS"
    exit 0
fi

# NAME FLAG...: the daemon; then the fuzzer with what is in $tokens.
fuzz() {
    local name=$1 store=()
    shift
    [[ -z ${STORE-} ]] || store=(--store "$STORE")
    "$build/lipschitzd" --listen 127.0.0.1:0 --port-file "$work/$name.port" \
        --data-dir "$work/$name" --log-level debug --max-body 1M \
        --max-time 2 --job-time 5 "${store[@]}" "$@" 2>"$out/$name.log" &
    pid=$!
    for ((i = 0; i < 600; i++)); do
        [[ -s $work/$name.port ]] && break
        sleep 0.1
    done
    if /usr/bin/python3 -B tests/api/fuzz.py --seed "$seed" \
        --address "127.0.0.1:$(<"$work/$name.port")" --patience "$patience" \
        --requests $((requests / 2)) --out "$out/$name" "${flags[@]}" \
        "${tokens[@]}" >"$out/$name.txt"; then
        printf 'ok    api/%-10s seed %s: %s\n' "$name" "$seed" \
            "$(tail -n 1 "$out/$name.txt")"
        ((passed += requests / 2))
    else
        printf 'FAIL  api/%s, seed %s\n' "$name" "$seed"
        tail -n 60 "$out/$name.txt" | sed 's/^/      | /'
        ((failed++))
    fi
    kill "$pid"
    wait "$pid" || {
        echo "FAIL  api/$name: the daemon ended with status $?"
        grep -v '^{' "$out/$name.log" | head -n 60 | sed 's/^/      | /'
        ((failed++))
    }
    pid=
    # Secrets are what is behind "=" in the fuzzer's --token NAME=SECRET.
    if ! /usr/bin/python3 -B tests/api/log.py "$out/$name.log" \
        $((requests / 2)) $(printf '%s\n' "${tokens[@]}" |
            sed -n 's/.*=//p') >"$out/$name.log.txt"; then
        echo "FAIL  api/$name, seed $seed: the log"
        sed 's/^/      | /' "$out/$name.log.txt"
        ((failed++))
    fi
    [[ $failed != 0 ]] || rm -f "$out/$name.log"
}

flags=("$@")
tokens=()
fuzz open
tenant() { # NAME SCOPES [LIMITS]
    local token
    token=$("$build/lipschitzd" --token "$@" 2>&1 >>"$work/tokens" | tail -n 1)
    tokens+=(--token "$1=$token")
}
tenant alice bound,train
tenant bob bound
tenant carol train
tenant admin admin
tenant dora bound,train requests=50/s jobs=2 body=2K time=0.2 stored=20K
fuzz tenants --tokens "$work/tokens"
echo "api: $passed passed, $failed failed, 0 skipped"
[[ -z ${RESULTS-} ]] || echo "api $passed $failed 0" >>"$RESULTS"
((failed == 0))
