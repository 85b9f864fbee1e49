/* SPDX-License-Identifier: MIT
 *
 * SplitMix64. */
#include "linalg/random.h"

uint64_t lip_random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void lip_random_fill(double *x, size_t n, uint64_t seed)
{
    uint64_t state = seed;
    for (size_t i = 0; i < n; i++)
        x[i] = (double)(int64_t)lip_random_next(&state) * 0x1p-63;
}
