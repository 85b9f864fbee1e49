#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The main job from end to end: starts the daemon on a free port, posts a trained
# network, prints the bounds as a table, stops the daemon.
set -euo pipefail
cd "$(dirname "$0")/../.."
model=${1:-tests/models/mnist_mlp_128_64.safetensors}
query=${2:-methods=auto}
build=build/release
tmp=$(mktemp -d)
trap 'kill "${daemon-}" 2>/dev/null || true; rm -rf "$tmp"' EXIT

$build/lipschitzd --listen 127.0.0.1:0 --port-file "$tmp/port" \
    2>"$tmp/log" &
daemon=$!
for _ in {1..100}; do
    [[ -s $tmp/port ]] && break
    kill -0 $daemon 2>/dev/null || { cat "$tmp/log" >&2; exit 1; }
    sleep 0.05
done
url=http://127.0.0.1:$(cat "$tmp/port")/bound

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

kill -TERM $daemon
wait $daemon
