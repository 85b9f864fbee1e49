/* SPDX-License-Identifier: MIT
 *
 * A Cholesky factorisation that proves something. */
#ifndef LIP_LINALG_CHOLESKY_H
#define LIP_LINALG_CHOLESKY_H

#include "linalg/matrix.h"

#include <stdbool.h>

/* Replaces the symmetric A (upper triangle read, both written) by an upper
 * triangular R with
 *
 *     R^T R <= A - slack I     (Loewner order, exact arithmetic),
 *
 * so that success proves A - slack I positive definite. Returns false, A
 * destroyed, where floating-point Cholesky of the shifted matrix breaks down:
 * then A - slack I is not positive definite by more than about 2 n u tr(A), or
 * at all.
 *
 * Proof. Factor A~ = A - (slack + c) I, the diagonal rounded down. The computed
 * factor has |R^T R - A~| <= gamma_{n+3} |R^T||R| (Higham, theorem 10.3; +2 for
 * reciprocal pivots), whose 2-norm is at most gamma |R|_F^2 = gamma tr(R^T R),
 * and (R^T R)_jj <= a~_jj / (1 - gamma). Hence c >= gamma/(1 - gamma) tr(A~)
 * gives R^T R <= A~ + c I <= A - slack I. This is Rump's criterion (BIT 46,
 * 2006) with the factor kept.
 *
 * Entries must be moderate (between 2^-300 and 2^300 where not zero or
 * negligible); slack >= 0; n < 2^40. *shift, where not NULL, receives
 * an upper bound of c. n^3/3 flops. */
bool lip_cholesky_below(struct lip_matrix *a, double slack, double *shift);

/* Is A - slack I proven positive definite? The same without the factor; `work`
 * has room for n x n numbers, and may be A where that is not needed again. */
bool lip_cholesky_proves(struct lip_matrix *work, const struct lip_matrix *a,
                         double slack);

/* The same from the other side: R^T R >= A + slack I. */
bool lip_cholesky_above(struct lip_matrix *a, double slack);

/* An estimate (no bound) of the smallest eigenvalue of R^T R by a few inverse
 * iterations; `work` has room for n numbers. O(n^2). */
double lip_cholesky_smallest(const struct lip_matrix *r, double *work);

#endif
