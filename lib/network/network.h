/* SPDX-License-Identifier: MIT
 *
 * The model: layers in an order in which each comes after those it takes its
 * numbers from,
 *
 *     v_i = layer_i(v_j, v_k, ...),   j, k, ... < i,   f = v_{count-1},
 *
 * most often the chain v_i = layer_i(v_{i-1}). Validated once, immutable
 * afterwards: a network that exists has finite numbers and shapes that meet,
 * no layer that leads nowhere, so that no method checks that again. */
#ifndef LIP_NETWORK_NETWORK_H
#define LIP_NETWORK_NETWORK_H

#include "base/context.h"
#include "base/digest.h"
#include "linalg/norm.h"
#include "network/activation.h"
#include "network/metadata.h"
#include "network/shape.h"
#include "network/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIP_LAYER_NAME = 128, LIP_MAX_SETTINGS = 6 };

/* In the place of a layer's number: the network's input. */
#define LIP_FROM_INPUT SIZE_MAX

/* In the place of a number of steps: a layer that is not made of mirrors. */
#define LIP_NO_STEPS SIZE_MAX

struct lip_layer_kind;

/* Whole numbers that a layer is set up with: "stride": [2, 2]. */
struct lip_setting {
    size_t count; /* 0: not given */
    long value[LIP_MAX_RANK];
};

/* The tensors of a layer, in the order in which files and the id have them. */
enum lip_part {
    LIP_PART_WEIGHT,
    LIP_PART_BIAS,
    LIP_PART_MEAN,
    LIP_PART_VARIANCE,
    LIP_PARTS
};

/* One layer. The fields that a kind does not use are zero. */
struct lip_layer {
    const struct lip_layer_kind *kind;
    char name[LIP_LAYER_NAME]; /* as the file calls it; may be empty */
    /* Where its numbers come from: `sources` earlier layers, whose numbers it
     * takes one after the other. 0: the layer just before, the first one the
     * network's input. The array came from lip_alloc. */
    size_t *source, sources;
    struct lip_tensor weight; /* dense: outputs x inputs; householder: angles */
    struct lip_tensor bias;   /* dense: outputs, or absent */
    struct lip_tensor mean, variance; /* batch-norm */
    const struct lip_activation *activation;
    double parameter[LIP_MAX_PARAMETERS];
    size_t group; /* groupsort: numbers sorted together; 0: all */
    struct lip_setting setting[LIP_MAX_SETTINGS]; /* as kind->setting */
    /* Set by validation. */
    size_t inputs, outputs;   /* numbers, of all sources together */
    struct lip_shape in, out; /* of the first source, and of what comes out */
    size_t fan_in;            /* LINEAR with `row`: most entries of a row */
};

/* Numbers a and b of a layer mirrored at a line so that d is not negative:
 *
 *     p = cosine a + sine b,   d = sine a - cosine b,
 *     a' = (cosine p + sine |d|) scale,   b' = (sine p - cosine |d|) scale,
 *
 * scale = 1 / (cosine^2 + sine^2). With 1/2, 1/2 and scale 2, a' and b' are the
 * larger and the smaller one, exactly. */
struct lip_mirror {
    size_t a, b;
    double cosine, sine, scale;
};

/* What a layer does to the shape of a bound. */
enum lip_layer_role {
    LIP_ROLE_LINEAR,      /* x -> W x + b */
    LIP_ROLE_ELEMENTWISE, /* x_k -> phi(x_k) */
    LIP_ROLE_RESHAPE,     /* the same numbers in the same order */
    LIP_ROLE_JOINT        /* numbers that move together (sorted, mirrored): not
                             linear, not elementwise, with a known constant */
};

/* What a setting is called, how many numbers it has (least 0: it may be left
 * out), and the range of each. Ended by a NULL name. */
struct lip_setting_kind {
    const char *name;
    size_t least, most;
    long min, max;
};

