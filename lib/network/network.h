/* SPDX-License-Identifier: MIT
 *
 * The model: a chain of layers
 *
 *     f = layer[count-1] o ... o layer[0],
 *
 * validated once, immutable afterwards. A network that exists has finite
 * numbers and shapes that meet, so that no method checks them again. */
#ifndef LIP_NETWORK_NETWORK_H
#define LIP_NETWORK_NETWORK_H

#include "base/context.h"
#include "base/digest.h"
#include "linalg/norm.h"
#include "network/activation.h"
#include "network/metadata.h"
#include "network/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIP_LAYER_NAME = 128 };

struct lip_layer_kind;

/* One layer. The fields that a kind does not use are zero. */
struct lip_layer {
    const struct lip_layer_kind *kind;
    char name[LIP_LAYER_NAME]; /* as the file calls it; may be empty */
    struct lip_tensor weight; /* dense: outputs x inputs; householder: angles */
    struct lip_tensor bias;   /* dense: outputs, or absent */
    const struct lip_activation *activation;
    double parameter[LIP_MAX_PARAMETERS];
    size_t group;           /* groupsort: numbers sorted together; 0: all */
    size_t inputs, outputs; /* set by validation */
};

/* What a layer does to the shape of a bound. */
enum lip_layer_role {
    LIP_ROLE_LINEAR,      /* x -> W x + b */
    LIP_ROLE_ELEMENTWISE, /* x_k -> phi(x_k) */
    LIP_ROLE_RESHAPE,     /* the same numbers in the same order */
    LIP_ROLE_JOINT        /* numbers that move together (sorted, mirrored): not
                             linear, not elementwise, with a known constant */
};

/* A kind of layer is one file in layers/ and one line in the table there. */
struct lip_layer_kind {
    const char *name; /* "dense", "flatten", "activation" */
    const char *title;
    enum lip_layer_role role;
    /* Checks the layer on `inputs` numbers (0: not known yet) and sets
     * layer->inputs and layer->outputs (0 where still unknown). The message
     * speaks of the layer; the caller adds which one it is. */
    enum lip_status (*infer)(struct lip_layer *layer, size_t inputs,
                             struct lip_ctx *ctx);
    /* y[outputs] = layer(x[inputs]), plain double arithmetic. */
    void (*eval)(double *y, const struct lip_layer *layer, const double *x);
    /* JOINT: an upper bound of |layer(a) - layer(b)|_p / |a - b|_p, over all
     * a != b. NULL for other roles. */
    double (*constant)(const struct lip_layer *layer, enum lip_norm norm);
    /* JOINT: whether the layer is MaxMin on pairs of neighbours; NULL: never.
     */
    bool (*max_min)(const struct lip_layer *layer);
    /* ELEMENTWISE without an activation: the slopes of neuron k, and r such
     * that eval is off by at most 2^-48 (r + s |x|) in each number x, s the
     * steepest slope. */
    struct lip_slopes (*slopes)(const struct lip_layer *layer, size_t k);
    double (*rounding)(const struct lip_layer *layer);
    /* What weight, bias and group are called in files, NULL where the kind has
     * none, and the dimensions of the weight, which must then be there. */
    const char *weight_name, *bias_name, *group_name;
    size_t weight_rank;
};

extern const struct lip_layer_kind *const lip_layer_kinds[];
extern const struct lip_layer_kind lip_layer_dense;
extern const struct lip_layer_kind lip_layer_flatten;
extern const struct lip_layer_kind lip_layer_activation;
extern const struct lip_layer_kind lip_layer_group_sort;
extern const struct lip_layer_kind lip_layer_householder;
extern const struct lip_layer_kind lip_layer_spline;

/* The type a layer has in JSON: its kind's name, or the activation's. */
const char *lip_layer_type(const struct lip_layer *layer);

/* The slopes of neuron k of an elementwise layer. */
struct lip_slopes lip_layer_slopes(const struct lip_layer *layer, size_t k);

/* Lets go of the layer's tensors. */
void lip_layer_clear(struct lip_layer *layer);

struct lip_network {
    struct lip_layer *layer;
    size_t count;
    size_t inputs, outputs;
    size_t parameters; /* numbers in weights and biases */
    char id[LIP_DIGEST_TEXT];
    /* What the file said besides: no part of the function nor of the id. */
    struct lip_metadata metadata;
};

/* Validates `count` layers and makes the network of them. Takes the array,
 * which came from lip_alloc, and the tensors in it, also on failure.
 * LIP_INVALID: no layer, no layer with weights, shapes that do not meet, a
 * number that is not finite; the error names the layer. The id is the SHA-256
 * of a canonical form: layer types, parameters, shapes and the values widened
 * to double, so that the same model has the same id in every file format.
 * O(parameters). */
enum lip_status lip_network_new(struct lip_network **out,
                                struct lip_layer *layer, size_t count,
                                struct lip_ctx *ctx);

/* NULL is allowed. */
void lip_network_free(struct lip_network *network);

/* y[outputs] = f(x[inputs]) in double arithmetic, not rounding-proof.
 * LIP_NO_MEMORY is the only failure. O(parameters). */
enum lip_status lip_network_eval(double *y, const struct lip_network *network,
                                 const double *x, struct lip_ctx *ctx);

#endif
