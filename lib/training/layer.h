/* SPDX-License-Identifier: MIT
 *
 * Layers that can be trained: float32, a batch at a time, rows of a batch one
 * after the other. A kind is one file in layers/ and one line in the table
 * there. */
#ifndef LIP_TRAINING_LAYER_H
#define LIP_TRAINING_LAYER_H

#include "linalg/norm.h"
#include "network/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lip_trainable_kind;

/* One layer. The caller sets the first block of fields, the model the others.
 */
struct lip_trainable {
    const struct lip_trainable_kind *kind;
    size_t units; /* dense: outputs */
    size_t group; /* groupsort: numbers sorted together; 0: all */
    double parameter[LIP_MAX_PARAMETERS]; /* of an activation */

    size_t inputs, outputs;
    size_t weights, biases; /* numbers of each kind of parameter */
    float *weight, *bias;   /* what the layer computes with */
    float *weight_gradient, *bias_gradient;
};

struct lip_trainable_kind {
    const char *name; /* "dense", "relu", "groupsort" */
    const char *title;
    bool matrix;  /* the weights are an outputs x inputs matrix, row-major: what
                     constraints act on */
    bool grouped; /* `group` says how many numbers go together */
    /* Names, defaults and ranges of `parameter`; ended by a NULL name. */
    struct lip_parameter parameter[LIP_MAX_PARAMETERS + 1];
    /* Checks the layer on `inputs` numbers; sets inputs, outputs, weights,
     * biases. The complaint speaks of "the layer". */
    enum lip_status (*plan)(struct lip_trainable *layer, struct lip_ctx *ctx);
    /* y[rows x outputs] = layer(x[rows x inputs]) */
    void (*forward)(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows);
    /* Of y, the outputs first .. first + count - 1 of all rows; NULL: only all
     * together. */
    void (*forward_some)(const struct lip_trainable *layer, float *y,
                         const float *x, size_t first, size_t count,
                         size_t rows);
    /* dx from dy, with x and y as forward had them. */
    void (*backward)(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows);
    /* The gradients of the parameters of outputs first .. first + count - 1,
     * summed over the batch; NULL: no parameters. */
    void (*gradient)(const struct lip_trainable *layer, size_t first,
                     size_t count, const float *dy, const float *x,
                     size_t rows);
    /* Brings the parameters back to where `contracts` holds, after every
     * step; they lie at `weight`, not at layer->weight. NULL: they are free. */
    void (*mend)(const struct lip_trainable *layer, float *weight);
    /* True where |layer(a) - layer(b)|_p <= slope |a - b|_p; *slope set. Not
     * asked of a matrix. */
    bool (*contracts)(double *slope, const struct lip_trainable *layer,
                      enum lip_norm norm);
    /* The same layer in the model that is served; NULL where lib/network has
     * none. */
    enum lip_status (*serve)(struct lip_layer *out,
                             const struct lip_trainable *layer,
                             struct lip_ctx *ctx);
    /* How many equal numbers beside its own it can hand on unchanged, 0: none;
     * a multiple of that many it can too. Then the layer that does so, in the
     * model that is served. NULL: it cannot. */
    size_t (*copies)(const struct lip_trainable *layer);
    enum lip_status (*serve_beside)(struct lip_layer *out,
                                    const struct lip_trainable *layer,
                                    size_t copies, struct lip_ctx *ctx);
    /* The parameters to begin with; NULL: the model's initialisation. */
    void (*begin)(const struct lip_trainable *layer);
};

/* All kinds, ended by NULL. */
extern const struct lip_trainable_kind *const lip_trainable_kinds[];

/* The kind of this name ("max-min" is groupsort), or NULL. */
const struct lip_trainable_kind *lip_trainable_find(const char *name);

/* Sets the parameters to their defaults. */
void lip_trainable_defaults(struct lip_trainable *layer);

#endif
