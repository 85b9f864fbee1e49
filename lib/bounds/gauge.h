/* SPDX-License-Identifier: MIT
 *
 * The gauge of a chain. Rescaling hidden neurons, W_i <- G_i W_i G_{i-1}^-1
 * with G diagonal and positive at the hidden layers, is a change of the
 * multipliers only: Lambda <- G^-1 Lambda G^-1. It changes what a closed-form
 * rule chooses, though, and the scale in which a network happens to be stored
 * is arbitrary. A two-sided Perron scaling fixes it: with A_i = |W_i|^r
 * elementwise (times the steepest slopes), z_0 = v, z_i = A_i z_{i-1},
 * q_l = z_l, q_{i-1} = A_i^T q_i for the dominant pair,
 *
 *     G_i^2 = d_i = (q_i / z_i)^(1/r),
 *
 * which transforms exactly inversely to a neuron rescaling, so every rule run
 * after it is invariant. With r = 1 the scalar rule is exact on networks with
 * non-negative weights. */
#ifndef LIP_BOUNDS_GAUGE_H
#define LIP_BOUNDS_GAUGE_H

#include "network/chain.h"

struct lip_gauge {
    size_t layers;
    double **d; /* [layers][width], positive, largest of each layer 1 */
};

/* r is 1 or 2. About 60 sweeps of two matrix-vector products a layer:
 * O(60 sum n_i n_{i-1}), nothing beside one pass. LIP_NO_MEMORY. */
enum lip_status lip_gauge_new(struct lip_gauge *out,
                              const struct lip_chain *chain, int r,
                              struct lip_ctx *ctx);
void lip_gauge_clear(struct lip_gauge *gauge);

#endif
