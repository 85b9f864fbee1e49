/* SPDX-License-Identifier: MIT
 *
 * Hermitian matrices and proofs that they are positive definite. Complex
 * numbers lie interleaved (real, imaginary), matrices in column-major order:
 * element (i, j) of one of m rows begins at 2 (i + j m). Only the lower
 * triangle of a Hermitian one is read and written. */
#ifndef LIP_LINALG_HERMITIAN_H
#define LIP_LINALG_HERMITIAN_H

#include <stdbool.h>
#include <stddef.h>

/* g = -H^* H for the m x n matrix h. 4 m n^2 flops. */
void lip_hermitian_minus_gram(double *g, const double *h, size_t m, size_t n);

/* An upper bound of |fl(H^* H) - H^* H|_2, `frobenius` one of |H|_F. */
double lip_hermitian_gram_error(double frobenius, size_t m);

/* Is tau I + A proven positive semidefinite? Replaces a by a lower triangular L
 * (with a real diagonal, and what there was above it) such that
 *
 *     L L^* <= tau I + A   (Loewner order, exact arithmetic),
 *
 * or returns false.
 *
 * Proof. Seen as real numbers, every element of a complex Cholesky factor is
 * what is left of an inner product of at most 2 n real products, times the
 * reciprocal of a real pivot. So with R~ the real 2n x 2n form of the computed
 * factor, [Re -Im; Im Re],
 *
 *     | R~^T R~ - A~ | <= gamma_{2n+4} |R~|^T |R~|
 *
 * as in the real case (Higham, theorem 10.3; 2 n instead of n, +3 for
 * reciprocal pivots), whose 2-norm is at most gamma |R~|_F^2 = 2 gamma |R|_F^2
 * and |R|_F^2 <= tr(A) / (1 - gamma). Hence a matrix whose diagonal was first
 * lowered by c = 2 gamma / (1 - 2 gamma) times its trace was, where the
 * factorisation runs to its end, at least L L^* before. Entries of moderate
 * size as in cholesky.h. 4/3 n^3 flops. */
bool lip_hermitian_proves(double *a, size_t n, double tau);

/* An estimate (no bound) of the largest eigenvalue of -A for negative
 * semidefinite A; `work` has room for 6 n numbers. */
double lip_hermitian_estimate(const double *a, size_t n, double *work);

#endif
