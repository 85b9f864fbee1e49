/* SPDX-License-Identifier: MIT
 *
 * Random numbers by counter: draw i of a stream is a function of the seed, the
 * stream and i alone. Nothing has to be kept to go on where a run stopped, and
 * workers draw without waiting for each other. */
#ifndef LIP_TRAINING_RANDOM_H
#define LIP_TRAINING_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What the numbers of a run are used for: one stream each. */
enum lip_stream {
    LIP_STREAM_DATA = 1, /* generated data sets */
    LIP_STREAM_SPLIT,    /* which rows validate */
    LIP_STREAM_WEIGHTS,  /* plus the layer's number * LIP_STREAM_COUNT */
    LIP_STREAM_SHUFFLE,  /* plus the epoch's number * LIP_STREAM_COUNT */
    LIP_STREAM_WARM,     /* start vectors of power iterations */
    LIP_STREAM_AUGMENT,  /* plus the epoch's number * LIP_STREAM_COUNT */
    LIP_STREAM_COUNT
};

/* 64 bits: two rounds of the SplitMix64 finaliser over seed, stream, i. */
uint64_t lip_draw(uint64_t seed, uint64_t stream, uint64_t i);

/* Uniform in [0, 1), a multiple of 2^-53. */
double lip_draw_uniform(uint64_t seed, uint64_t stream, uint64_t i);

/* Standard normal (Box and Muller, from draws 2 i and 2 i + 1). */
double lip_draw_normal(uint64_t seed, uint64_t stream, uint64_t i);

/* order[n]: a permutation of 0 .. n - 1, each equally likely up to 2^-32
 * (Fisher and Yates). O(n). */
void lip_draw_permutation(uint32_t *order, uint32_t n, uint64_t seed,
                          uint64_t stream);

#endif
