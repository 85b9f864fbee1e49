#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The main jobs from end to end: starts the daemon on a free port, posts a trained
# network, prints the bounds as a table; trains a network that keeps a limit,
# with its progress as it goes; stops the daemon.
set -euo pipefail
cd "$(dirname "$0")/../.."
model=${1:-tests/models/mnist_mlp_128_64.safetensors}
query=${2:-methods=auto}
build=build/release
tmp=$(mktemp -d)
trap 'kill "${daemon-}" 2>/dev/null || true; rm -rf "$tmp"' EXIT

$build/lipschitzd --listen 127.0.0.1:0 --port-file "$tmp/port" \
    --data-dir "$tmp/data" 2>"$tmp/log" &
daemon=$!
for _ in {1..100}; do
    [[ -s $tmp/port ]] && break
    kill -0 $daemon 2>/dev/null || { cat "$tmp/log" >&2; exit 1; }
    sleep 0.05
done
base=http://127.0.0.1:$(cat "$tmp/port")
url=$base/bound

echo
echo "\$ curl --data-binary @$model '$url?$query'"
echo
if ! curl -sS --fail-with-body -m 120 -o "$tmp/answer" \
    -H 'Content-Type: application/octet-stream' \
    --data-binary "@$model" "$url?$query"; then
    cat "$tmp/answer" "$tmp/log" >&2
    exit 1
fi
$build/tests/demo/table <"$tmp/answer"

request='{"dataset": {"generate": "spirals", "samples": 4000, "noise": 0.05},
  "model": {"layers": [{"type": "dense", "units": 64}, {"type": "max-min"},
                       {"type": "dense", "units": 64}, {"type": "max-min"},
                       {"type": "dense", "units": 2}]},
  "constraint": {"norm": 2, "lipschitz": 10}, "epochs": 1000,
  "validation": {"split": 0.2, "radii": [0.02, 0.05]}}'
echo "\$ curl -d '$request' $base/train"
curl -sS --fail-with-body -m 30 -d "$request" "$base/train" >"$tmp/answer"
job=$(sed 's/.*"id": *"\([0-9a-f]*\)".*/\1/' "$tmp/answer")
echo "\$ curl -N $base/jobs/$job/events"
echo
curl -sSN -m 300 "$base/jobs/$job/events" | $build/tests/demo/training
curl -sS -m 30 "$base/jobs/$job" | $build/tests/demo/training

kill -TERM $daemon
wait $daemon
