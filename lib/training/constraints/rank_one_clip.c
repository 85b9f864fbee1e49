/* SPDX-License-Identifier: MIT
 *
 * rank-one clip: W - max(0, s - limit) u v' with the largest singular value s
 * and its vectors by one warm-started round of power iteration: the exact
 * projection where only one singular value is above the limit.
 *
 * Of a convolution A(W), D = derivative of u'A(W) v by W takes the place of
 * u v': W - max(0, s - limit) D / |D|^2 is the nearest kernel in the half-space
 * <D, W> <= limit, in which all kernels within the limit lie. */
#include "training/constraints/list.h"
#include "training/constraints/power.h"

static size_t work(const struct lip_constrained *matrix)
{
    return matrix->window ? matrix->rows * matrix->cols : 0;
}

static enum lip_status mend(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx)
{
    (void)ctx;
    double s = lip_power(matrix, matrix->weight, 1);
    if (s > matrix->limit)
        lip_power_step(matrix->weight, matrix->limit - s, matrix, matrix->work);
    return LIP_OK;
}

const struct lip_constraint lip_constraint_rank_one_clip = {
    .name = "rank-one-clip",
    .title = "The largest singular value clipped after each step",
    .citation = "Newhouse et al., arXiv 2507.13338",
    .supports = lip_supports_spectral,
    .windows = true,
    .warm = lip_power_warm,
    .work = work,
    .mend = mend,
    .every = 1,
};
