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
    double share; /* of the product of norms, as of a lip_segment; of a folded
                     layer that of all that it was folded with; NaN: none */
    const struct lip_segment *folded; /* several layers, this one among them;
                                         NULL: none */
};

/* layer[network->count]: a proven upper bound of |A|_{p->p} for each linear
 * layer; `all`: by every way there is, else by the best. `product` tells what
 * was folded and gives norms that are known already; it is pointed to. NULL:
 * the network is a chain of dense layers, and its product has one factor a
 * layer. Stops with LIP_TIMEOUT or LIP_CANCELLED between layers, with what
 * there is; out of memory gives LIP_NO_MEMORY or LIP_TOO_LARGE. */
enum lip_status api_layers_find(struct api_layer *layer,
                                const struct lip_network *network,
                                enum lip_norm p, bool all,
                                const struct lip_product *product,
                                struct lip_ctx *ctx);

#endif
