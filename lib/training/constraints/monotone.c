/* SPDX-License-Identifier: MIT
 *
 * monotone: no partial derivative of what learns exceeds half of the limit, and
 * a linear path beside it adds as much in the wanted direction (monotone.h).
 * Rows and numbers are normalised; a number of the first layer that has left
 * its range follows the gradient where that leads back. */
#include "training/constraints/list.h"

static bool supports(struct lip_norm_pair pair)
{
    return pair.input != LIP_NORM_2 && pair.output == LIP_NORM_INF;
}

static size_t work(const struct lip_constrained *matrix)
{
    return lip_constraint_normalisation.work(matrix);
}

static enum lip_status map(const struct lip_constrained *matrix,
                           struct lip_ctx *ctx)
{
    return lip_constraint_normalisation.map(matrix, ctx);
}

static enum lip_status pull(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx)
{
    return lip_constraint_normalisation.pull(matrix, ctx);
}

const struct lip_constraint lip_constraint_monotone = {
    .name = "monotone",
    .title = "Outputs that rise or fall with chosen inputs, and a limit for "
             "each input",
    .citation = "Kitouni, Nolte, Williams, ICLR 2023",
    .mapped = true,
    .monotone = true,
    .supports = supports,
    .work = work,
    .map = map,
    .pull = pull,
};
