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

# The ids of the bound methods, as their descriptors state them.
method_ids() {
    find lib/bounds -name '*.c' -print0 |
        xargs -0 awk '/^const struct lip_method / { in_it = 1 }
            in_it && /^ *\.id = "/ { split($0, part, "\""); print part[2] }
            /^};/ { in_it = 0 }' | sort
}
