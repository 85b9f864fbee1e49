/* SPDX-License-Identifier: MIT
 *
 * Data sets made on the spot: something to train on before there is data. */
#ifndef LIP_TRAINING_GENERATE_H
#define LIP_TRAINING_GENERATE_H

#include "training/data.h"

struct lip_generator {
    const char *name; /* "two-moons" */
    const char *title;
    size_t features, classes, targets;
    /* Row i of `rows`, without noise: x[features], and the label, or y. */
    uint32_t (*row)(float *x, float *y, size_t i, size_t rows, uint64_t seed);
};

/* All generators, ended by NULL. */
extern const struct lip_generator *const lip_generators[];

/* The generator of this name, or NULL. */
const struct lip_generator *lip_generator_find(const char *name);

/* `rows` rows with normal noise of standard deviation `noise` on the features
 * (regression: on the targets). LIP_INVALID unless noise is finite and >= 0;
 * LIP_NO_MEMORY, LIP_TOO_LARGE. The same for the same seed. */
enum lip_status lip_generate(struct lip_data **out,
                             const struct lip_generator *generator, size_t rows,
                             double noise, uint64_t seed, struct lip_ctx *ctx);

#endif
