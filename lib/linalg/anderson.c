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

/* Keeps the differences to the last call, and x and f for the next. */
static void remember(struct lip_anderson *a, const double *x, const double *f)
{
    double *dx = a->dx.data + (size_t)a->next * a->size;
    double *df = a->df.data + (size_t)a->next * a->size;
    for (size_t i = 0; a->started && i < a->size; i++) {
        df[i] = f[i] - a->f[i];
        dx[i] = (x[i] - a->x[i]) + a->mixing * df[i];
    }
    memcpy(a->x, x, a->size * sizeof *x);
    memcpy(a->f, f, a->size * sizeof *f);
}

/* Inner products with f, and those of the new column with all. */
static void project(struct lip_anderson *a, const double *f, double *gamma)
{
    int n = (int)a->size, new = a->next;
    if (a->started) {
        a->next = (a->next + 1) % LIP_ANDERSON_MEMORY;
        a->kept += a->kept < LIP_ANDERSON_MEMORY;
    }
    if (a->kept > 0) {
        double products[LIP_ANDERSON_MEMORY];
        cblas_dgemv(CblasColMajor, CblasTrans, n, a->kept, 1, a->df.data, n, f,
                    1, 0, gamma, 1);
        cblas_dgemv(CblasColMajor, CblasTrans, n, a->kept, 1, a->df.data, n,
                    a->df.data + (size_t) new * a->size, 1, 0, products, 1);
        for (int k = 0; k < a->kept; k++)
            a->gram[new][k] = a->gram[k][new] = products[k];
    }
    a->started = true;
}

/* gamma <- argmin | f - dF gamma |; false where the columns are dependent or
 * their squares overflow. */
static bool solve(const struct lip_anderson *a, double *gamma)
{
    double normal[LIP_ANDERSON_MEMORY * LIP_ANDERSON_MEMORY];
    int m = a->kept;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < m; j++)
            normal[j + i * m] = a->gram[i][j] * (i == j ? 1 + 1e-10 : 1);
    return m > 0 &&
           LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'U', m, 1, normal, m, gamma,
                              m) == 0 &&
           all_finite(gamma, m);
}

void lip_anderson_propose(double *next, struct lip_anderson *a, const double *x,
                          const double *f)
{
    double gamma[LIP_ANDERSON_MEMORY];
    int n = (int)a->size;
    remember(a, x, f);
    project(a, f, gamma);
    for (size_t i = 0; i < a->size; i++)
        next[i] = x[i] + a->mixing * f[i];
    if (solve(a, gamma))
        cblas_dgemv(CblasColMajor, CblasNoTrans, n, a->kept, -1, a->dx.data, n,
                    gamma, 1, 1, next, 1);
}
