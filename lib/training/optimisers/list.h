/* SPDX-License-Identifier: MIT
 *
 * The list of optimisers: a new one is its file here and one line below. */
#ifndef LIP_TRAINING_OPTIMISERS_LIST_H
#define LIP_TRAINING_OPTIMISERS_LIST_H

#include "training/optimiser.h"

/* clang-format off */
#define LIP_EACH_OPTIMISER(row) \
    row(sgd) \
    row(adam) \
    row(adamw) \
    row(muon)
/* clang-format on */

#define LIP_DECLARE_OPTIMISER(id)                                              \
    extern const struct lip_optimiser lip_optimiser_##id;
LIP_EACH_OPTIMISER(LIP_DECLARE_OPTIMISER)
#undef LIP_DECLARE_OPTIMISER

/* What sgd does, which muon does too where there is no matrix. */
void lip_sgd_step(const struct lip_stepped *s);

/* What adam and adamw share: m and s, and the largest s with amsgrad. */
size_t lip_adam_slots(const struct lip_step_options *options);

/* The decay acts through the gradient, or on the weights themselves. */
void lip_adam_step(const struct lip_stepped *s, bool decoupled);

/* Numbers of the array. */
static inline size_t lip_stepped_count(const struct lip_stepped *s)
{
    return s->rows ? s->rows * s->cols : s->cols;
}

/* Weight decay is for matrices only. */
static inline double lip_stepped_decay(const struct lip_stepped *s)
{
    return s->rows ? s->options->weight_decay : 0;
}

#endif
