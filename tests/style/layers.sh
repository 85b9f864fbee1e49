#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The arrows run one way: who may use whom, by what is included and by what the
# linker sees.
source tests/style/rule.sh

# Each module, and the modules that it may use besides itself.
layers='
lib/base
lib/linalg   lib/base
lib/network  lib/linalg lib/base
lib/formats  lib/network lib/linalg lib/base
lib/bounds   lib/network lib/linalg lib/base
lib/certify  lib/bounds lib/network lib/linalg lib/base
lib/training lib/bounds lib/network lib/linalg lib/base
api          lib/training lib/certify lib/bounds lib/formats lib/network lib/linalg lib/base
check        lib/formats lib/network lib/base
server       api lib/training lib/certify lib/bounds lib/formats lib/network lib/linalg lib/base
'
modules() {
    { find lib -mindepth 1 -maxdepth 1 -type d; echo api; echo check; echo server; } | sort
}
sources() { find lib api server -name '*.[ch]' | sort; }

modules | grep -vxFf <(awk 'NF { print $1 }' <<<"$layers") |
    sed 's/$/: not in the table of layers/' |
    rule 'every module has its place in the layers'

# Project headers are named from lib/ ("base/size.h") or from the top.
sources | xargs grep -HnoE '^#include "[^"]+"' |
    awk -v layers="$layers" '
        function module(path,    part) {
            split(path, part, "/")
            if (path ~ /^server\/check\//) return "check"
            return part[1] == "lib" ? "lib/" part[2] : part[1]
        }
        BEGIN {
            rows = split(layers, row, "\n")
            for (i = 1; i <= rows; i++) {
                n = split(row[i], word, " ")
                for (j = 1; j <= n; j++) allowed[word[1], word[j]] = 1
            }
        }
        {
            split($0, at, ":")
            split($0, quoted, "\"")
            used = quoted[2]
            if (used !~ /^(lib|api|server)\//) used = "lib/" used
            if (!((module(at[1]), module(used)) in allowed))
                print at[1] ":" at[2] ": includes " quoted[2]
        }' |
    rule 'includes follow the layers'

# Which system header belongs to which files.
owned() { # HEADER-REGEX FILE-REGEX
    sources | xargs grep -HnE "^#include <($1)>" | grep -vE "^($2):"
}
{
    owned 'microhttpd\.h' 'server/http\.c'
    owned 'jansson\.h' '(api|server)/.*'
    owned 'sqlite3\.h' 'server/jobs/sqlite\.h|server/store/((holdings|results)_sqlite\.c|sqlite_bind\.h)'
    owned '(arb|arf|flint|fmpz).*\.h' 'server/check/.*'
    owned 'hdf5\.h' 'server/h5/.*'
    owned 'lapacke\.h|lapack\.h' 'lib/linalg/.*'
    owned 'cblas\.h' 'lib/(linalg|network|bounds|certify|training)/.*|api/version\.c|server/main\.c'
    owned 'zip\.h' 'lib/formats/.*'
    owned 'zlib\.h' 'lib/(training|formats)/.*'
    owned 'nettle/.*' 'lib/base/.*|server/.*'
} | rule 'each foreign library stays behind its own files'

# Symbols: "file name" of all that is defined and of all that is wanted.
mapfile -t objects < <(find "$BUILD"/{lib,api,server} -name '*.o' 2>/dev/null |
    while read -r object; do
        source=${object#"$BUILD"/}
        [[ ! -f ${source%.o}.c ]] || echo "$object" # else of a file that is gone
    done)
symbols() { # nm options
    nm -A "$@" --format=posix "${objects[@]}" |
        sed -E "s|^$BUILD/([^:]*)\.o: ([^ ]*) .*|\1.c \2|"
}
defined=$(symbols --defined-only --extern-only)
wanted=$(symbols --undefined-only)

awk -v layers="$layers" '
    function module(path,    part) {
        split(path, part, "/")
        if (path ~ /^server\/check\//) return "check"
        return part[1] == "lib" ? "lib/" part[2] : part[1]
    }
    BEGIN {
        rows = split(layers, row, "\n")
        for (i = 1; i <= rows; i++) {
            n = split(row[i], word, " ")
            for (j = 1; j <= n; j++) allowed[word[1], word[j]] = 1
        }
    }
    NR == FNR { home[$2] = $1; next }
    $2 in home && !((module($1), module(home[$2])) in allowed) {
        print $1 ": calls " $2 " of " home[$2]
    }' <(echo "$defined") <(echo "$wanted") |
    rule 'symbols follow the layers'

{
    grep -E '^lib/.* (json_|MHD_)' <<<"$wanted"
    grep -E ' MHD_' <<<"$wanted" | grep -v '^server/http\.c '
} | rule 'the library knows neither JSON documents nor HTTP'

# What a library must leave to its caller.
grep -E '^lib/.* (_*(v?f?printf|puts|fputs|putchar|perror)(_chk)?|stdout|stderr|exit|_exit|abort|setlocale|uselocale|fesetround|signal|sigaction|fork|system)$' \
    <<<"$wanted" | rule 'the library prints nothing, ends nothing, sets nothing'

# External names carry a prefix, so that the library can be linked anywhere.
grep -E '^lib/' <<<"$defined" | awk '$2 !~ /^lip_/' |
    rule 'what the library exports begins with lip_'

# The checker answers for the library, and the daemon runs without what only the
# checker needs.
{
    ldd "$BUILD/lipschitzd" 2>/dev/null | grep -oE 'lib(flint|arb)[^ ]*' |
        sed 's/^/the daemon needs /'
    ldd "$BUILD/lipschitz-check" 2>/dev/null |
        grep -oE 'lib(openblas|lapacke|microhttpd)[^ ]*' |
        sed 's/^/the checker needs /'
} | rule 'daemon and checker share the readers only'
