/* SPDX-License-Identifier: MIT
 *
 * Dense double matrices in column-major order: element (i, j) is
 * data[i + j*rows]. There are no leading dimensions but the number of rows,
 * and no dimension exceeds INT_MAX, so that BLAS can count them. */
#ifndef LIP_LINALG_MATRIX_H
#define LIP_LINALG_MATRIX_H

#include "base/context.h"
#include "linalg/rounding.h"

#include <stddef.h>

struct lip_matrix {
    size_t rows, cols;
    double *data;
};

/* An uninitialised matrix; data NULL on failure. LIP_TOO_LARGE,
 * LIP_NO_MEMORY. */
enum lip_status lip_matrix_new(struct lip_matrix *out, size_t rows, size_t cols,
                               struct lip_ctx *ctx);

/* Frees the numbers and makes the matrix empty. */
void lip_matrix_clear(struct lip_matrix *matrix);

/* to = from^T. The matrices do not overlap; `to` has the room and gets its
 * shape here. O(rows cols), in tiles. */
void lip_matrix_transpose(struct lip_matrix *to, const struct lip_matrix *from);

/* Writes the upper triangle of a square matrix, with the diagonal, into the
 * lower one of `to`, which may be the same matrix; mirror_up the lower triangle
 * into the upper one. What else there was stays. O(n^2), in tiles. */
void lip_matrix_mirror_down(struct lip_matrix *to,
                            const struct lip_matrix *from);
void lip_matrix_mirror_up(struct lip_matrix *a);

/* An upper bound of the Frobenius norm, for entries below 2^400 in absolute
 * value. O(rows cols). */
double lip_matrix_frobenius(const struct lip_matrix *matrix);

#endif
