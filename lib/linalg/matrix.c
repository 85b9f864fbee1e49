/* SPDX-License-Identifier: MIT
 *
 * Dense matrices: storage, transposition and the Frobenius norm. */
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

enum { TILE = 8 };

/* One full tile: eight lines read side by side, eight written whole. */
static void full_tile(double *to, size_t to_rows, const double *from,
                      size_t from_rows)
{
    for (size_t i = 0; i < TILE; i++)
        for (size_t j = 0; j < TILE; j++)
            to[j + i * to_rows] = from[i + j * from_rows];
}

static void part_tile(double *to, size_t to_rows, const double *from,
                      size_t from_rows, size_t rows, size_t cols)
{
    for (size_t j = 0; j < cols; j++)
        for (size_t i = 0; i < rows; i++)
            to[j + i * to_rows] = from[i + j * from_rows];
}

/* The transpose of rows x cols numbers, at most TILE of each. */
static void tile(double *to, size_t to_rows, const double *from,
                 size_t from_rows, size_t rows, size_t cols)
{
    if (rows >= TILE && cols >= TILE)
        full_tile(to, to_rows, from, from_rows);
    else
        part_tile(to, to_rows, from, from_rows, rows < TILE ? rows : TILE,
                  cols < TILE ? cols : TILE);
}

void lip_matrix_transpose(struct lip_matrix *to, const struct lip_matrix *from)
{
    size_t rows = from->rows, cols = from->cols;
    to->rows = cols;
    to->cols = rows;
    for (size_t j = 0; j < cols; j += TILE)
        for (size_t i = 0; i < rows; i += TILE)
            tile(to->data + j + i * cols, cols, from->data + i + j * rows, rows,
                 rows - i, cols - j);
}

void lip_matrix_mirror_down(struct lip_matrix *to,
                            const struct lip_matrix *from)
{
    size_t n = from->rows;
    to->rows = to->cols = n;
    for (size_t j = 0; j < n; j += TILE) {
        size_t size = n - j < TILE ? n - j : TILE, at = j * (n + 1);
        for (size_t i = 0; i < j; i += TILE)
            tile(to->data + j + i * n, n, from->data + i + j * n, n, TILE,
                 size);
        for (size_t c = 0; c < size; c++)
            for (size_t r = 0; r <= c; r++)
                to->data[at + c + r * n] = from->data[at + r + c * n];
    }
}

void lip_matrix_mirror_up(struct lip_matrix *a)
{
    size_t n = a->rows;
    for (size_t j = 0; j < n; j += TILE) {
        size_t size = n - j < TILE ? n - j : TILE, at = j * (n + 1);
        for (size_t i = 0; i < j; i += TILE)
            tile(a->data + i + j * n, n, a->data + j + i * n, n, size, TILE);
        for (size_t c = 0; c < size; c++)
            for (size_t r = 0; r < c; r++)
                a->data[at + r + c * n] = a->data[at + c + r * n];
    }
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
