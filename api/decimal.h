/* SPDX-License-Identifier: MIT
 *
 * Doubles as decimal text, rounded to a chosen side of the exact value. */
#ifndef API_DECIMAL_H
#define API_DECIMAL_H

#include <stddef.h>

/* A double has at most 767 significant decimal digits; sign, point, exponent
 * and NUL come on top. */
enum { API_DECIMAL_DIGITS = 767, API_DECIMAL_SIZE = API_DECIMAL_DIGITS + 33 };

enum api_side {
    API_SIDE_NEAREST, /* no side: the fewest of up to 17 digits */
    API_SIDE_UPPER,   /* text >= value as real numbers */
    API_SIDE_LOWER    /* text <= value as real numbers */
};

/* Writes a JSON number that reads back as exactly this finite double, and
 * returns its length (a NUL follows). Where 17 digits rounded to the asked
 * side read back as the neighbour, more are written. Counts on printf and
 * strtod rounding correctly, as glibc and musl do, and on round to nearest. */
size_t api_decimal(char out[API_DECIMAL_SIZE], double value,
                   enum api_side side);

#endif
