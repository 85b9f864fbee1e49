#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs the steps of a check, each a command line, all of them also when one
# fails, and ends with the sum of what they counted:
#
#   tests/steps.sh 'COMMAND...' 'COMMAND...'
#
# A step appends 'name passed failed skipped' to the file $RESULTS. One that
# fails without having said so counts as one failure.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
RESULTS=$(mktemp build/results.XXXXXX)
export RESULTS
trap 'rm -f "$RESULTS"' EXIT

for step in "$@"; do
    echo "=== ${step%% tests/*}" # without the list of programs
    before=$(awk '{ n += $3 } END { print n + 0 }' "$RESULTS")
    start=$SECONDS
    if ! bash -c "$step"; then
        after=$(awk '{ n += $3 } END { print n + 0 }' "$RESULTS")
        ((after > before)) || echo "${step%% *} 0 1 0" >>"$RESULTS"
    fi
    echo "    $((SECONDS - start)) s"
done
echo
awk '{ printf "%-10s %6d passed %4d failed %4d skipped\n", $1, $2, $3, $4 }' \
    "$RESULTS"
awk '{ p += $2; f += $3; s += $4 }
     END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 }' \
    "$RESULTS"
