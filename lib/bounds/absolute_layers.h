/* SPDX-License-Identifier: MIT
 *
 * The norm of the product of absolute weights over a graph of layers, by one
 * pass over them: no matrix is made, so that networks of any size have it. */
#ifndef LIP_BOUNDS_ABSOLUTE_LAYERS_H
#define LIP_BOUNDS_ABSOLUTE_LAYERS_H

#include "linalg/big.h"
#include "linalg/norm.h"
#include "network/network.h"

/* Whether this pair of norms is told by one pass: inf->q and p->1. */
bool lip_absolute_layers_knows(struct lip_norm_pair pair);

/* Forward, from the vector of ones, each number y_k such that no output k moves
 * by more than y_k |dx|_inf: then |y|_q is the bound of inf->q. Backward, from
 * ones at the outputs, w_j such that |df|_1 <= sum_j w_j |dx_j|: then |w| in
 * the dual norm of p is that of p->1. Layers that are neither linear nor
 * elementwise move every number by at most their constant times the largest;
 * max-pools and sorted groups each by its own. LIP_UNPROVEN: a layer has no
 * constant, or doubles overflow; LIP_NO_MEMORY, LIP_TOO_LARGE, LIP_CANCELLED,
 * LIP_TIMEOUT. O(entries of all layers). */
enum lip_status lip_absolute_layers(double *out,
                                    const struct lip_network *network,
                                    struct lip_norm_pair pair,
                                    struct lip_ctx *ctx);

/* Multiplications and bytes that it takes. */
double lip_absolute_layers_flops(const struct lip_network *network);
double lip_absolute_layers_bytes(const struct lip_network *network);

#endif
