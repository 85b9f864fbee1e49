/* SPDX-License-Identifier: MIT
 *
 * Certified radii: how far an input may move before the predicted class can
 * change. For logits z = V h(x) + c with last weight matrix V and L_h a proven
 * bound of h from p to q,
 *
 *     r(x) = min_{j != y} (z_y - z_j) / (L_h |v_y - v_j|_q*)
 *
 * (q* the dual exponent), never more than it is: logits are enclosed, radii
 * rounded down, ties have radius 0. Every x' with |x' - x|_p < r(x) has the
 * class of x, and the largest logit alone. Tsuzuku, Sato, Sugiyama, NeurIPS
 * 2018, Prop. 1; pair by pair: z_y - z_j moves by at most |v_y - v_j|_q*
 * |dh|_q.
 *
 * The rounding errors of the evaluation: with e >= |h' - h|_q (forward.h) and m
 * numbers in h, the computed difference z'_y - z'_j is off by at most
 *
 *     |v_y - v_j|_q* e + gamma_{m+2} ((|v_y|_q* + |v_j|_q*) |h'|_q
 *                                     + |c_y| + |c_j|) + 2^-1000
 *
 * which is taken off; in a network that keeps a limit it is of the order of
 * 1e-13 of the logits. */
#ifndef LIP_CERTIFY_RADIUS_H
#define LIP_CERTIFY_RADIUS_H

#include "base/context.h"
#include "linalg/norm.h"
#include "network/network.h"

struct lip_radius_rule;

/* Prepares for a network whose last layer that is not a reshape is dense. One
 * output z is taken for the two classes z <= 0 and z > 0 (logits 0 and z).
 * Bounds the part before the last layer by the best proven method that takes
 * at most `seconds` (0: products of norms only). Where there are seconds, they
 * are shared out with bounds of the whole network, L, which makes z_y - z_j
 * move by at most 2^(1/q*) L, and, up to 32 classes, of each difference of two
 * logits; what is least counts. So radii are then more than the formula above
 * gives, and not the same in every run. The network must outlive the
 * rule. LIP_UNSUPPORTED in words, LIP_UNPROVEN, LIP_NO_MEMORY, LIP_TOO_LARGE,
 * LIP_CANCELLED, LIP_TIMEOUT. Memory for classes^2 numbers up to 1024 classes;
 * beyond, a prediction takes O(classes m) more. */
enum lip_status lip_radius_new(struct lip_radius_rule **out,
                               const struct lip_network *network,
                               struct lip_norm_pair pair, double seconds,
                               struct lip_ctx *ctx);
void lip_radius_free(struct lip_radius_rule *rule);

/* Bytes that lip_radius_new and lip_radius_predict ask for, for products of
 * norms; an estimate from above that cannot overflow. */
double lip_radius_bytes(const struct lip_network *network);

/* The bound on h that radii rest on, and what proved it: a method's id, or
 * "identity" where nothing comes before the last layer. */
double lip_radius_lipschitz(const struct lip_radius_rule *rule,
                            const char **method);

/* The bound of the whole network, where one was proven; infinite if not. */
double lip_radius_whole(const struct lip_radius_rule *rule,
                        const char **method);

struct lip_prediction {
    size_t label;  /* the largest logit's */
    double radius; /* certified, in the input norm; 0 for a tie; infinite where
                      no input changes the class */
};

/* For `count` inputs x[count * inputs]: logits[count * outputs] (may be NULL)
 * as computed, in double, and a prediction each. Proven for the exact network:
 * the evaluation's rounding errors are bounded and taken off. LIP_UNPROVEN,
 * naming the input, where a logit is too large for a double; LIP_NO_MEMORY,
 * LIP_CANCELLED, LIP_TIMEOUT. O(count parameters). */
enum lip_status lip_radius_predict(struct lip_prediction *prediction,
                                   double *logits,
                                   const struct lip_radius_rule *rule,
                                   const double *x, size_t count,
                                   struct lip_ctx *ctx);

#endif
