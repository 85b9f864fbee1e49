/* SPDX-License-Identifier: MIT
 *
 * rank-one clip: W - max(0, s - limit) u v' with the largest singular value s
 * and its vectors by one warm-started round of power iteration: the exact
 * projection where only one singular value is above the limit. */
#include "training/constraints/list.h"
#include "training/constraints/power.h"

#include <cblas.h>

static enum lip_status mend(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx)
{
    (void)ctx;
    double s = lip_power(matrix, matrix->weight, 1);
    int m = (int)matrix->rows, n = (int)matrix->cols;
    if (s > matrix->limit)
        cblas_sger(CblasRowMajor, m, n, (float)(matrix->limit - s),
                   matrix->warm, 1, matrix->warm + matrix->rows, 1,
                   matrix->weight, n);
    return LIP_OK;
}

const struct lip_constraint lip_constraint_rank_one_clip = {
    .name = "rank-one-clip",
    .title = "The largest singular value clipped after each step",
    .citation = "Newhouse et al., arXiv 2507.13338",
    .supports = lip_supports_spectral,
    .warm = lip_power_warm,
    .mend = mend,
    .every = 1,
};
