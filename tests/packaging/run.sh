#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What is handed out:  tests/packaging/run.sh BUILD-DIR
#
# Every other script here prints a line 'ok WHAT' or 'not ok WHAT' for each rule
# it holds, with what breaks the rule on lines '# PLACE: WHY' after it; this one
# counts.
set -uo pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C.UTF-8 BUILD=${1:?usage: tests/packaging/run.sh BUILD-DIR}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for rules in sbom install deb; do
    bash "tests/packaging/$rules.sh" </dev/null || echo "not ok $rules.sh ends well"
done >"$log" 2>&1
sed -e 's/^not ok/FAIL  /' -e 's/^ok/ok    /' -e 's/^#/      |/' "$log"
passed=$(grep -c '^ok ' "$log")
failed=$(grep -c '^not ok ' "$log")
skipped=$(grep -c '^skip ' "$log")
echo "packaging: $passed passed, $failed failed, $skipped skipped"
[[ -z ${RESULTS-} ]] || echo "packaging $passed $failed $skipped" >>"$RESULTS"
((failed == 0))
