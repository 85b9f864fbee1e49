/* SPDX-License-Identifier: MIT
 *
 * Products of norms over a graph of layers. With L_v a constant of the numbers
 * that layer v gives, as a function of the network's input, L_input = 1:
 *
 *     v not linear, of constant c_v:     L_v = c_v |(L_j)_j|_p
 *     v linear:  L_v = the least of      |A_v| |(L_j)_j|_p,
 *                                        sum_j |A_vj| L_j,
 *                                        sum_s |A_vs| L_s
 *
 * over its sources j, or over the layers s that are not linear, or the input,
 * at which the paths of linear layers to v begin. A_vs is the sum over all of
 * these paths: x + conv(x) counts as one map, convolution and batch norm as one
 * kernel. Chains of linear layers are folded likewise. */
#ifndef LIP_BOUNDS_PRODUCT_H
#define LIP_BOUNDS_PRODUCT_H

#include "bounds/method.h"
#include "bounds/norms/layer_norm.h"

/* One map whose norm is a factor of the bound. */
struct lip_segment {
    size_t from;           /* a layer, or LIP_FROM_INPUT */
    size_t to;             /* where it ends: a linear layer or a reshape */
    size_t *layer, layers; /* the linear layers on its paths, in order */
    struct lip_big norm, before; /* before: the constant of what `from` gives */
    const char *method; /* how it was bounded: one of lip_norm_methods, or
                           "kernel", "unrolled", "rows", "product", "block" */
    double sensitivity; /* d log L / d log norm, in [0, 1]: along a chain all
                           are 1; branches share it */
    double share; /* lip_factor_weight() as part of the sum of those of all
                     factors; NaN where none is above 1 */
};

struct lip_product {
    struct lip_segment *segment; /* that the value rests on, by `to` */
    size_t count;
    struct lip_big value; /* of the network */
    enum lip_norm p;
    /* [network->count]: of layers that are not linear: their constants, and
     * these as factors; NaN for linear ones. */
    double *constant, *sensitivity, *share;
    size_t layers; /* network->count */
    /* [network->count]: of linear layers, where it was needed; else method is
     * NULL. */
    struct lip_layer_norm *norm;
};

/* FROBENIUS: each layer by itself, by the Frobenius norm or sqrt(|A|_1
 * |A|_inf); INDUCED: folded, the least proven norm. */
enum lip_product_norm { LIP_PRODUCT_FROBENIUS, LIP_PRODUCT_INDUCED };

/* p -> p. LIP_UNPROVEN: a layer has no constant in this norm, or there is no
 * finite bound of a layer (said which). LIP_NO_MEMORY, LIP_TOO_LARGE,
 * LIP_CANCELLED, LIP_TIMEOUT. */
enum lip_status lip_product_new(struct lip_product **out,
                                const struct lip_network *network,
                                enum lip_norm p, enum lip_product_norm kind,
                                struct lip_ctx *ctx);
void lip_product_free(struct lip_product *product);

/* Runs it as a method, which keeps the factors; for mixed norms the least over
 * all inner ones, r -> r, times what |x|_r / |x|_p and |y|_q / |y|_r can be. A
 * layer without a constant makes a bound that is skipped, with the reason. */
enum lip_status lip_product_run(struct lip_bound *bound,
                                const struct lip_chain *chain,
                                const struct lip_bound_options *options,
                                enum lip_product_norm kind,
                                struct lip_ctx *ctx);

/* Whether products go by the layers of this chain. */
bool lip_product_layered(const struct lip_chain *chain);

/* Estimates from the shapes. */
double lip_product_flops(const struct lip_network *network, enum lip_norm p,
                         enum lip_product_norm kind);
double lip_product_bytes(const struct lip_network *network);

/* How much a factor adds to a product, on a logarithmic scale: sensitivity
 * log(norm) where that is above 0, else 0. */
double lip_factor_weight(struct lip_big norm, double sensitivity);

#endif
