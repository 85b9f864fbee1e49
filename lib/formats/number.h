/* SPDX-License-Identifier: MIT
 *
 * Decimal text to double, correctly rounded (to nearest, ties to even), for
 * numbers as JSON writes them. No allocation, no locale; time O(digits). */
#ifndef LIP_FORMATS_NUMBER_H
#define LIP_FORMATS_NUMBER_H

#include <stdint.h>

/* Reads the longest JSON number that begins at `at`. Returns the byte after
 * it, or NULL where there is none (no digit, a leading zero, "1." and so on).
 * *out is infinite where the number exceeds the largest double by half a unit
 * or more; too small ones become 0 with their sign. */
const unsigned char *lip_number_read(double *out, const unsigned char *at,
                                     const unsigned char *end);

/* The same without the value. */
const unsigned char *lip_number_skip(const unsigned char *at,
                                     const unsigned char *end);

/* Leading bits of powers of five; see number_table.c. */
enum { LIP_FIVE_MIN = -342, LIP_FIVE_MAX = 308 };
enum { LIP_FIVE_POWERS = LIP_FIVE_MAX - LIP_FIVE_MIN + 1 };
extern const uint64_t lip_five_powers[2 * LIP_FIVE_POWERS];

#endif
