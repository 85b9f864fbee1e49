/* SPDX-License-Identifier: MIT
 *
 * projection: the nearest matrix within the limit. */
#include "training/constraints/list.h"
#include "training/project.h"

static enum lip_status mend(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx)
{
    return lip_project(matrix->weight, matrix->rows, matrix->cols, matrix->pair,
                       matrix->limit, matrix->work, ctx);
}

const struct lip_constraint lip_constraint_projection = {
    .name = "projection",
    .title = "The nearest matrix within the limit (Euclidean projection)",
    .citation = "Anil, Lucas, Grosse, ICML 2019; Duchi et al., ICML 2008",
    .supports = lip_supports_easy,
    .work = lip_project_room,
    .mend = mend,
    .every = 5,
};
