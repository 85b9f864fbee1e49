/* SPDX-License-Identifier: MIT
 *
 * Products of norms over a graph of layers. The linear layers between two
 * others are folded into one map, so that with u a layer that is not linear (or
 * the output) and s the layers, or the input, that its numbers come from,
 *
 *     L_u <= slope_u min( sum_s |A_us| L_s,  |(|A_us| L_s)_s|_2, ... )
 *
 * where A_us is the sum over all linear paths from s to u: x + conv(x) counts
 * as one map, convolution and batch norm as one kernel. L of the input is 1. */
#ifndef LIP_BOUNDS_PRODUCT_H
#define LIP_BOUNDS_PRODUCT_H

#include "bounds/method.h"
#include "bounds/norms/layer_norm.h"

/* One map A_us. */
struct lip_segment {
    size_t from;           /* s: a layer, or LIP_FROM_INPUT */
    size_t to;             /* u; the number of layers for the output */
    size_t *layer, layers; /* the linear layers on its paths, in order */
    struct lip_big norm;
    const char
        *method;  /* how it was bounded: "unrolled", "symbol", "product" */
    double share; /* of log L: d log L / d log norm, in [0, 1]; how much of the
                     bound would go if this norm did */
};

struct lip_product {
    struct lip_segment *segment;
    size_t count;
    struct lip_big *constant; /* [network->count]: L of each layer's output */
    struct lip_big value;     /* of the network */
};

enum lip_product_norm { LIP_PRODUCT_FROBENIUS, LIP_PRODUCT_INDUCED };

/* p -> p. LIP_UNPROVEN: a layer has no constant in this norm (said which).
 * Fails besides as lip_layer_norm does. */
enum lip_status lip_product_new(struct lip_product **out,
                                const struct lip_network *network,
                                enum lip_norm p, enum lip_product_norm kind,
                                struct lip_ctx *ctx);
void lip_product_free(struct lip_product *product);

#endif
