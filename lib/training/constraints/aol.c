/* SPDX-License-Identifier: MIT
 *
 * AOL: W = limit diag(r) V with r_i = (sum_j |V V'|_ij)^-1/2 on the smaller
 * side of V, so that |W|_2 <= limit without any iteration. With P = V V',
 * d_i = r_i^-2 and sigma = sign P:
 *
 *     dr_i = <dW_i, V_i>,  dd_i = -dr_i r_i^3 / 2,
 *     dV = diag(r) dW + (diag(dd) sigma + sigma diag(dd)) V. */
#include "training/constraints/list.h"
#include "training/constraints/wide.h"
#include "training/kernel.h"

#include <math.h>

/* V, W or dW, P and r */
static size_t work(const struct lip_constrained *matrix)
{
    struct lip_wide size = lip_wide_of(matrix->rows, matrix->cols);
    return 2 * matrix->rows * matrix->cols + size.k * size.k + size.k;
}

struct parts {
    float *v, *w, *p, *r;
};

static struct parts parts_of(const struct lip_constrained *matrix)
{
    size_t count = matrix->rows * matrix->cols;
    size_t k = lip_wide_of(matrix->rows, matrix->cols).k;
    float *v = matrix->work;
    return (struct parts){v, v + count, v + 2 * count, v + 2 * count + k * k};
}

static enum lip_status map(const struct lip_constrained *matrix,
                           struct lip_ctx *ctx)
{
    (void)ctx;
    struct parts at = parts_of(matrix);
    struct lip_wide size = lip_wide_of(matrix->rows, matrix->cols);
    bool tall = matrix->rows > matrix->cols;
    size_t k = size.k, l = size.l;
    lip_wide_copy(at.v, matrix->free, matrix->rows, matrix->cols, tall);
    lip_multiply(at.p, at.v, at.v,
                 (struct lip_product){k, k, l, false, true, 1, 0});
    for (size_t i = 0; i < k; i++) {
        double sum = 0;
        for (size_t j = 0; j < k; j++)
            sum += fabs((double)at.p[i * k + j]);
        at.r[i] = sum > 0 ? (float)(1 / sqrt(sum)) : 0;
        for (size_t j = 0; j < l; j++)
            at.w[i * l + j] = (float)matrix->limit * at.r[i] * at.v[i * l + j];
    }
    lip_wide_copy(matrix->weight, at.w, k, l, tall);
    return LIP_OK;
}

static enum lip_status pull(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx)
{
    (void)ctx;
    struct parts at = parts_of(matrix);
    struct lip_wide size = lip_wide_of(matrix->rows, matrix->cols);
    bool tall = matrix->rows > matrix->cols;
    size_t k = size.k, l = size.l;
    float limit = (float)matrix->limit;
    lip_wide_copy(at.w, matrix->gradient, matrix->rows, matrix->cols, tall);
    for (size_t i = 0; i < k; i++) {
        double dr = limit * lip_kernel_dot(at.w + i * l, at.v + i * l, l);
        double r = at.r[i];
        lip_kernel_scale(at.w + i * l, limit * at.r[i], l);
        at.r[i] = (float)(-0.5 * dr * r * r * r); /* now dd */
    }
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++) {
            float p = at.p[i * k + j];
            float sign = (float)((p > 0) - (p < 0));
            at.p[i * k + j] = sign * (at.r[i] + at.r[j]);
        }
    lip_multiply(at.w, at.p, at.v,
                 (struct lip_product){k, l, k, false, false, 1, 1});
    lip_wide_copy(matrix->free_gradient, at.w, k, l, tall);
    return LIP_OK;
}

const struct lip_constraint lip_constraint_aol = {
    .name = "aol",
    .title = "Almost orthogonal: rows or columns scaled by the Gram matrix",
    .citation = "Prach and Lampert, Almost-orthogonal layers, ECCV 2022",
    .mapped = true,
    .supports = lip_supports_spectral,
    .work = work,
    .map = map,
    .pull = pull,
};
