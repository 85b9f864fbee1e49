/* SPDX-License-Identifier: MIT
 *
 * Where training starts: initial weights. */
#ifndef LIP_TRAINING_INITIAL_H
#define LIP_TRAINING_INITIAL_H

#include "training/model.h"

struct lip_initial {
    const char *name; /* "orthogonal", "he-normal", "glorot-uniform", ... */
    const char *title;
    enum lip_status (*fill)(float *weight, size_t rows, size_t cols,
                            uint64_t seed, uint64_t stream,
                            struct lip_ctx *ctx);
};

/* All of them, ended by NULL. */
extern const struct lip_initial *const lip_initials[];

const struct lip_initial *lip_initial_find(const char *name);

/* Fills every matrix of the model, biases zero. The same for the same seed. */
enum lip_status lip_initialise(const struct lip_model *model,
                               const struct lip_initial *initial, uint64_t seed,
                               struct lip_ctx *ctx);

#endif
