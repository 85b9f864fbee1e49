/* SPDX-License-Identifier: MIT
 *
 * Balls of vectors. */
#include "training/project_vector.h"

#include <math.h>

struct lip_vectors lip_vectors_of(size_t rows, size_t cols,
                                  struct lip_norm_pair pair)
{
    if (pair.output == LIP_NORM_INF)
        return (struct lip_vectors){rows, cols, cols, 1,
                                    lip_norm_dual(pair.input)};
    return (struct lip_vectors){cols, rows, 1, cols, pair.output};
}

double lip_vector_norm(const double *x, size_t n, enum lip_norm norm)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double size = fabs(x[i]);
        if (norm == LIP_NORM_INF)
            sum = size > sum || isnan(size) ? size : sum;
        else
            sum += norm == LIP_NORM_1 ? size : size * size;
    }
    return norm == LIP_NORM_2 ? sqrt(sum) : sum;
}

/* The t with sum max(|x| - t, 0) = limit: t = (sum of kept - limit) / count,
 * then all not above t are let go, until none is. */
static double threshold(const double *x, size_t n, double limit, double *kept)
{
    size_t count = n, before;
    double t = 0;
    for (size_t i = 0; i < n; i++)
        kept[i] = fabs(x[i]);
    do {
        double sum = 0;
        before = count;
        count = 0;
        for (size_t i = 0; i < before; i++)
            sum += kept[i];
        t = (sum - limit) / (double)before;
        for (size_t i = 0; i < before; i++)
            if (kept[i] > t)
                kept[count++] = kept[i];
    } while (count < before && count > 0);
    return t > 0 ? t : 0;
}

static void soften(double *x, size_t n, double t)
{
    for (size_t i = 0; i < n; i++) {
        double size = fabs(x[i]) - t;
        x[i] = size > 0 ? copysign(size, x[i]) : 0;
    }
}

bool lip_project_vector(double *x, size_t n, enum lip_norm norm, double limit,
                        double *work)
{
    double size = lip_vector_norm(x, n, norm);
    if (size <= limit)
        return false;
    if (norm == LIP_NORM_1) {
        soften(x, n, threshold(x, n, limit, work));
        return true;
    }
    for (size_t i = 0; i < n; i++)
        x[i] = norm == LIP_NORM_2 ? x[i] * (limit / size)
                                  : fmax(-limit, fmin(limit, x[i]));
    return true;
}
