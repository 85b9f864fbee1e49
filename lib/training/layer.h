/* SPDX-License-Identifier: MIT
 *
 * Layers that can be trained: float32, a batch at a time, rows of a batch one
 * after the other. A kind is one file in layers/ and one line in the table
 * there.
 *
 * Numbers of an image lie pixel by pixel here, the channels of a pixel side by
 * side; the model that is served has them channel by channel (flatten brings
 * them into that order). */
#ifndef LIP_TRAINING_LAYER_H
#define LIP_TRAINING_LAYER_H

#include "linalg/norm.h"
#include "network/window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lip_trainable_kind;

/* What one row of a batch is between two layers: an image, a sequence (height
 * 1), or a vector: `channels` numbers, height and width 1. */
struct lip_image {
    size_t axes; /* 2, 1, 0 */
    size_t channels, height, width;
};

struct lip_image lip_image_vector(size_t length);

/* One layer. The caller sets the first block of fields, the model the others.
 */
struct lip_trainable {
    const struct lip_trainable_kind *kind;
    size_t units; /* dense: outputs; conv: channels that come out */
    size_t group; /* groupsort: numbers sorted together; 0: all */
    double parameter[LIP_MAX_PARAMETERS]; /* of an activation */
    /* Of windows, as the layer that is served has them; count 0: not given. */
    struct lip_setting kernel, stride, padding, dilation;

    struct lip_image in, out;
    size_t inputs, outputs;   /* numbers in them */
    struct lip_window window; /* of windowed kinds */
    size_t rows, cols;        /* of the weights, where they are a matrix */
    size_t weights, biases;   /* numbers of each kind of parameter */
    float *weight, *bias;     /* what the layer computes with */
    float *weight_gradient, *bias_gradient;
};

struct lip_trainable_kind {
    const char *name; /* "dense", "relu", "groupsort" */
    const char *title;
    bool matrix;   /* the weights are a matrix, row-major: what constraints act
                      on; of a convolution channels out x (kernel, channels) */
    bool grouped;  /* `group` says how many numbers go together */
    bool windowed; /* has a kernel, a stride, ... */
    bool flat;     /* takes vectors only */
    /* Names, defaults and ranges of `parameter`; ended by a NULL name. */
    struct lip_parameter parameter[LIP_MAX_PARAMETERS + 1];
    /* Checks the layer on the image `in`, `inputs` numbers; sets outputs,
     * weights, biases, and where they differ from what the caller of
     * lip_trainable_plan finds, out, rows and cols. The complaint speaks of
     * "the layer". */
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
     * summed over the batch; NULL: no parameters. Of kinds with `parts`, those
     * of parts first .. first + count - 1. */
    void (*gradient)(const struct lip_trainable *layer, size_t first,
                     size_t count, const float *dy, const float *x,
                     size_t rows);
    /* Into how many parts the gradient falls; NULL: by outputs. */
    size_t (*parts)(const struct lip_trainable *layer);
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

/* kind->plan on numbers of the shape `in`, and all that follows from it:
 * inputs, in, out, rows and cols. */
enum lip_status lip_trainable_plan(struct lip_trainable *layer,
                                   const struct lip_image *in,
                                   struct lip_ctx *ctx);

/* Sets the parameters to their defaults. */
void lip_trainable_defaults(struct lip_trainable *layer);

#endif
