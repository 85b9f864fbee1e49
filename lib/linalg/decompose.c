/* SPDX-License-Identifier: MIT
 *
 * LAPACK reads columns where we have rows: a symmetric matrix is the same
 * either way, and eigenvectors come out as our rows. */
#include "linalg/decompose.h"

#include "base/size.h"

#include <float.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <string.h>

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

static enum lip_status check_size(size_t n, struct lip_ctx *ctx)
{
    if (n < INT_MAX / 64)
        return LIP_OK;
    return lip_fail(ctx, LIP_TOO_LARGE,
                    "A matrix with a side of %zu is too large to decompose.",
                    n);
}

static enum lip_status broken(struct lip_ctx *ctx)
{
    return lip_fail(ctx, LIP_INVALID,
                    "A matrix stopped being finite or regular: lower the "
                    "learning rate.");
}

static bool finite_floats(const float *a, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(a[i]))
            return false;
    return true;
}

static bool finite_doubles(const double *a, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(a[i]))
            return false;
    return true;
}

enum lip_status lip_decompose_float(float *value, float *a, size_t n,
                                    struct lip_ctx *ctx)
{
    enum lip_status status = check_size(n, ctx);
    if (status == LIP_OK && !finite_floats(a, n * n))
        status = broken(ctx);
    if (status != LIP_OK)
        return status;
    float size;
    int order = (int)n, isize, info;
    LAPACKE_ssyevd_work(LAPACK_COL_MAJOR, 'V', 'U', order, a, order, value,
                        &size, -1, &isize, -1);
    float *work = lip_alloc(ctx, (size_t)size + (size_t)isize, sizeof *work);
    if (!work)
        return memory(ctx);
    info = LAPACKE_ssyevd_work(LAPACK_COL_MAJOR, 'V', 'U', order, a, order,
                               value, work, (int)size,
                               (int *)(void *)(work + (size_t)size), isize);
    lip_free(work);
    return info == 0 ? LIP_OK : broken(ctx);
}

enum lip_status lip_decompose(double *value, double *a, size_t n,
                              struct lip_ctx *ctx)
{
    enum lip_status status = check_size(n, ctx);
    if (status == LIP_OK && !finite_doubles(a, n * n))
        status = broken(ctx);
    if (status != LIP_OK)
        return status;
    double size;
    int order = (int)n, isize, info;
    LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'U', order, a, order, value,
                        &size, -1, &isize, -1);
    double *work = lip_alloc(ctx, (size_t)size + (size_t)isize, sizeof *work);
    if (!work)
        return memory(ctx);
    info = LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'U', order, a, order,
                               value, work, (int)size,
                               (int *)(void *)(work + (size_t)size), isize);
    lip_free(work);
    return info == 0 ? LIP_OK : broken(ctx);
}

enum lip_status lip_decompose_above(size_t *found, float *value, float *vector,
                                    float *a, size_t n, double from,
                                    struct lip_ctx *ctx)
{
    enum lip_status status = check_size(n, ctx);
    if (status == LIP_OK && !finite_floats(a, n * n))
        status = broken(ctx);
    if (status != LIP_OK)
        return status;
    const float top = FLT_MAX / 4;
    float size;
    int order = (int)n, isize, count = 0, info;
    LAPACKE_ssyevr_work(LAPACK_COL_MAJOR, 'V', 'V', 'U', order, a, order,
                        (float)from, top, 0, 0, 0, &count, value, vector, order,
                        NULL, &size, -1, &isize, -1);
    float *work =
        lip_alloc(ctx, (size_t)size + (size_t)isize + 2 * n, sizeof *work);
    if (!work)
        return memory(ctx);
    int *iwork = (int *)(void *)(work + (size_t)size);
    info = LAPACKE_ssyevr_work(LAPACK_COL_MAJOR, 'V', 'V', 'U', order, a, order,
                               (float)from, top, 0, 0, 0, &count, value, vector,
                               order, iwork + isize, work, (int)size, iwork,
                               isize);
    lip_free(work);
    *found = (size_t)count;
    return info == 0 ? LIP_OK : broken(ctx);
}

/* The columns of the column-major long x few matrix become orthonormal. */
static enum lip_status orthonormal_columns(double *a, int length, int few,
                                           struct lip_ctx *ctx)
{
    size_t block = 64 * (size_t)few;
    double *tau = lip_alloc(ctx, 2 * (size_t)few + block, sizeof *tau);
    if (!tau)
        return memory(ctx);
    double *sign = tau + few, *work = sign + few;
    int info = LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, length, few, a, length,
                                   tau, work, (int)block);
    for (int k = 0; k < few; k++)
        sign[k] = a[k + (size_t)k * (size_t)length] < 0 ? -1 : 1;
    if (info == 0)
        info = LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, length, few, few, a,
                                   length, tau, work, (int)block);
    for (size_t k = 0; k < (size_t)few; k++)
        for (size_t i = 0; i < (size_t)length; i++)
            a[i + k * (size_t)length] *= sign[k];
    lip_free(tau);
    return info == 0 ? LIP_OK : broken(ctx);
}

static void transpose(double *out, const double *a, size_t rows, size_t cols)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            out[j * rows + i] = a[i * cols + j];
}

enum lip_status lip_orthonormalise(double *a, size_t rows, size_t cols,
                                   struct lip_ctx *ctx)
{
    enum lip_status status = check_size(rows > cols ? rows : cols, ctx);
    if (status != LIP_OK)
        return status;
    if (rows <= cols) /* our rows are LAPACK's columns */
        return orthonormal_columns(a, (int)cols, (int)rows, ctx);
    size_t count;
    double *other = NULL;
    if (lip_size_mul(&count, rows, cols))
        other = lip_alloc(ctx, count, sizeof *other);
    if (!other)
        return memory(ctx);
    transpose(other, a, rows, cols);
    status = orthonormal_columns(other, (int)rows, (int)cols, ctx);
    transpose(a, other, cols, rows);
    lip_free(other);
    return status;
}

enum lip_status lip_invert_float(float *a, size_t n, struct lip_ctx *ctx)
{
    enum lip_status status = check_size(n, ctx);
    if (status == LIP_OK && !finite_floats(a, n * n))
        status = broken(ctx);
    if (status != LIP_OK)
        return status;
    int order = (int)n, block = 64 * order;
    float *work = lip_alloc(ctx, n + (size_t)block, sizeof *work);
    if (!work)
        return memory(ctx);
    int *pivot = (int *)(void *)(work + block);
    int info =
        LAPACKE_sgetrf_work(LAPACK_COL_MAJOR, order, order, a, order, pivot);
    if (info == 0)
        info = LAPACKE_sgetri_work(LAPACK_COL_MAJOR, order, a, order, pivot,
                                   work, block);
    lip_free(work);
    return info == 0 && finite_floats(a, n * n) ? LIP_OK : broken(ctx);
}
