#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The dashboard and the guide speak of the metrics that there are.
source tests/style/rule.sh

# "NAME TYPE HELP" of every metric, out of the table that makes GET /metrics.
metrics() {
    echo 'lipschitzd_build_info gauge The running version'
    gcc -E -P -I. -Ilib -x c - <<<'#include "server/metrics.h"
#define X(constant, name, kind, labels, help) @ name kind help
LIPD_METRICS(X)' 2>/dev/null | tr -d '\n' | tr '@' '\n' |
        sed -nE 's/^ *"([a-z_]+)" ([A-Z]+) "(.*)" *$/\1 \2 \3/p' |
        sed -E 's/" +"//g; s/ (TIME|COUNTER) / counter /; s/ (SPAN|GAUGE) / gauge /
                s/ HISTOGRAM / histogram /; s/^/lipschitzd_/'
}

known=$(metrics)
{
    python3 tests/style/dashboard.py docker/grafana/lipschitzd.json \
        $(awk '{ print $1 ":" $2 }' <<<"$known") 2>&1
} | rule 'every metric is in a panel of the dashboard, and no other'

# The guide's table has each of them with its help, word for word.
sed -n '/^<!-- metrics -->$/,/^<!-- \/metrics -->$/p' docker/operation.md |
    sed -nE 's/^\| `([a-z_]+)` \| ([a-z]+) \| (.*) \|$/\1 \2 \3/p' |
    diff - <(echo "$known") | rule 'docker/operation.md explains every metric'

# The queue, and what is kept of answers, are those of the store: each daemon that
# shares it tells all of it.
grep -nE '"expr": "sum[^"]*lipschitzd_(jobs_queued|stored_result_bytes)' \
    docker/grafana/lipschitzd.json |
    rule 'the dashboard adds up nothing that daemons tell alike'

# Why requests were refused, as the label of that metric says it.
sed -n '/^#define LIPD_REJECTS/,/^$/p' server/metrics.h | grep -o '"[a-z_]*"' |
    tr -d '"' | while read -r reason; do
    grep -q "\`$reason\`" docker/operation.md || echo "$reason"
done | rule 'docker/operation.md explains every reason of a refusal'
