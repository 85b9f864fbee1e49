/* SPDX-License-Identifier: MIT
 *
 * Projections in float32, for training. The balls of all easy pairs but 2->2
 * are products of balls of rows or of columns: those are done vector by vector
 * in double. */
#include "training/project.h"

#include "linalg/decompose.h"
#include "training/kernel.h"
#include "training/project_vector.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

static bool is_spectral(struct lip_norm_pair pair)
{
    return pair.input == LIP_NORM_2 && pair.output == LIP_NORM_2;
}

static size_t side(size_t rows, size_t cols)
{
    return rows < cols ? rows : cols;
}

/* Spectral: Gram matrix, eigenvectors, eigenvalues, and as much as W. Otherwise
 * a vector and room to project it, in double. */
size_t lip_project_room(size_t rows, size_t cols, struct lip_norm_pair pair)
{
    size_t k = side(rows, cols);
    if (is_spectral(pair))
        return 2 * k * k + k + rows * cols;
    return 4 * (rows > cols ? rows : cols);
}

/* W += Q^T diag(limit / s - 1) Q W for the rows q of Q with s = |q' W| > limit,
 * or the same from the right. */
static void clip(float *w, size_t rows, size_t cols, const float *q,
                 const float *value, size_t k, double limit, float *t)
{
    int m = (int)rows, n = (int)cols, side_ = (int)side(rows, cols);
    int count = (int)k;
    bool wide = rows <= cols;
    if (k == 0)
        return;
    if (wide)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, count, n, m, 1,
                    q, side_, w, n, 0, t, n);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, count, m, n, 1, q,
                    side_, w, n, 0, t, m);
    size_t length = wide ? cols : rows;
    for (size_t i = 0; i < k; i++)
        lip_kernel_scale(t + i * length,
                         (float)(limit / sqrt((double)value[i]) - 1), length);
    if (wide)
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, count, 1, q,
                    side_, t, n, 1, w, n);
    else
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, count, 1, t,
                    m, q, side_, 1, w, n);
}

/* The smaller Gram matrix of W; returns its trace, |W|_F^2. */
static double find_gram(float *gram, const float *w, size_t rows, size_t cols)
{
    size_t k = side(rows, cols);
    int inner = (int)(rows <= cols ? cols : rows);
    double trace = 0;
    cblas_ssyrk(CblasRowMajor, CblasLower,
                rows <= cols ? CblasNoTrans : CblasTrans, (int)k, inner, 1, w,
                (int)cols, 0, gram, (int)k);
    for (size_t i = 0; i < k; i++) {
        trace += gram[i * k + i];
        for (size_t j = 0; j < i; j++)
            gram[j * k + i] = gram[i * k + j];
    }
    return trace;
}

/* Eigenvalues this close to the square of the limit are as good as on it: they
 * come in clusters, which take long to tell apart. */
static const double rounding = 4e-6;

static enum lip_status project_spectral(float *w, size_t rows, size_t cols,
                                        double limit, float *work,
                                        struct lip_ctx *ctx)
{
    size_t k = side(rows, cols), found = 0;
    float *gram = work, *q = gram + k * k, *value = q + k * k, *t = value + k;
    double from = limit * limit * (1 + rounding);
    struct lip_ctx own = {.budget = ctx ? ctx->budget : NULL};
    if (find_gram(gram, w, rows, cols) <= limit * limit)
        return LIP_OK; /* |W|_2 <= |W|_F */
    if (lip_decompose_above(&found, value, q, gram, k, from, &own) == LIP_OK) {
        clip(w, rows, cols, q, value, found, limit, t);
        return LIP_OK;
    }
    size_t inside = 0;
    find_gram(gram, w, rows, cols);
    enum lip_status status = lip_decompose_float(value, gram, k, ctx);
    while (status == LIP_OK && inside < k && value[inside] <= from)
        inside++;
    if (status == LIP_OK)
        clip(w, rows, cols, gram + inside * k, value + inside, k - inside,
             limit, t);
    return status;
}

enum lip_status lip_project(float *w, size_t rows, size_t cols,
                            struct lip_norm_pair pair, double limit,
                            float *work, struct lip_ctx *ctx)
{
    if (is_spectral(pair))
        return project_spectral(w, rows, cols, limit, work, ctx);
    double *x = (double *)(void *)work;
    struct lip_vectors v = lip_vectors_of(rows, cols, pair);
    for (size_t i = 0; i < v.count; i++) {
        float *at = w + i * v.step;
        for (size_t j = 0; j < v.length; j++)
            x[j] = at[j * v.stride];
        if (lip_project_vector(x, v.length, v.norm, limit, x + v.length))
            for (size_t j = 0; j < v.length; j++)
                at[j * v.stride] = (float)x[j];
    }
    return LIP_OK;
}
