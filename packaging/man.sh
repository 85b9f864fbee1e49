#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The man page of a program, made of what its --help says and of the sections in
# packaging/NAME.roff.
#
#   packaging/man.sh PROGRAM SECTION VERSION 'WHAT IT IS IN A LINE'
set -euo pipefail
export LC_ALL=C
program=${1:?} section=${2:?} version=${3:?} what=${4:?}
name=${program##*/}
date=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%d)

{ "$program" --help 2>&1 || true; } | awk -v name="$name" -v section="$section" \
    -v version="$version" -v what="$what" -v date="$date" '
    function text(line) {
        gsub(/\\/, "\\e", line)
        gsub(/-/, "\\-", line)
        sub(/^[.\x27]/, "\\\\\\&&", line)
        return line
    }
    function heading(title) {
        if (title != at)
            print ".SH " title
        at = title
    }
    BEGIN {
        print ".TH " toupper(name) " " section " " date " \"lipschitzd " \
            version "\" \"\""
        heading("NAME")
        print text(name) " \\- " text(what)
    }
    NR == 1 && index($0, name ": ") == 1 { next }
    /^$/ { gap = 1; synopsis = 0; next }
    /^usage: / || synopsis {
        if (!synopsis)
            heading("SYNOPSIS")
        else
            print ".br"
        sub(/^usage: /, "")
        sub(/^ +/, "")
        print ".B " text($0)
        synopsis = 1
        next
    }
    /^ ? ? ? ?-/ || /^  [^ ]/ {
        heading(/^ *-/ ? "OPTIONS" : "DESCRIPTION")
        sub(/^ +/, "")
        split_at = match($0, /  +[^( ]/)
        print ".TP\n.B " text(split_at ? substr($0, 1, split_at - 1) : $0)
        if (split_at) {
            rest = substr($0, split_at)
            sub(/^ +/, "", rest)
            print text(rest)
        }
        tagged = 1
        gap = 0
        next
    }
    /^ +/ {
        sub(/^ +/, "")
        print text($0)
        gap = 0
        next
    }
    {
        if (at == "SYNOPSIS")
            heading("DESCRIPTION")
        else if (gap)
            print ".PP"
        print text($0)
        gap = 0
    }'
extra=packaging/$name.roff
[[ ! -f $extra ]] || grep -v '^\.\\"' "$extra"
