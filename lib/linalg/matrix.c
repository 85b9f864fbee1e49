/* SPDX-License-Identifier: MIT
 *
 * Dense matrices: storage and the Frobenius norm. */
#include "linalg/matrix.h"

#include "base/size.h"

#include <limits.h>
#include <stdbool.h>

enum lip_status lip_matrix_new(struct lip_matrix *out, size_t rows, size_t cols,
                               struct lip_ctx *ctx)
{
    *out = (struct lip_matrix){0, 0, NULL};
    size_t count;
    /* BLAS counts in int. */
    if (rows > INT_MAX || cols > INT_MAX || !lip_size_mul(&count, rows, cols))
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "A matrix of %zu by %zu is too large.", rows, cols);
    out->data = lip_alloc(ctx, count, sizeof *out->data);
    if (!out->data)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    out->rows = rows;
    out->cols = cols;
    return LIP_OK;
}

void lip_matrix_clear(struct lip_matrix *matrix)
{
    lip_free(matrix->data);
    *matrix = (struct lip_matrix){0, 0, NULL};
}

static bool is_zero(const struct lip_matrix *matrix)
{
    for (size_t i = 0; i < matrix->rows * matrix->cols; i++)
        if (matrix->data[i] != 0)
            return false;
    return true;
}

double lip_matrix_frobenius(const struct lip_matrix *matrix)
{
    /* Eight running sums: the compiler vectorises them, and the a-priori bound
     * holds for any order. */
    size_t count = matrix->rows * matrix->cols, i = 0;
    double sum[8] = {0};
    for (; i + 8 <= count; i += 8)
        for (size_t k = 0; k < 8; k++)
            sum[k] += matrix->data[i + k] * matrix->data[i + k];
    for (; i < count; i++)
        sum[0] += matrix->data[i] * matrix->data[i];
    double total = 0;
    for (size_t k = 0; k < 8; k++)
        total += sum[k];
    if (total == 0 && is_zero(matrix))
        return 0;
    return lip_sqrt_up(lip_inflate(total, count + 2));
}
