/* SPDX-License-Identifier: MIT
 *
 * gram rescaling: W / max(1, g / limit), g the bound of |W|_2 by Gram iteration
 *
 *     G <- G G, from W W',   g = |G|_F^(1 / 2^rounds),
 *
 * of a convolution over the frequencies of its symbol. No vectors are kept, and
 * g is never below the norm. */
#include "training/constraints/list.h"
#include "training/constraints/wide.h"
#include "training/kernel.h"
#include "training/symbol.h"

enum { ROUNDS = 6 };

static size_t work(const struct lip_constrained *matrix)
{
    size_t k = lip_wide_of(matrix->rows, matrix->cols).k;
    return matrix->window ? lip_symbol_room(matrix->window) : 2 * k * k;
}

static enum lip_status mend(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx)
{
    (void)ctx;
    double norm = matrix->window
                      ? lip_symbol_gram(matrix->weight, matrix->window, ROUNDS,
                                        matrix->work)
                      : lip_gram_norm(matrix->weight, matrix->rows,
                                      matrix->cols, ROUNDS, matrix->work);
    if (norm > matrix->limit)
        lip_kernel_scale(matrix->weight, (float)(matrix->limit / norm),
                         matrix->rows * matrix->cols);
    return LIP_OK;
}

const struct lip_constraint lip_constraint_gram_rescaling = {
    .name = "gram-rescaling",
    .title = "The whole matrix divided by the excess of its Gram bound",
    .citation = "Delattre, Barthelemy, Araujo, Allauzen, ICML 2023",
    .supports = lip_supports_spectral,
    .windows = true,
    .work = work,
    .mend = mend,
    .every = 5,
};
