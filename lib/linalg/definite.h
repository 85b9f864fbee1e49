/* SPDX-License-Identifier: MIT
 *
 * Positive definite matrices without proofs: for choices that are proven
 * elsewhere. Only the upper triangle is read and written. */
#ifndef LIP_LINALG_DEFINITE_H
#define LIP_LINALG_DEFINITE_H

#include "linalg/matrix.h"

#include <stdbool.h>

/* A becomes R with R^T R = A up to rounding, and log det A is added to
 * *log_det; false, A destroyed, where A is not positive definite (or not
 * finite). n^3/3 flops. */
bool lip_definite_factor(struct lip_matrix *a, double *log_det);

/* R becomes (R^T R)^-1. (2/3) n^3 flops. */
void lip_definite_invert(struct lip_matrix *r);

/* x[n] <- A^-1 x; A becomes its factor. False where it is not positive
 * definite. n^3/3 flops. */
bool lip_definite_solve(double *x, struct lip_matrix *a);

#endif
