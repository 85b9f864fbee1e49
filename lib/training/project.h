/* SPDX-License-Identifier: MIT
 *
 * Euclidean projections onto the balls {W : |W|_{p->q} <= limit} of the easy
 * norm pairs: the nearest matrix in the Frobenius norm. W has rows x cols
 * numbers, row-major.
 *
 *     2->2         singular values clipped at the limit
 *     inf->inf     each row onto the l1 ball       (p->inf: the dual of p)
 *     2->inf       each row onto the l2 ball
 *     1->inf       each number clipped
 *     1->1, 1->2   each column onto the l1, l2 ball */
#ifndef LIP_TRAINING_PROJECT_H
#define LIP_TRAINING_PROJECT_H

#include "linalg/norm.h"

/* Floats of `work` that lip_project wants, aligned like a double. */
size_t lip_project_room(size_t rows, size_t cols, struct lip_norm_pair pair);

/* In float32, for use between steps; the result may exceed the limit by
 * rounding. 2->2: an eigenvalue decomposition of the smaller Gram matrix,
 * O(min^2 max); the others O(rows cols). LIP_INVALID where the numbers are not
 * finite, LIP_NO_MEMORY. */
enum lip_status lip_project(float *w, size_t rows, size_t cols,
                            struct lip_norm_pair pair, double limit,
                            float *work, struct lip_ctx *ctx);

/* The last operation on a matrix that is served: the projection in float64,
 * then rounded to float32 so that the norm *proven* of the stored numbers by
 * lip_norm_upper is at most the limit. *norm receives what was proven.
 * LIP_INVALID (not finite), LIP_UNPROVEN (a limit too small for float32),
 * LIP_NO_MEMORY. */
enum lip_status lip_project_exactly(double *norm, float *w, size_t rows,
                                    size_t cols, struct lip_norm_pair pair,
                                    double limit, struct lip_ctx *ctx);

/* The proven norm of W as it is. */
enum lip_status lip_float_norm(double *norm, const float *w, size_t rows,
                               size_t cols, struct lip_norm_pair pair,
                               struct lip_ctx *ctx);

#endif
