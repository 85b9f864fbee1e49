/* SPDX-License-Identifier: MIT
 *
 * The projection that is proven: computed in double, rounded to float32, and
 * then measured by the library's proven norms. Rounding may lift a norm above
 * the limit by some 2^-24, so the projection aims a little below it and tries
 * again further below until the proof succeeds. */
#include "training/project.h"

#include "base/size.h"
#include "linalg/decompose.h"
#include "training/project_vector.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { TRIES = 20 };

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

static void widen(double *out, const float *w, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = w[i];
}

static enum lip_status check(const float *w, size_t count, struct lip_ctx *ctx)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(w[i]) < 0x1p100F))
            return lip_fail(ctx, LIP_INVALID,
                            "A weight is not a finite number of reasonable "
                            "size: lower the learning rate.");
    return LIP_OK;
}

/* Row-major rows x cols is the transpose that lip_norm_upper wants. */
static enum lip_status measure(double *norm, double *wide, size_t rows,
                               size_t cols, struct lip_norm_pair pair,
                               struct lip_ctx *ctx)
{
    struct lip_matrix at = {cols, rows, wide};
    return lip_norm_upper(norm, &at, pair, ctx);
}

enum lip_status lip_float_norm(double *norm, const float *w, size_t rows,
                               size_t cols, struct lip_norm_pair pair,
                               struct lip_ctx *ctx)
{
    size_t count = rows * cols;
    enum lip_status status = check(w, count, ctx);
    if (status != LIP_OK)
        return status;
    double *wide = lip_alloc(ctx, count, sizeof *wide);
    if (!wide)
        return memory(ctx);
    widen(wide, w, count);
    status = measure(norm, wide, rows, cols, pair, ctx);
    lip_free(wide);
    return status;
}

/* W += Q^T diag(limit / s - 1) Q W over the eigenvectors (rows of q) of W W^T
 * with s > limit, or the same from the right; t has room for rows x cols. */
static void clip(double *w, size_t rows, size_t cols, const double *q,
                 const double *value, double limit, double *t)
{
    bool wide = rows <= cols;
    size_t k = wide ? rows : cols, length = wide ? cols : rows;
    int m = (int)rows, n = (int)cols, order = (int)k;
    if (wide)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, m, 1, q,
                    order, w, n, 0, t, n);
    else
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, m, n, 1, q,
                    order, w, n, 0, t, m);
    for (size_t i = 0; i < k; i++) {
        double s = sqrt(fmax(value[i], 0)), factor = s > limit ? limit / s : 1;
        for (size_t j = 0; j < length; j++)
            t[i * length + j] *= factor - 1;
    }
    if (wide)
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, m, 1, q,
                    order, t, n, 1, w, n);
    else
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, n, 1, t, m,
                    q, order, 1, w, n);
}

static enum lip_status project_spectral(double *w, size_t rows, size_t cols,
                                        double limit, struct lip_ctx *ctx)
{
    size_t k = rows < cols ? rows : cols;
    size_t room = k * k + k + rows * cols;
    int order = (int)k, inner = (int)(rows < cols ? cols : rows);
    double *gram = lip_calloc(ctx, room, sizeof *gram);
    if (!gram)
        return memory(ctx);
    double *value = gram + k * k;
    cblas_dsyrk(CblasRowMajor, CblasLower,
                rows <= cols ? CblasNoTrans : CblasTrans, order, inner, 1, w,
                (int)cols, 0, gram, order);
    enum lip_status status = lip_decompose(value, gram, k, ctx);
    if (status == LIP_OK)
        clip(w, rows, cols, gram, value, limit, value + k);
    lip_free(gram);
    return status;
}

static enum lip_status project(double *w, size_t rows, size_t cols,
                               struct lip_norm_pair pair, double limit,
                               struct lip_ctx *ctx)
{
    if (pair.input == LIP_NORM_2 && pair.output == LIP_NORM_2)
        return project_spectral(w, rows, cols, limit, ctx);
    struct lip_vectors v = lip_vectors_of(rows, cols, pair);
    double *x = lip_alloc(ctx, v.length, 2 * sizeof *x);
    if (!x)
        return memory(ctx);
    for (size_t i = 0; i < v.count; i++) {
        double *at = w + i * v.step;
        for (size_t j = 0; j < v.length; j++)
            x[j] = at[j * v.stride];
        if (lip_project_vector(x, v.length, v.norm, limit, x + v.length))
            for (size_t j = 0; j < v.length; j++)
                at[j * v.stride] = x[j];
    }
    lip_free(x);
    return LIP_OK;
}

static void narrow(float *w, const double *wide, size_t count)
{
    for (size_t i = 0; i < count; i++)
        w[i] = (float)wide[i];
}

enum lip_status lip_project_exactly(double *norm, float *w, size_t rows,
                                    size_t cols, struct lip_norm_pair pair,
                                    double limit, struct lip_ctx *ctx)
{
    size_t count = rows * cols;
    enum lip_status status = check(w, count, ctx);
    double *wide =
        status == LIP_OK ? lip_alloc(ctx, count, sizeof *wide) : NULL;
    if (!wide)
        return status == LIP_OK ? memory(ctx) : status;
    double below = 0x1p-26;
    for (int i = 0; status == LIP_OK; i++, below *= 2) {
        widen(wide, w, count);
        status = measure(norm, wide, rows, cols, pair, ctx);
        if (status != LIP_OK || *norm <= limit)
            break;
        if (i == TRIES) {
            status = lip_fail(ctx, LIP_UNPROVEN,
                              "The limit %g of a layer is too small for "
                              "float32 weights.",
                              limit);
            break;
        }
        status = project(wide, rows, cols, pair, limit * (1 - below), ctx);
        narrow(w, wide, count);
    }
    lip_free(wide);
    return status;
}
