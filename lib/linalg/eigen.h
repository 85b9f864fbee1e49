/* SPDX-License-Identifier: MIT
 *
 * The largest eigenvalue of a symmetric matrix: an estimate, and a proof. Only
 * the upper triangle is read. */
#ifndef LIP_LINALG_EIGEN_H
#define LIP_LINALG_EIGEN_H

#include "linalg/matrix.h"

/* An estimate of lambda_max(A), good to about 1e-13 of |A| except for unlucky
 * starts; no bound. Lanczos with full reorthogonalisation, or a direct solver
 * where n is small: O(n^2) a step, some 10 to 60 steps. LIP_NO_MEMORY or
 * LIP_TOO_LARGE. */
enum lip_status lip_eigen_estimate(double *out, const struct lip_matrix *a,
                                   struct lip_ctx *ctx);

/* An upper bound of lambda_max(A) for positive semidefinite A (up to rounding)
 * with entries between 2^-300 and 2^300 or negligible: the least tau tried
 * with tau I - A proven positive definite. `estimate` is where to begin, from
 * lip_eigen_estimate; a bad one costs time, never truth. Overshoot about
 * 2 n^2 u relative. One Cholesky (n^3/3 flops) where the estimate is good. */
enum lip_status lip_eigen_upper(double *out, const struct lip_matrix *a,
                                double estimate, struct lip_ctx *ctx);

#endif
