/* SPDX-License-Identifier: MIT
 *
 * |f(x) - f(y)|_q / |x - y|_p of one pair of points, from below: a proven
 * lower bound of the Lipschitz constant of f. */
#ifndef LIP_CERTIFY_QUOTIENT_H
#define LIP_CERTIFY_QUOTIENT_H

#include "certify/stages.h"
#include "linalg/norm.h"

/* *out <= the quotient in exact arithmetic, f that of the stored weights and
 * biases; *slack (may be NULL) bounds, roughly, what better arithmetic could
 * add, relative to *out. 0 for equal points; never above the largest double.
 * Failures: those of lip_enclose. */
enum lip_status lip_quotient(double *out, double *slack,
                             const struct lip_stages *stages, const double *x,
                             const double *y, struct lip_norm_pair norm,
                             size_t limbs, struct lip_ctx *ctx);

/* The memory of one call at most. */
double lip_quotient_bytes(const struct lip_network *network);

#endif
