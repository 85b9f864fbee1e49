#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A copy of a data directory, made while the daemon runs:
#
#   docker/backup.sh DATA-DIR TARGET
#
# TARGET must not exist. It is a data directory itself: to restore, start a
# daemon on a copy of it. Run as the daemon's user, or root.
#
# The databases come first, each as of one moment; then the files that they
# name, which never change once they are there. Checkpoints of jobs are left
# out: a job that was running begins anew and ends with the same result.
set -euo pipefail
data=${1:?usage: backup.sh DATA-DIR TARGET}
target=${2:?usage: backup.sh DATA-DIR TARGET}
umask 077
[[ -f $data/jobs.sqlite ]] || {
    echo "backup.sh: $data is no data directory" >&2
    exit 1
}
mkdir "$target"

snapshot() { # DATABASE COPY
    local sql="VACUUM INTO '${2//\'/\'\'}'"
    if command -v sqlite3 >/dev/null; then
        sqlite3 -batch -cmd '.timeout 30000' "$1" "$sql"
    else
        python3 - "$1" "$2" <<'EOF'
import sqlite3
import sys

source = sqlite3.connect(sys.argv[1], timeout=30)
source.execute('VACUUM INTO ?', (sys.argv[2],))
EOF
    fi
}

for database in "$data"/*.sqlite; do
    # Answers that can be computed again.
    [[ ${database##*/} != results.sqlite ]] || continue
    snapshot "$database" "$target/${database##*/}"
done
for folder in models datasets; do
    [[ -d $data/$folder ]] || continue
    mkdir "$target/$folder"
    # What is deleted meanwhile is not missed; what is half written has a name
    # that begins with a dot.
    for file in "$data/$folder"/*; do
        [[ -f $file ]] || continue
        cp -p "$file" "$target/$folder/" || [[ ! -e $file ]]
    done
done
sync
