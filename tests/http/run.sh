#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The daemon against the standard: each tests/http/x.vtc states what RFC 9110 or
# 9112 asks for and holds the program in BUILD-DIR to it, byte by byte, with
# varnishtest.
#
#   tests/http/run.sh BUILD-DIR [tests/http/x.vtc ...]     default: all
#
# A script finds three daemons: ${addr}, with a ${model} (its ${digest}; as JSON
# of ${size} bytes and with the tag ${etag}), a ${wide} one, a ${dataset} and a finished ${job}; ${slow}, with short deadlines;
# ${guarded}, which wants the ${token}.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:?usage: tests/http/run.sh BUILD-DIR [SCRIPT...]}
shift
(($#)) || set -- tests/http/*.vtc
export OPENBLAS_NUM_THREADS=1
unset http_proxy

if ! command -v varnishtest >/dev/null; then
    echo 'http: no varnishtest on this machine'
    [[ -z ${RESULTS-} ]] || echo 'http 0 0 1' >>"$RESULTS"
    exit 0
fi
work=$(mktemp -d)
pids=()
finish() {
    ((${#pids[@]})) && kill "${pids[@]}" && wait "${pids[@]}"
    rm -rf "$work"
} 2>/dev/null
trap finish EXIT

start() { # NAME FLAG...: its address in $work/NAME
    local name=$1
    shift
    "$build/lipschitzd" --listen 127.0.0.1:0 --port-file "$work/$name.port" \
        --log-level warning "$@" 2>"$work/$name.log" &
    pids+=($!)
    for ((i = 0; i < 300; i++)); do
        [[ -s $work/$name.port ]] && break
        sleep 0.1
    done
    echo "127.0.0.1:$(<"$work/$name.port")" >"$work/$name"
}
token=$("$build/lipschitzd" --token tester 2>&1 >"$work/tokens" |
    grep -oE '[A-Za-z0-9_-]{20,}' | tail -n 1)
start addr --data-dir "$work/data" --max-body 1M --workers 2
start slow --header-timeout 1 --body-timeout 1 --body-rate 1M
start guarded --tokens "$work/tokens" --data-dir "$work/guarded.data"
addr=$(<"$work/addr")

field() { sed -nE "s/.*\"$1\":\"([^\"]+)\".*/\1/p"; }
send() { # PATH BODY
    curl -sS --fail-with-body "http://$addr$1" --data-binary "$2"
}
# A model whose bound takes its time: entries 1 and -1 that look random.
wide() {
    awk 'function layer() {
            printf "{\"type\":\"dense\",\"weight\":["
            for (r = 0; r < 200; r++) {
                printf r ? ",[" : "["
                for (c = 0; c < 200; c++) {
                    seed = (seed * 16807) % 2147483647
                    printf "%s%d", c ? "," : "", seed % 2 ? 1 : -1
                }
                printf "]"
            }
            printf "]}"
        }
        BEGIN {
            seed = 1
            printf "{\"layers\":["
            for (l = 0; l < 6; l++) {
                if (l)
                    printf ",{\"type\":\"relu\"},"
                layer()
            }
            printf "]}"
        }'
}
layers='{"layers":[{"type":"dense","weight":[[1,2],[3,4]]},{"type":"relu"},{"type":"dense","weight":[[1,-1]]}]}'
model=$(send /models "$layers" | field id)
file=$(curl -sSI "http://$addr/models/$model?format=json")
etag=$(sed -nE 's/^ETag: "(.*)".*/\1/ip' <<<"$file")
size=$(sed -nE 's/^Content-Length: ([0-9]+).*/\1/ip' <<<"$file")
wide >"$work/wide"
wide=$(send /models "@$work/wide" | field id)
dataset=$(send /datasets '{"x":[[1],[2],[3]],"y":[0,1,0]}' | field id)
job=$(send /train '{"dataset":{"generate":"two-moons","samples":20},"model":{"layers":[{"type":"dense","units":2}]},"constraint":{"lipschitz":1},"epochs":1}' |
    sed -nE 's/^\{"id":"([^"]+)".*/\1/p')
curl -sS -o "$work/job" "http://$addr/jobs/$job?wait=60"
for ((i = 0; i < 60; i++)); do
    grep -q succeeded "$work/job" && break
    curl -sS -o "$work/job" "http://$addr/jobs/$job?wait=5"
done

passed=0 failed=0
for script in "$@"; do
    began=$EPOCHREALTIME
    if log=$(varnishtest -v -t 120 -Daddr="$addr" -Dslow="$(<"$work/slow")" \
        -Dguarded="$(<"$work/guarded")" -Dtoken="$token" -Dmodel="$model" \
        -Ddigest="${model#*:}" -Dwide="$wide" -Ddataset="$dataset" \
        -Djob="$job" -Detag="$etag" -Dsize="$size" "$script" 2>&1); then
        ((passed++))
        printf 'ok    http/%-35s %6.1f s\n' "$(basename "$script" .vtc)" \
            "$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')"
    else
        ((failed++))
        echo "FAIL  http/$(basename "$script" .vtc)"
        grep -B 40 -m 1 '^----' <<<"$log" | cut -c 1-200 | sed 's/^/      | /'
    fi
done
for i in "${!pids[@]}"; do
    kill "${pids[i]}"
    if wait "${pids[i]}"; then ((passed++)); else
        ((failed++))
        echo "FAIL  http: a daemon ended with status $?"
        grep -hv '^{' "$work"/*.log | head -n 60 | sed 's/^/      | /'
    fi
done
pids=()
echo "http: $passed passed, $failed failed, 0 skipped"
[[ -z ${RESULTS-} ]] || echo "http $passed $failed 0" >>"$RESULTS"
((failed == 0))
