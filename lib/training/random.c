/* SPDX-License-Identifier: MIT
 *
 * Draws by counter, with the finaliser of SplitMix64 (Steele, Lea, Flood
 * 2014), a bijection of 64 bits that passes BigCrush on counters. */
#include "training/random.h"

#include <math.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t lip_draw(uint64_t seed, uint64_t stream, uint64_t i)
{
    const uint64_t golden = 0x9e3779b97f4a7c15u;
    uint64_t key = mix(mix(seed + golden) + stream * golden + 1);
    return mix(key + (i + 1) * golden);
}

double lip_draw_uniform(uint64_t seed, uint64_t stream, uint64_t i)
{
    return (double)(lip_draw(seed, stream, i) >> 11) * 0x1p-53;
}

double lip_draw_normal(uint64_t seed, uint64_t stream, uint64_t i)
{
    const double turn = 6.283185307179586;
    double radius = 1 - lip_draw_uniform(seed, stream, 2 * i);
    double angle = turn * lip_draw_uniform(seed, stream, 2 * i + 1);
    return sqrt(-2 * log(radius)) * cos(angle);
}

void lip_draw_permutation(uint32_t *order, uint32_t n, uint64_t seed,
                          uint64_t stream)
{
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = n; i-- > 1;) {
        uint64_t high = lip_draw(seed, stream, i) >> 32;
        uint32_t j = (uint32_t)(high * (i + 1u) >> 32);
        uint32_t held = order[i];
        order[i] = order[j];
        order[j] = held;
    }
}
