/* SPDX-License-Identifier: MIT
 *
 * orthogonal by the Cayley transform. V as a tall matrix is [U; Y] with U k x
 * k. With Z = U - U' + Y'Y and M = (I + Z)^-1,
 *
 *     W = limit [2 M - I; -2 Y M],   W'W = limit^2 I,
 *
 * and going back, with dW = [T; B] times the limit,
 *
 *     dM = 2 T - 2 Y'B,  dZ = -M' dM M',
 *     dU = dZ - dZ',  dY = -2 B M' + Y (dZ + dZ'). */
#include "training/constraints/list.h"
#include "training/constraints/wide.h"
#include "training/kernel.h"

#include "linalg/decompose.h"

#include <string.h>

/* V or dV, W or dW, M, two more k x k */
static size_t work(const struct lip_constrained *matrix)
{
    struct lip_wide size = lip_wide_of(matrix->rows, matrix->cols);
    return 3 * matrix->rows * matrix->cols + 3 * size.k * size.k;
}

struct parts {
    size_t k, rest; /* U is k x k, Y rest x k */
    float *v, *w, *d, *m, *s, *t;
};

static struct parts parts_of(const struct lip_constrained *matrix)
{
    size_t count = matrix->rows * matrix->cols;
    struct lip_wide size = lip_wide_of(matrix->rows, matrix->cols);
    size_t square = size.k * size.k;
    float *v = matrix->work, *m = v + 3 * count;
    return (struct parts){size.k,     size.l - size.k, v,
                          v + count,  v + 2 * count,   m,
                          m + square, m + 2 * square};
}

static enum lip_status map(const struct lip_constrained *matrix,
                           struct lip_ctx *ctx)
{
    struct parts at = parts_of(matrix);
    size_t k = at.k, rest = at.rest, square = k * k;
    bool wide = matrix->rows < matrix->cols;
    const float *y = at.v + square;
    lip_wide_copy(at.v, matrix->free, matrix->rows, matrix->cols, wide);
    lip_multiply(at.m, y, y,
                 (struct lip_product){k, k, rest, true, false, 1, 0});
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++)
            at.m[i * k + j] +=
                at.v[i * k + j] - at.v[j * k + i] + (i == j ? 1 : 0);
    enum lip_status status = lip_invert_float(at.m, k, ctx);
    if (status != LIP_OK)
        return status;
    memcpy(at.w, at.m, square * sizeof *at.w);
    lip_kernel_scale(at.w, 2, square);
    for (size_t i = 0; i < k; i++)
        at.w[i * k + i] -= 1;
    lip_multiply(at.w + square, y, at.m,
                 (struct lip_product){rest, k, k, false, false, -2, 0});
    lip_kernel_scale(at.w, (float)matrix->limit, square + rest * k);
    lip_wide_copy(matrix->weight, at.w, k + rest, k, wide);
    return LIP_OK;
}

static enum lip_status pull(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx)
{
    (void)ctx;
    struct parts at = parts_of(matrix);
    size_t k = at.k, rest = at.rest, square = k * k;
    bool wide = matrix->rows < matrix->cols;
    const float *y = at.v + square, *top = at.w, *bottom = at.w + square;
    lip_wide_copy(at.w, matrix->gradient, matrix->rows, matrix->cols, wide);
    lip_kernel_scale(at.w, (float)matrix->limit, square + rest * k);
    memcpy(at.s, top, square * sizeof *at.s); /* dM */
    lip_multiply(at.s, y, bottom,
                 (struct lip_product){k, k, rest, true, false, -2, 2});
    lip_multiply(at.t, at.m, at.s,
                 (struct lip_product){k, k, k, true, false, -1, 0});
    lip_multiply(at.s, at.t, at.m, /* dZ */
                 (struct lip_product){k, k, k, false, true, 1, 0});
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++) {
            at.d[i * k + j] = at.s[i * k + j] - at.s[j * k + i];
            at.t[i * k + j] = at.s[i * k + j] + at.s[j * k + i];
        }
    float *dy = at.d + square;
    lip_multiply(dy, bottom, at.m,
                 (struct lip_product){rest, k, k, false, true, -2, 0});
    lip_multiply(dy, y, at.t,
                 (struct lip_product){rest, k, k, false, false, 1, 1});
    lip_wide_copy(matrix->free_gradient, at.d, k + rest, k, wide);
    return LIP_OK;
}

const struct lip_constraint lip_constraint_orthogonal_cayley = {
    .name = "orthogonal-cayley",
    .title = "Orthonormal rows or columns by the Cayley transform",
    .citation = "Trockman and Kolter, ICLR 2021; Wang and Manchester, ICML "
                "2023",
    .mapped = true,
    .supports = lip_supports_spectral,
    .work = work,
    .map = map,
    .pull = pull,
};
