/* SPDX-License-Identifier: MIT
 *
 * Norms of single layers, for people who want to know which layer makes a
 * bound large. */
#ifndef API_LAYER_NORM_H
#define API_LAYER_NORM_H

#include "linalg/norm.h"
#include "network/network.h"

/* norm[network->count]: a proven upper bound of |W|_{p->p} for each linear
 * layer, NaN for the others and for a norm that no double holds. Stops with
 * LIP_TIMEOUT or LIP_CANCELLED between layers; out of memory gives
 * LIP_NO_MEMORY or LIP_TOO_LARGE. Time of lip_norm_upper and memory of a copy,
 * layer by layer. */
enum lip_status api_layer_norms(double *norm, const struct lip_network *network,
                                enum lip_norm p, struct lip_ctx *ctx);

#endif
