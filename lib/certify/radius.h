/* SPDX-License-Identifier: MIT
 *
 * Certified radii: how far an input may move before the predicted class can
 * change. For logits z = V h(x) + c with last weight matrix V and L_h a proven
 * bound of h from p to q,
 *
 *     r(x) = min_{j != y} (z_y - z_j) / (L_h |v_y - v_j|_q*)
 *
 * (q* the dual exponent), never more than it is: logits are enclosed, radii
 * rounded down, ties have radius 0. Tsuzuku, Sato, Sugiyama, NeurIPS 2018,
 * Prop. 1; pair by pair: |z_y - z_j| moves by at most |v_y - v_j|_q* |dh|_q. */
#ifndef LIP_CERTIFY_RADIUS_H
#define LIP_CERTIFY_RADIUS_H

#include "base/context.h"
#include "linalg/norm.h"
#include "network/network.h"

struct lip_radius_rule;

/* Prepares for a network with a dense last layer and at least two outputs.
 * Bounds the part before the last layer by the best proven method that takes
 * at most `seconds` (0: products only), and uses sqrt(2) L of the whole network
 * (l2) or 2 L where that gives a smaller bound of a difference of logits.
 * LIP_UNSUPPORTED in words, LIP_UNPROVEN, LIP_NO_MEMORY. */
enum lip_status lip_radius_new(struct lip_radius_rule **out,
                               const struct lip_network *network,
                               struct lip_norm_pair pair, double seconds,
                               struct lip_ctx *ctx);
void lip_radius_free(struct lip_radius_rule *rule);

/* The bound on h that radii rest on, and what proved it ("spectral"). */
double lip_radius_lipschitz(const struct lip_radius_rule *rule,
                            const char **method);

struct lip_prediction {
    size_t label;  /* the largest logit's */
    double radius; /* certified, in the input norm; 0 for a tie */
};

/* For `count` inputs x[count * inputs]: logits[count * outputs] (may be NULL)
 * as computed, in double, and a prediction each. Proven for the exact network:
 * the evaluation's rounding errors are bounded and taken off. */
enum lip_status lip_radius_predict(struct lip_prediction *prediction,
                                   double *logits,
                                   const struct lip_radius_rule *rule,
                                   const double *x, size_t count,
                                   struct lip_ctx *ctx);

#endif
