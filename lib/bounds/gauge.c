/* SPDX-License-Identifier: MIT
 *
 * Two-sided Perron scaling by power iteration on non-negative matrices. */
#include "bounds/gauge.h"

#include <cblas.h>
#include <string.h>

enum { SWEEPS = 60 };

/* Neurons that no path reaches keep a small share, so that d stays positive
 * and finite. */
static const double FLOOR = 0x1p-60;

struct sweep {
    const struct lip_chain *chain;
    int r;
    struct lip_matrix *power; /* |W_i|^r, transposed like the links */
    double **z, **q;          /* [count + 1][width] */
};

static void unit_max(double *x, size_t n)
{
    double most = 0;
    for (size_t k = 0; k < n; k++)
        most = fmax(most, x[k]);
    for (size_t k = 0; k < n; k++)
        x[k] = most > 0 ? fmax(x[k] / most, FLOOR) : 1;
}

static void forward(struct sweep *s)
{
    for (size_t i = 0; i < s->chain->count; i++) {
        const struct lip_matrix *a = &s->power[i];
        cblas_dgemv(CblasColMajor, CblasTrans, (int)a->rows, (int)a->cols, 1,
                    a->data, (int)a->rows, s->z[i], 1, 0, s->z[i + 1], 1);
        unit_max(s->z[i + 1], a->cols);
    }
}

static void backward(struct sweep *s)
{
    size_t l = s->chain->count;
    memcpy(s->q[l], s->z[l], lip_chain_width(s->chain, l) * sizeof(double));
    for (size_t i = l; i-- > 0;) {
        const struct lip_matrix *a = &s->power[i];
        cblas_dgemv(CblasColMajor, CblasNoTrans, (int)a->rows, (int)a->cols, 1,
                    a->data, (int)a->rows, s->q[i + 1], 1, 0, s->q[i], 1);
        unit_max(s->q[i], a->rows);
    }
}

static void raise(struct lip_matrix *to, const struct lip_matrix *from, int r)
{
    for (size_t i = 0; i < from->rows * from->cols; i++) {
        double x = fabs(from->data[i]);
        to->data[i] = r == 2 ? x * x : x;
    }
}

static enum lip_status prepare(struct sweep *s, struct lip_ctx *ctx)
{
    size_t l = s->chain->count;
    s->power = lip_calloc(ctx, l, sizeof *s->power);
    s->z = lip_calloc(ctx, 2 * (l + 1), sizeof *s->z);
    if (!s->power || !s->z)
        return LIP_NO_MEMORY;
    s->q = s->z + l + 1;
    for (size_t i = 0; i <= l; i++) {
        size_t n = lip_chain_width(s->chain, i);
        s->z[i] = lip_alloc(ctx, 2 * n, sizeof **s->z);
        if (!s->z[i])
            return LIP_NO_MEMORY;
        s->q[i] = s->z[i] + n;
        for (size_t k = 0; k < n; k++)
            s->z[i][k] = 1;
        if (i == l)
            break;
        const struct lip_matrix *a = &s->chain->link[i].transposed;
        enum lip_status status =
            lip_matrix_new(&s->power[i], a->rows, a->cols, ctx);
        if (status != LIP_OK)
            return status;
        raise(&s->power[i], a, s->r);
    }
    return LIP_OK;
}

static void finish(struct sweep *s)
{
    for (size_t i = 0; s->power && i < s->chain->count; i++)
        lip_matrix_clear(&s->power[i]);
    for (size_t i = 0; s->z && i <= s->chain->count; i++)
        lip_free(s->z[i]);
    lip_free(s->power);
    lip_free(s->z);
}

static enum lip_status collect(struct lip_gauge *out, const struct sweep *s,
                               struct lip_ctx *ctx)
{
    out->d = lip_calloc(ctx, s->chain->count, sizeof *out->d);
    if (!out->d)
        return LIP_NO_MEMORY;
    for (size_t i = 0; i + 1 < s->chain->count; i++) {
        size_t n = lip_chain_width(s->chain, i + 1);
        double *d = lip_alloc(ctx, n, sizeof *d);
        if (!d)
            return LIP_NO_MEMORY;
        out->d[out->layers++] = d;
        for (size_t k = 0; k < n; k++) {
            double ratio = s->q[i + 1][k] / s->z[i + 1][k];
            d[k] = s->r == 2 ? sqrt(ratio) : ratio;
        }
        unit_max(d, n);
    }
    return LIP_OK;
}

enum lip_status lip_gauge_new(struct lip_gauge *out,
                              const struct lip_chain *chain, int r,
                              struct lip_ctx *ctx)
{
    *out = (struct lip_gauge){0, NULL};
    struct sweep s = {.chain = chain, .r = r};
    enum lip_status status = prepare(&s, ctx);
    for (int k = 0; status == LIP_OK && k < SWEEPS; k++) {
        forward(&s);
        backward(&s);
        memcpy(s.z[0], s.q[0], lip_chain_width(chain, 0) * sizeof(double));
    }
    if (status == LIP_OK) {
        forward(&s);
        backward(&s);
        status = collect(out, &s, ctx);
    }
    finish(&s);
    if (status != LIP_OK) {
        lip_gauge_clear(out);
        return ctx && ctx->error.status ? ctx->error.status : status;
    }
    return LIP_OK;
}

void lip_gauge_clear(struct lip_gauge *gauge)
{
    for (size_t i = 0; i < gauge->layers; i++)
        lip_free(gauge->d[i]);
    lip_free(gauge->d);
    *gauge = (struct lip_gauge){0, NULL};
}
