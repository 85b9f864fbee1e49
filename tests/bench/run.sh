#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs every benchmark of BUILD-DIR, one after the other, with one BLAS thread:
#
#   tests/bench/run.sh BUILD-DIR [NAME...]
#
# Each is a program tests/bench/x.c that prints lines
#
#   name value unit ratio baseline
#
# where ratio compares with the baseline named after it, measured in the same
# run ("-" where there is none). Ratios are what may be compared across
# machines; that is why machine.c prints first what this one is.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:?usage: tests/bench/run.sh BUILD-DIR [NAME...]}
shift
export OPENBLAS_NUM_THREADS=1 LIPSCHITZD=$PWD/$build/lipschitzd
failed=0

(($#)) || set -- $(basename -s .c tests/bench/*.c | grep -vx machine)
"$build/tests/bench/machine" || failed=1
printf '%-44s %12s %-10s %8s %s\n' name value unit ratio baseline
for name in "$@"; do
    "$build/tests/bench/$name" | awk '
        /^#/ || NF < 3 { print; next }
        { name = $1; value = $2; unit = $3; ratio = $4
          $1 = $2 = $3 = $4 = ""; sub(/^ +/, "")
          printf "%-44s %12s %-10s %8s %s\n", name, value, unit, ratio, $0 }'
    ((PIPESTATUS[0] == 0)) || { echo "# $name failed" && failed=1; }
done
exit $failed
