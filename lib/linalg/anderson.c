/* SPDX-License-Identifier: MIT
 *
 * Anderson acceleration by the normal equations of a few columns. */
#include "linalg/anderson.h"

#include <cblas.h>
#include <lapacke.h>
#include <string.h>

/* The vectors are cut into chunks that stay in a cache; sums are taken chunk by
 * chunk, so that threads can share them and no bit depends on how. */
enum { CHUNK = 2048 };

enum lip_status lip_anderson_new(struct lip_anderson *out, size_t size,
                                 double mixing, struct lip_ctx *ctx)
{
    *out = (struct lip_anderson){.size = size, .mixing = mixing};
    enum lip_status status =
        lip_matrix_new(&out->dx, size, LIP_ANDERSON_MEMORY, ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&out->df, size, LIP_ANDERSON_MEMORY, ctx);
    if (status == LIP_OK) {
        size_t sums = 2 * LIP_ANDERSON_MEMORY * (size / CHUNK + 1);
        out->x = lip_alloc(ctx, 2 * size + sums, sizeof *out->x);
        status = out->x ? LIP_OK : LIP_NO_MEMORY;
        if (out->x) {
            out->f = out->x + size;
            out->sums = out->f + size;
        }
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

struct chunks {
    struct lip_anderson *a;
    const double *x, *f, *gamma;
    double *next;
    int kept, new;
};

static size_t chunk_size(const struct lip_anderson *a, unsigned chunk)
{
    size_t rest = a->size - (size_t)chunk * CHUNK;
    return rest < CHUNK ? rest : CHUNK;
}

/* Keeps the differences to the last call, x and f for the next, and sums up
 * this chunk's inner products with f and with the new column. */
static void look(void *arg, unsigned chunk)
{
    const struct chunks *c = arg;
    struct lip_anderson *a = c->a;
    size_t at = (size_t)chunk * CHUNK, n = chunk_size(a, chunk);
    const double *x = c->x + at, *f = c->f + at;
    double *dx = a->dx.data + (size_t)c->new * a->size + at;
    double *df = a->df.data + (size_t)c->new * a->size + at;
    double *sum = a->sums + (size_t)chunk * 2 * LIP_ANDERSON_MEMORY;
    for (size_t i = 0; a->started && i < n; i++) {
        df[i] = f[i] - a->f[at + i];
        dx[i] = (x[i] - a->x[at + i]) + a->mixing * df[i];
    }
    memcpy(a->x + at, x, n * sizeof *x);
    memcpy(a->f + at, f, n * sizeof *f);
    if (c->kept == 0)
        return;
    cblas_dgemv(CblasColMajor, CblasTrans, (int)n, c->kept, 1, a->df.data + at,
                (int)a->size, f, 1, 0, sum, 1);
    cblas_dgemv(CblasColMajor, CblasTrans, (int)n, c->kept, 1, a->df.data + at,
                (int)a->size, df, 1, 0, sum + LIP_ANDERSON_MEMORY, 1);
}

/* Adds the chunks up: gamma gets the products with f, `gram` the others. */
static void add_up(struct lip_anderson *a, const struct chunks *c,
                   unsigned chunks, double *gamma)
{
    for (int k = 0; k < c->kept; k++) {
        double with_f = 0, with_new = 0;
        for (unsigned i = 0; i < chunks; i++) {
            const double *sum = a->sums + (size_t)i * 2 * LIP_ANDERSON_MEMORY;
            with_f += sum[k];
            with_new += sum[LIP_ANDERSON_MEMORY + k];
        }
        gamma[k] = with_f;
        a->gram[c->new][k] = a->gram[k][c->new] = with_new;
    }
}

static void mix(void *arg, unsigned chunk)
{
    const struct chunks *c = arg;
    const struct lip_anderson *a = c->a;
    size_t at = (size_t)chunk * CHUNK, n = chunk_size(a, chunk);
    for (size_t i = at; i < at + n; i++)
        c->next[i] = c->x[i] + a->mixing * c->f[i];
    if (c->gamma)
        cblas_dgemv(CblasColMajor, CblasNoTrans, (int)n, c->kept, -1,
                    a->dx.data + at, (int)a->size, c->gamma, 1, 1, c->next + at,
                    1);
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
                          const double *f, struct lip_crew *crew)
{
    double gamma[LIP_ANDERSON_MEMORY];
    unsigned chunks = (unsigned)((a->size + CHUNK - 1) / CHUNK);
    struct chunks c = {
        .a = a, .x = x, .f = f, .next = next, .new = a->next, .kept = a->kept};
    if (a->started) {
        a->next = (a->next + 1) % LIP_ANDERSON_MEMORY;
        a->kept += a->kept < LIP_ANDERSON_MEMORY;
        c.kept = a->kept;
    }
    lip_crew_run(crew, chunks, look, &c);
    add_up(a, &c, chunks, gamma);
    a->started = true;
    c.gamma = solve(a, gamma) ? gamma : NULL;
    lip_crew_run(crew, chunks, mix, &c);
}
