#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Lints api/openapi.yaml with redocly where Node.js and its registry are at
# hand, and says so where not.
set -uo pipefail
cd "$(dirname "$0")/../.."
tool=@redocly/cli@2.11.1
count() { # PASSED FAILED SKIPPED
    echo "openapi: $1 passed, $2 failed, $3 skipped"
    [[ -z ${RESULTS-} ]] || echo "openapi $1 $2 $3" >>"$RESULTS"
    exit "$2"
}

if ! command -v npm >/dev/null; then
    echo 'skipped: no npm on this machine'
    count 0 0 1
fi
mkdir -p build/node
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
redocly=build/node/node_modules/.bin/redocly
if [[ ! -x $redocly ]] && ! timeout 120 npm install --silent --no-audit \
    --no-fund --prefix build/node "$tool" >build/node/log 2>&1; then
    echo "skipped: npm could not get $tool"
    count 0 0 1
fi
if "$redocly" lint api/openapi.yaml; then count 1 0 0; else count 0 1 0; fi
