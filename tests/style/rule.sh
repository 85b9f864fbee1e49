# SPDX-License-Identifier: MIT
#
# For the scripts of this folder: `breaches | rule 'WHAT'` states one rule. The
# rule holds when nothing comes in; each line that does is a breach of it.
rule() {
    local breaches
    breaches=$(cat)
    if [[ -z $breaches ]]; then
        echo "ok $1"
    else
        echo "not ok $1"
        sed 's/^/# /' <<<"$breaches"
    fi
}

# A list of exceptions: lines 'KEY REASON...', comments with '#'. Prints the
# keys; an entry without a reason does not count.
exceptions() { # FILE
    awk '!/^#/ && NF > 2 { print $1 }' "$1"
}
