/* SPDX-License-Identifier: MIT
 *
 * The best multipliers of one layer of the block recursion, as ECLipsE (Xu and
 * Sivaranjani, NeurIPS 2024) chooses them: with S, the next matrix W' and M as
 * in recursion.h,
 *
 *     maximise c  subject to  M(Lambda) >= c W'^T W'.
 *
 * For slopes [a, b] of each neuron, m = (a + b)/2, p = a b, this is a linear
 * matrix inequality in (Lambda, c),
 *
 *     N = ( Lambda - c W'^T W'   m Lambda         )
 *         ( m Lambda             S^-1 + p Lambda  )  >= 0,
 *
 * solved by Newton steps on -nu log c - log det N along the central path. With
 * X = (1, a) and (1, b) for every neuron, dN/dlambda_k is the symmetric part of
 * x_k(a) x_k(b)^T, so that gradient and Hessian are those of
 *
 *     H_ab = a Z b + (I - a Z Lambda m) F^-1 (I - m Lambda Z b),
 *     Z = (S^-1 + p Lambda)^-1,  F = M - c W'^T W',
 *     grad_k = -(H_ab)_kk,  Hess = (H_aa o H_bb + H_ab o H_ab^T) / 2,
 *
 * with n x n matrices only. Nothing here is proven: what comes out is a
 * choice. */
#ifndef LIP_BOUNDS_LAYER_SDP_H
#define LIP_BOUNDS_LAYER_SDP_H

#include "bounds/recursion.h"

struct lip_layer_problem {
    const struct lip_matrix *s;    /* n square, upper triangle */
    const struct lip_matrix *next; /* W'^T: n x n' */
    const struct lip_sector *sector;
    double done, total; /* layers, for progress */
};

/* lambda[n] > 0, within a relative 1e-8 of the best c (Lambda itself is
 * the end of the central path, so that it does not depend on the way there).
 * *steps is raised by the Newton steps taken, and not above `most`; *done tells
 * whether the optimum was reached. Some 40 to 120 steps of 7 n^3 flops (15 n^3
 * where not all slopes begin at 0) and 4 n^2 n' + n'^2 n; 14 n^2 + 4 n n'
 * numbers of memory. LIP_NO_MEMORY, and LIP_CANCELLED or LIP_TIMEOUT, asked
 * every step. */
enum lip_status lip_layer_sdp(double *lambda, size_t *steps, bool *done,
                              const struct lip_layer_problem *problem,
                              size_t most, struct lip_ctx *ctx);

#endif
