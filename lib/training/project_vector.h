/* SPDX-License-Identifier: MIT
 *
 * Projections of vectors onto the balls of the 1-, 2- and inf-norm, and how a
 * matrix falls apart into such vectors. */
#ifndef LIP_TRAINING_PROJECT_VECTOR_H
#define LIP_TRAINING_PROJECT_VECTOR_H

#include "linalg/norm.h"

#include <stdbool.h>

/* Vector i of a row-major matrix: numbers data[i * step + j * stride], j <
 * length, each of which must keep its `norm` within the limit. */
struct lip_vectors {
    size_t count, length, step, stride;
    enum lip_norm norm;
};

/* For an easy pair but 2->2: the rows in the dual of p where q = inf, else
 * (p = 1) the columns in q. */
struct lip_vectors lip_vectors_of(size_t rows, size_t cols,
                                  struct lip_norm_pair pair);

/* The norm of x[n], in plain double. */
double lip_vector_norm(const double *x, size_t n, enum lip_norm norm);

/* The nearest vector (2-norm) with norm at most `limit`, in place; false, x
 * untouched, where it is inside already. For the 1-norm a soft threshold
 * sign(x) max(|x| - t, 0), t >= 0, found by Michelot's iteration (1986):
 * O(n) a pass, few passes. work[n]. */
bool lip_project_vector(double *x, size_t n, enum lip_norm norm, double limit,
                        double *work);

#endif
