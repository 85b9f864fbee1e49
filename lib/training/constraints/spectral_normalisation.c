/* SPDX-License-Identifier: MIT
 *
 * spectral normalisation: W = limit V / s(V), s = u'V v by one warm-started
 * round of power iteration a step; u and v count as constants for the
 * gradient:
 *
 *     dV = limit / s (dW - <dW, V / s> u v'),
 *
 * with the derivative of u'A(V) v by V in the place of u v' where A is a
 * convolution. */
#include "training/constraints/list.h"
#include "training/constraints/power.h"
#include "training/kernel.h"

#include <string.h>

static size_t work(const struct lip_constrained *matrix)
{
    return 1 + (matrix->window ? matrix->rows * matrix->cols : 0); /* s, D */
}

static enum lip_status map(const struct lip_constrained *matrix,
                           struct lip_ctx *ctx)
{
    size_t count = matrix->rows * matrix->cols;
    double s = lip_power(matrix, matrix->free, 1);
    if (!(s > 0))
        return lip_fail(ctx, LIP_INVALID,
                        "A weight matrix became zero or not finite: lower the "
                        "learning rate.");
    *matrix->work = (float)s;
    memcpy(matrix->weight, matrix->free, count * sizeof(float));
    lip_kernel_scale(matrix->weight, (float)(matrix->limit / s), count);
    return LIP_OK;
}

static enum lip_status pull(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx)
{
    (void)ctx;
    size_t count = matrix->rows * matrix->cols;
    double s = *matrix->work;
    double along = lip_kernel_dot(matrix->gradient, matrix->free, count) / s;
    memcpy(matrix->free_gradient, matrix->gradient, count * sizeof(float));
    lip_power_add(matrix->free_gradient, -along, matrix, matrix->work + 1);
    lip_kernel_scale(matrix->free_gradient, (float)(matrix->limit / s), count);
    return LIP_OK;
}

const struct lip_constraint lip_constraint_spectral_normalisation = {
    .name = "spectral-normalisation",
    .title = "Weights divided by their largest singular value",
    .citation = "Miyato et al., ICLR 2018",
    .mapped = true,
    .supports = lip_supports_spectral,
    .windows = true,
    .warm = lip_power_warm,
    .work = work,
    .map = map,
    .pull = pull,
};
