/* SPDX-License-Identifier: MIT
 *
 * Factors and solutions with their errors: the steps of the proof in
 * recursion.h. */
#ifndef LIP_BOUNDS_FACTOR_H
#define LIP_BOUNDS_FACTOR_H

#include "linalg/matrix.h"

#include <stdbool.h>

/* R with R^T R <= A - slack I, and *inverse >= |R^-1|_2; false where A - slack
 * I is not proven positive definite. `a` (upper triangle) is kept; `spare`, of
 * the same size, is destroyed; vector[n]. (2/3) n^3 flops. */
bool lip_factor_below(struct lip_matrix *r, const struct lip_matrix *a,
                      double slack, double *inverse, struct lip_matrix *spare,
                      double *vector);

/* |fl(R^-T B) - R^-T B|_F, given bounds of |R|_F and of |Y|_F of what came out,
 * an error of B and the n rows of R. */
double lip_solve_error(double inverse, double r, double y, double b, size_t n);

/* sigma for S^ = fl(Y^T Y), where Y is within e of the exact one and has n
 * rows; `f` bounds |Y|_F. */
double lip_gram_error(double f, double e, size_t n);

#endif
