/* SPDX-License-Identifier: MIT
 *
 * scaling: W / max(1, |W| / limit). Every singular value shrinks when the
 * largest is over the limit, so that ranks collapse: offered because others
 * do. */
#include "training/constraints/list.h"
#include "training/constraints/power.h"
#include "training/kernel.h"
#include "training/project_vector.h"

#include <math.h>

/* A vector in double. */
static size_t work(const struct lip_constrained *matrix)
{
    return 2 * (matrix->rows > matrix->cols ? matrix->rows : matrix->cols);
}

/* The largest norm of the vectors that the matrix falls into. */
static double largest(const struct lip_constrained *matrix)
{
    double *x = (double *)(void *)matrix->work, norm = 0;
    struct lip_vectors v =
        lip_vectors_of(matrix->rows, matrix->cols, matrix->pair);
    for (size_t i = 0; i < v.count; i++) {
        for (size_t j = 0; j < v.length; j++)
            x[j] = matrix->weight[i * v.step + j * v.stride];
        norm = fmax(norm, lip_vector_norm(x, v.length, v.norm));
    }
    return norm;
}

static enum lip_status mend(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx)
{
    (void)ctx;
    double norm = lip_supports_spectral(matrix->pair)
                      ? lip_power(matrix, matrix->weight, 2)
                      : largest(matrix);
    if (norm > matrix->limit)
        lip_kernel_scale(matrix->weight, (float)(matrix->limit / norm),
                         matrix->rows * matrix->cols);
    return LIP_OK;
}

const struct lip_constraint lip_constraint_scaling = {
    .name = "scaling",
    .title = "The whole matrix divided by the excess of its norm",
    .citation = "Gouk, Frank, Pfahringer, Cree, Machine Learning 110, 2021",
    .supports = lip_supports_easy,
    .windows = true,
    .warm = lip_power_warm,
    .work = work,
    .mend = mend,
    .every = 1,
};
