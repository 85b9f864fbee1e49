/* SPDX-License-Identifier: MIT
 *
 * Norms of single layers and what part each has in a bound, for people who want
 * to know which layer to change. */
#ifndef API_LAYER_NORM_H
#define API_LAYER_NORM_H

#include "bounds/product.h"

/* What is known of one layer. */
struct api_layer {
    struct lip_layer_norm norm; /* method NULL: none, or no double holds it */
    double share; /* of the product of norms: the sum over the segments that it
                     is in; NaN: none */
    const struct lip_segment
        *folded; /* several layers, this one among them, the
                    one of the largest share; NULL: none */
};

/* Which norms are wanted: those that the product has, the best of each layer,
 * or every way to bound each. */
enum api_layer_norms { API_NORMS_KNOWN, API_NORMS_BEST, API_NORMS_ALL };

/* layer[network->count]: proven upper bounds of |A|_{p->p} of linear layers.
 * `product` tells what was folded and gives norms that are known already; it is
 * pointed to. NULL: if the network is a chain of dense layers, its product has
 * one factor a layer. Stops with LIP_TIMEOUT or LIP_CANCELLED between layers,
 * with what there is; out of memory gives LIP_NO_MEMORY or LIP_TOO_LARGE. */
enum lip_status api_layers_find(struct api_layer *layer,
                                const struct lip_network *network,
                                enum lip_norm p, enum api_layer_norms wanted,
                                const struct lip_product *product,
                                struct lip_ctx *ctx);

#endif
