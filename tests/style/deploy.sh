#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What docker/ deploys is true to the program: its flags, its environment, its
# metrics.
source tests/style/rule.sh

if [[ ! -x $BUILD/lipschitzd ]] || ! python3 -c 'import yaml' 2>/dev/null; then
    echo "skip $BUILD/lipschitzd or python3-yaml is missing: docker/ is not compared"
    exit 0
fi
"$BUILD/lipschitzd" --help | python3 tests/style/deploy.py |
    rule 'docker/ names flags, environment and metrics that exist'
