/* SPDX-License-Identifier: MIT
 *
 * normalisation: each row, column or number v of V (what the norm falls into)
 * divided by its own excess, w = v / max(1, |v| / limit). The gradient goes
 * through the norm:
 *
 *     dv = limit / |v| (dw - <dw, v> / |v| n(v)),  n = derivative of |v|. */
#include "training/constraints/list.h"
#include "training/project_vector.h"

#include <math.h>

static bool supports(struct lip_norm_pair pair)
{
    return lip_norm_pair_easy(pair) && !lip_supports_spectral(pair);
}

static size_t work(const struct lip_constrained *matrix)
{
    return 2 * (matrix->rows > matrix->cols ? matrix->rows : matrix->cols);
}

/* With the inf-norm every number stands for itself. */
static struct lip_vectors vectors(const struct lip_constrained *matrix)
{
    struct lip_vectors v =
        lip_vectors_of(matrix->rows, matrix->cols, matrix->pair);
    if (v.norm == LIP_NORM_INF)
        return (struct lip_vectors){v.count * v.length, 1, 1, 1, LIP_NORM_1};
    return v;
}

static double norm_at(const struct lip_constrained *matrix,
                      const struct lip_vectors *v, size_t i)
{
    double *x = (double *)(void *)matrix->work;
    for (size_t j = 0; j < v->length; j++)
        x[j] = matrix->free[i * v->step + j * v->stride];
    return lip_vector_norm(x, v->length, v->norm);
}

static enum lip_status map(const struct lip_constrained *matrix,
                           struct lip_ctx *ctx)
{
    (void)ctx;
    struct lip_vectors v = vectors(matrix);
    for (size_t i = 0; i < v.count; i++) {
        double norm = norm_at(matrix, &v, i);
        double factor = norm > matrix->limit ? matrix->limit / norm : 1;
        for (size_t j = 0; j < v.length; j++) {
            size_t k = i * v.step + j * v.stride;
            matrix->weight[k] = (float)(factor * (double)matrix->free[k]);
        }
    }
    return LIP_OK;
}

static double slope(enum lip_norm norm, double x, double size)
{
    return norm == LIP_NORM_1 ? (x > 0) - (x < 0) : x / size;
}

static enum lip_status pull(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx)
{
    (void)ctx;
    struct lip_vectors v = vectors(matrix);
    for (size_t i = 0; i < v.count; i++) {
        double norm = norm_at(matrix, &v, i), along = 0, factor = 1;
        const float *free = matrix->free + i * v.step;
        const float *gradient = matrix->gradient + i * v.step;
        for (size_t j = 0; norm > matrix->limit && j < v.length; j++)
            along += (double)gradient[j * v.stride] *
                     (double)free[j * v.stride] / norm;
        if (norm > matrix->limit)
            factor = matrix->limit / norm;
        for (size_t j = 0; j < v.length; j++) {
            size_t k = j * v.stride;
            double part = along * slope(v.norm, free[k], norm);
            matrix->free_gradient[i * v.step + k] =
                (float)(factor * (gradient[k] - part));
        }
    }
    return LIP_OK;
}

const struct lip_constraint lip_constraint_normalisation = {
    .name = "normalisation",
    .title = "Rows, columns or numbers divided by their own excess",
    .citation = "Kitouni, Nolte, Williams, ICLR 2023",
    .mapped = true,
    .supports = supports,
    .work = work,
    .map = map,
    .pull = pull,
};
