/* SPDX-License-Identifier: MIT
 *
 * Proven norms |A|_{p->p} of single linear layers, of any kind and size. A way
 * to bound one is one file here and one line in the table in layer_norm.c; all
 * that apply are taken and the least counts. */
#ifndef LIP_BOUNDS_NORMS_LAYER_NORM_H
#define LIP_BOUNDS_NORMS_LAYER_NORM_H

#include "linalg/big.h"
#include "linalg/norm.h"
#include "network/network.h"

enum { LIP_MAX_NORM_METHODS = 12 };

struct lip_norm_method {
    const char *id;    /* "unrolled", "symbol", "gram", "schur" */
    const char *title; /* one line */
    const char *formula;
    const char *citation;
    bool exact; /* but for rounding: where it succeeds no other is less */
    /* Whether it says something about this layer and norm, cheaply enough for
     * `flops` operations (0: no limit). */
    bool (*applies)(const struct lip_layer *layer, enum lip_norm p,
                    double flops);
    /* A proven upper bound. LIP_UNPROVEN: none came out. */
    enum lip_status (*run)(struct lip_big *out, const struct lip_layer *layer,
                           enum lip_norm p, struct lip_ctx *ctx);
};

/* All of them, ended by NULL. */
extern const struct lip_norm_method *const lip_norm_methods[];

struct lip_layer_norm {
    struct lip_big value; /* the least */
    const struct lip_norm_method *method;
    size_t count; /* all that were tried, in the order of the table */
    struct {
        const struct lip_norm_method *method;
        struct lip_big value;
    } tried[LIP_MAX_NORM_METHODS];
};

/* Of a linear layer, the least proven of all ways that apply and take at most
 * `flops` operations (0: a default that takes about a second); for 1 and inf
 * exact but for rounding. `all`: cheaper and worse ways too, for people to see.
 * LIP_NO_MEMORY, LIP_TOO_LARGE, LIP_CANCELLED, LIP_TIMEOUT; LIP_UNPROVEN: more
 * than any double. */
enum lip_status lip_layer_norm(struct lip_layer_norm *out,
                               const struct lip_layer *layer, enum lip_norm p,
                               double flops, bool all, struct lip_ctx *ctx);

/* The same of a convolution's symbol, for layers that are put together from
 * several: a kernel of doubles, [channels out][channels in per group][height]
 * [width], each entry off by at most `error` times its size. */
struct lip_window;
enum lip_status lip_kernel_norm(struct lip_big *out, const double *kernel,
                                double error, const struct lip_window *window,
                                enum lip_norm p, struct lip_ctx *ctx);

#endif
