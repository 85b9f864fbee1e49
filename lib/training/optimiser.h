/* SPDX-License-Identifier: MIT
 *
 * Optimisers: from a gradient to a step. An optimiser is one file in
 * optimisers/ and one line in the table there. */
#ifndef LIP_TRAINING_OPTIMISER_H
#define LIP_TRAINING_OPTIMISER_H

#include "base/context.h"

#include <stdbool.h>
#include <stddef.h>

struct lip_step_options {
    double momentum;     /* sgd, muon: mu; adam: beta1 */
    double beta2, eps;   /* adam */
    double weight_decay; /* of matrices only */
    bool nesterov, amsgrad;
};

/* One parameter array as an optimiser sees it. */
struct lip_stepped {
    size_t rows, cols; /* of a matrix; rows = 0: a list of cols numbers */
    float *value;
    const float *gradient;
    float *slot[3]; /* the optimiser's own numbers beside each value */
    double rate;    /* learning rate of this step */
    double number;  /* of this step, from 1 */
    const struct lip_step_options *options;
    float *work; /* as many floats as `work` says */
};

struct lip_optimiser {
    const char *name; /* "sgd", "adam", "adamw", "muon" */
    const char *title, *citation;
    bool elementwise; /* each number by itself: parts of an array may be
                         stepped apart */
    struct lip_step_options fallback;
    double rate; /* a learning rate to begin with */
    size_t (*slots)(const struct lip_step_options *options);
    /* Floats of work for a matrix; NULL: none. */
    size_t (*work)(size_t rows, size_t cols);
    void (*step)(const struct lip_stepped *stepped);
};

/* All optimisers, ended by NULL. */
extern const struct lip_optimiser *const lip_optimisers[];

const struct lip_optimiser *lip_optimiser_find(const char *name);

/* LIP_INVALID, in words, where an option is out of its range. */
enum lip_status lip_step_options_check(const struct lip_step_options *options,
                                       struct lip_ctx *ctx);

#endif
