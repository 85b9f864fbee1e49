/* SPDX-License-Identifier: MIT
 *
 * Reproducible start vectors. */
#ifndef LIP_LINALG_RANDOM_H
#define LIP_LINALG_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* The next number of a SplitMix64 stream (Steele, Lea, Flood 2014). */
uint64_t lip_random_next(uint64_t *state);

/* x[n] uniform in [-1, 1), the same for the same seed everywhere. */
void lip_random_fill(double *x, size_t n, uint64_t seed);

#endif
