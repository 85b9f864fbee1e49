/* SPDX-License-Identifier: MIT
 *
 * Verified Cholesky within a band. */
#include "linalg/band.h"

#include "base/size.h"
#include "linalg/rounding.h"

#include <lapacke.h>
#include <limits.h>

enum lip_status lip_band_new(struct lip_band *out, size_t size, size_t width,
                             struct lip_ctx *ctx)
{
    size_t count;
    *out = (struct lip_band){size, width, NULL};
    if (size > INT_MAX || width >= INT_MAX ||
        !lip_size_mul(&count, size, width + 1))
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "a band matrix of %zu x %zu is too large.", size,
                        width);
    out->data = lip_calloc(ctx, count, sizeof *out->data);
    if (out->data)
        return LIP_OK;
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

void lip_band_clear(struct lip_band *band)
{
    lip_free(band->data);
    band->data = NULL;
}

bool lip_band_proves(struct lip_band *work, const struct lip_band *a,
                     double tau)
{
    size_t n = a->size, step = a->width + 1;
    double trace = 0, gamma = lip_gamma(a->width + 4);
    for (size_t i = 0; i < n; i++)
        trace += fmax(tau - a->data[i * step], 0);
    trace = lip_inflate(trace, 2 * n + 2);
    double shift =
        lip_up(lip_div_up(lip_mul_up(gamma, trace), 1 - 2 * gamma) + LIP_TINY);
    double lowered = nextafter(tau - shift, -INFINITY);
    for (size_t k = 0; k < n * step; k++)
        work->data[k] = -a->data[k];
    for (size_t i = 0; i < n; i++) {
        double *d = &work->data[i * step];
        *d = nextafter(lowered + *d, -INFINITY);
        if (!(*d > 0))
            return false;
    }
    if (LAPACKE_dpbtrf_work(LAPACK_COL_MAJOR, 'L', (int)n, (int)a->width,
                            work->data, (int)step) != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        double d = work->data[i * step];
        if (!(d > 0 && d < INFINITY))
            return false;
    }
    return true;
}
