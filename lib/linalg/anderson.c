/* SPDX-License-Identifier: MIT
 *
 * Anderson acceleration by the normal equations of a few columns. */
#include "linalg/anderson.h"

#include <cblas.h>
#include <lapacke.h>
#include <string.h>

enum lip_status lip_anderson_new(struct lip_anderson *out, size_t size,
                                 double mixing, struct lip_ctx *ctx)
{
    *out = (struct lip_anderson){.size = size, .mixing = mixing};
    enum lip_status status =
        lip_matrix_new(&out->dx, size, LIP_ANDERSON_MEMORY, ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&out->df, size, LIP_ANDERSON_MEMORY, ctx);
    if (status == LIP_OK) {
        out->x = lip_alloc(ctx, 2 * size, sizeof *out->x);
        out->f = out->x ? out->x + size : NULL;
        status = out->x ? LIP_OK : LIP_NO_MEMORY;
    }
    if (status == LIP_OK)
        return LIP_OK;
    lip_anderson_clear(out);
    return ctx && ctx->error.status ? ctx->error.status : status;
}

void lip_anderson_clear(struct lip_anderson *a)
{
    lip_matrix_clear(&a->dx);
    lip_matrix_clear(&a->df);
    lip_free(a->x);
    *a = (struct lip_anderson){0};
}

void lip_anderson_forget(struct lip_anderson *a)
{
    a->kept = a->next = 0;
    a->started = false;
}

static bool all_finite(const double *x, int n)
{
    bool finite = true;
    for (int i = 0; i < n; i++)
        finite = finite && isfinite(x[i]);
    return finite;
}

/* Keeps the differences to the last call. */
static void remember(struct lip_anderson *a, const double *x, const double *f)
{
    if (a->started) {
        double *dx = a->dx.data + (size_t)a->next * a->size;
        double *df = a->df.data + (size_t)a->next * a->size;
        for (size_t i = 0; i < a->size; i++) {
            dx[i] = x[i] - a->x[i];
            df[i] = f[i] - a->f[i];
        }
        a->next = (a->next + 1) % LIP_ANDERSON_MEMORY;
        a->kept += a->kept < LIP_ANDERSON_MEMORY;
    }
    memcpy(a->x, x, a->size * sizeof *x);
    memcpy(a->f, f, a->size * sizeof *f);
    a->started = true;
}

void lip_anderson_propose(double *next, struct lip_anderson *a, const double *x,
                          const double *f)
{
    double normal[LIP_ANDERSON_MEMORY * LIP_ANDERSON_MEMORY];
    double gamma[LIP_ANDERSON_MEMORY];
    int n = (int)a->size;
    remember(a, x, f);
    int m = a->kept;
    for (int i = 0; i < m; i++) {
        const double *fi = a->df.data + (size_t)i * a->size;
        gamma[i] = cblas_ddot(n, fi, 1, f, 1);
        for (int j = 0; j <= i; j++)
            normal[j + i * m] =
                cblas_ddot(n, fi, 1, a->df.data + (size_t)j * a->size, 1);
        normal[i + i * m] *= 1 + 1e-10;
    }
    bool solved = m > 0 &&
                  LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'U', m, 1, normal, m,
                                     gamma, m) == 0 &&
                  all_finite(gamma, m); /* squares overflow */
    for (size_t i = 0; i < a->size; i++)
        next[i] = x[i] + a->mixing * f[i];
    for (int j = 0; solved && j < m; j++) {
        const double *dx = a->dx.data + (size_t)j * a->size;
        const double *df = a->df.data + (size_t)j * a->size;
        for (size_t i = 0; i < a->size; i++)
            next[i] -= gamma[j] * (dx[i] + a->mixing * df[i]);
    }
}