/* A kind of layer is one file in layers/ and one line in the table there. */
struct lip_layer_kind {
    const char *name; /* "dense", "flatten", "activation" */
    const char *title;
    enum lip_layer_role role;
    /* Checks the layer on `inputs` numbers (0: not known yet) and sets
     * layer->inputs and layer->outputs (0 where still unknown). The message
     * speaks of the layer; the caller adds which one it is. A layer of such a
     * kind has one source and does not care for its shape: what comes out of an
     * elementwise or joint one has the same shape, of others just a length. */
    enum lip_status (*infer)(struct lip_layer *layer, size_t inputs,
                             struct lip_ctx *ctx);
    /* In the place of infer, for kinds that do: checks the layer on
     * sources of the shapes in[count], all known; sets layer->out, where it has
     * `row` layer->fan_in, and the settings that were left out to what that
     * means, so that equal layers have equal settings. The caller sets the
     * other fields. */
    enum lip_status (*infer_shape)(struct lip_layer *layer,
                                   const struct lip_shape *in, size_t count,
                                   struct lip_ctx *ctx);
    /* The most sources that it takes; 0: one. */
    size_t most_sources;
    /* y[outputs] = layer(x[inputs]), plain double arithmetic; LINEAR ones with
     * `row` may leave it out. */
    void (*eval)(double *y, const struct lip_layer *layer, const double *x);
    /* LINEAR, but for dense: the entries of row k of A where the layer is x ->
     * A x + b: columns in any order, none twice; returns how many, at most
     * layer->fan_in. All that operator.h does rests on it. */
    size_t (*row)(const struct lip_layer *layer, size_t k, size_t *column,
                  double *value);
    /* LINEAR with `row`: b_k; NULL: zero. */
    double (*offset)(const struct lip_layer *layer, size_t k);
    /* LINEAR with `row`: how far each entry and offset may be from what the
     * stored numbers say, relatively; NULL: exact. */
    double (*uncertainty)(const struct lip_layer *layer);
    /* JOINT: an upper bound of |layer(a) - layer(b)|_p / |a - b|_p, over all
     * a != b; infinity where none is known. NULL for other roles. */
    double (*constant)(const struct lip_layer *layer, enum lip_norm norm);
    bool accurate; /* JOINT: what eval gives is off by at most 2^-44 |x|, in
                      every norm */
    /* JOINT: the layer as steps that each mirror pairs of numbers, none in two
     * pairs: how many, LIP_NO_STEPS where those would be too many. NULL: it
     * cannot be taken apart. */
    size_t (*steps)(const struct lip_layer *layer);
    /* The pairs of one step, at most half the inputs; returns how many, which
     * may be all that is wanted (pair NULL). */
    size_t (*mirrors)(const struct lip_layer *layer, size_t step,
                      struct lip_mirror *pair);
    double mirror_error; /* cosines and sines are off by at most that */
    /* JOINT, whose outputs are each the largest of some inputs (max-pool): the
     * columns of those of output k, at most layer->fan_in; returns how many, at
     * least 1. NULL: not such a kind. */
    size_t (*largest_of)(const struct lip_layer *layer, size_t k,
                         size_t *column);
    /* ELEMENTWISE without an activation: the slopes of neuron k, and r such
     * that eval is off by at most 2^-48 (r + s |x|) in each number x, s the
     * steepest slope. */
    struct lip_slopes (*slopes)(const struct lip_layer *layer, size_t k);
    double (*rounding)(const struct lip_layer *layer);
    /* What weight, bias and group are called in files, NULL where the kind has
     * none, and the dimensions of the weight, which must then be there. */
    const char *weight_name, *bias_name, *group_name;
    size_t weight_rank; /* 0: any */
    const char *mean_name, *variance_name;
    /* Real numbers (layer->parameter) and whole ones (layer->setting) of kinds
     * that are not activations, ended by a NULL name; NULL: none. */
    const struct lip_parameter *parameter;
    const struct lip_setting_kind *setting;
};

extern const struct lip_layer_kind *const lip_layer_kinds[];
extern const struct lip_layer_kind lip_layer_dense;
extern const struct lip_layer_kind lip_layer_flatten;
extern const struct lip_layer_kind lip_layer_activation;
extern const struct lip_layer_kind lip_layer_group_sort;
extern const struct lip_layer_kind lip_layer_householder;
extern const struct lip_layer_kind lip_layer_spline;
extern const struct lip_layer_kind lip_layer_reshape, lip_layer_conv,
    lip_layer_conv_transpose, lip_layer_average_pool, lip_layer_max_pool,
    lip_layer_batch_norm, lip_layer_affine, lip_layer_add, lip_layer_concat,
    lip_layer_transpose, lip_layer_slice, lip_layer_pad, lip_layer_gather,
    lip_layer_upsample, lip_layer_softmax, lip_layer_layer_norm;

/* The type a layer has in JSON: its kind's name, or the activation's. */
const char *lip_layer_type(const struct lip_layer *layer);

/* The real numbers that shape the layer, its activation's or its kind's; NULL:
 * none. */
const struct lip_parameter *lip_layer_parameters(const struct lip_layer *layer);

/* Tensor `part` of a layer, which may be absent, and what files call it, NULL
 * where the kind has none: an activation's first parameter goes by that one's
 * name. */
struct lip_tensor *lip_layer_tensor(struct lip_layer *layer,
                                    enum lip_part part);
const struct lip_tensor *lip_layer_tensor_const(const struct lip_layer *layer,
                                                enum lip_part part);
const char *lip_layer_tensor_name(const struct lip_layer *layer,
                                  enum lip_part part);

/* The setting of this name, which the kind has. */
const struct lip_setting *lip_layer_setting(const struct lip_layer *layer,
                                            const char *name);
struct lip_setting *lip_layer_set(struct lip_layer *layer, const char *name);

/* The slopes of neuron k of an elementwise layer. */
struct lip_slopes lip_layer_slopes(const struct lip_layer *layer, size_t k);

/* The constant of an elementwise or joint layer from l_p to l_p: of elementwise
 * ones the steepest slope, exactly; infinite where there is none. */
double lip_layer_constant(const struct lip_layer *layer, enum lip_norm p);

/* Steps of a joint layer as mirrored pairs, or LIP_NO_STEPS. */
size_t lip_layer_steps(const struct lip_layer *layer);

/* True for reshapes, activations of slopes [1, 1] and sorts of single numbers,
 * which bounds drop. */
bool lip_layer_changes_nothing(const struct lip_layer *layer);

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

/* How many sources layer i has, at least 1, and number k of them: an earlier
 * layer or LIP_FROM_INPUT. */
size_t lip_network_sources(const struct lip_network *network, size_t i);
size_t lip_network_source(const struct lip_network *network, size_t i,
                          size_t k);

/* Whether every layer takes its numbers from the layer just before alone. */
bool lip_network_is_chain(const struct lip_network *network);

/* Whether it is a chain of kinds that do not care for shapes (and reshapes):
 * dense layers and what stands between them. */
bool lip_network_is_dense(const struct lip_network *network);

/* y[outputs] = f(x[inputs]) in double arithmetic, not rounding-proof.
 * LIP_NO_MEMORY is the only failure. O(parameters). */
enum lip_status lip_network_eval(double *y, const struct lip_network *network,
                                 const double *x, struct lip_ctx *ctx);

#endif
