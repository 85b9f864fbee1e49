/* SPDX-License-Identifier: MIT
 *
 * projection: the nearest matrix within the limit; a convolution's symbol
 * clipped at each frequency. */
#include "training/constraints/list.h"
#include "training/project.h"
#include "training/symbol.h"

static size_t work(const struct lip_constrained *matrix)
{
    if (matrix->window)
        return lip_symbol_room(matrix->window);
    return lip_project_room(matrix->rows, matrix->cols, matrix->pair);
}

static enum lip_status mend(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx)
{
    if (matrix->window)
        return lip_symbol_clip(matrix->weight, matrix->window, matrix->limit,
                               matrix->work, ctx);
    return lip_project(matrix->weight, matrix->rows, matrix->cols, matrix->pair,
                       matrix->limit, matrix->work, ctx);
}

const struct lip_constraint lip_constraint_projection = {
    .name = "projection",
    .title = "The nearest matrix within the limit (Euclidean projection)",
    .citation = "Anil, Lucas, Grosse, ICML 2019; Duchi et al., ICML 2008; "
                "Sedghi, Gupta, Long, ICLR 2019",
    .supports = lip_supports_easy,
    .windows = true,
    .work = work,
    .mend = mend,
    .every = 5,
};
