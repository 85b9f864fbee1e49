/* SPDX-License-Identifier: MIT
 *
 * Dense double matrices in column-major order: element (i, j) is
 * data[i + j*rows]. There are no leading dimensions but the number of rows. */
#ifndef LIP_LINALG_MATRIX_H
#define LIP_LINALG_MATRIX_H

#include "base/context.h"

#include <stddef.h>

struct lip_matrix {
    size_t rows, cols;
    double *data;
};

/* An uninitialised matrix; data NULL on failure. */
enum lip_status lip_matrix_new(struct lip_matrix *out, size_t rows, size_t cols,
                               struct lip_ctx *ctx);

/* Frees the numbers and makes the matrix empty. */
void lip_matrix_clear(struct lip_matrix *matrix);

#endif
