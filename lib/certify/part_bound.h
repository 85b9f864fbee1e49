/* SPDX-License-Identifier: MIT
 *
 * Bounds of the parts of a classifier f = V h + c by the methods of bounds/:
 * of h, of f, and of the difference of two logits, (v_y - v_j) h. */
#ifndef LIP_CERTIFY_PART_BOUND_H
#define LIP_CERTIFY_PART_BOUND_H

#include "base/context.h"
#include "linalg/norm.h"
#include "network/network.h"

/* value infinite: nothing was proven. */
struct lip_proven {
    double value;
    const char *method; /* an id of lip_methods, "identity" or "" */
};

/* The best of products of norms and, for `seconds` (0: none), of all methods
 * that are predicted to fit, cheapest first. `part` may be a beginning of a
 * network, with no layer too. That time runs out is no failure, unless it is
 * the context's. Failures of lip_chain_new and lip_method_run. */
enum lip_status lip_part_bound(struct lip_proven *best,
                               const struct lip_network *part,
                               struct lip_norm_pair pair, double seconds,
                               struct lip_ctx *ctx);

/* The same of d h, d = fl(v_y - v_j) for the rows y, j = pair_of of the dense
 * layer `last`: the exact difference v_y - v_j is off by u |d| L_h more. */
enum lip_status lip_pair_bound(double *out, const struct lip_network *network,
                               size_t last, const size_t pair_of[2],
                               enum lip_norm input, double seconds,
                               struct lip_ctx *ctx);

#endif
