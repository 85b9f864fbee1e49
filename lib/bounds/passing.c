/* SPDX-License-Identifier: MIT
 *
 * What passes a layer of the block recursion. */
#include "bounds/passing.h"

#include <cblas.h>
#include <math.h>

/* The most numbers that pass a gap times the next width, and the largest such
 * width. */
static void extents(const struct lip_chain *chain, size_t *area, size_t *next)
{
    *area = *next = 0;
    for (size_t i = 0; i + 1 < chain->count; i++) {
        size_t p = chain->gap[i].passes, n = lip_chain_width(chain, i + 2);
        if (p > 0 && p * n > *area)
            *area = p * n;
        if (p > 0 && n > *next)
            *next = n;
    }
}

double lip_passing_bytes(const struct lip_chain *chain)
{
    size_t area, next;
    extents(chain, &area, &next);
    return 16 * (double)area + 8 * (double)next * (double)next;
}

enum lip_status lip_passing_new(struct lip_passing *out,
                                const struct lip_chain *chain,
                                struct lip_ctx *ctx)
{
    size_t area, next;
    extents(chain, &area, &next);
    *out = (struct lip_passing){.base_norm = 0};
    if (area == 0)
        return LIP_OK;
    out->w.data = lip_alloc(ctx, area, sizeof(double));
    out->wz.data = lip_alloc(ctx, area, sizeof(double));
    if (!out->w.data || !out->wz.data)
        return ctx && ctx->error.status ? ctx->error.status : LIP_NO_MEMORY;
    return lip_matrix_new(&out->base, next, next, ctx);
}

void lip_passing_clear(struct lip_passing *passing)
{
    lip_matrix_clear(&passing->w);
    lip_matrix_clear(&passing->wz);
    lip_matrix_clear(&passing->base);
}

/* |Z_PP|_F and |Z_AP|_F from the upper triangle; upper bounds. */
static void norms(double *pp, double *ap, const struct lip_matrix *z, size_t p)
{
    size_t n = z->rows, a = n - p;
    double inside = 0, beside = 0;
    for (size_t j = a; j < n; j++) {
        const double *column = z->data + j * n;
        for (size_t i = 0; i < a; i++)
            beside += column[i] * column[i];
        for (size_t i = a; i < j; i++)
            inside += 2 * column[i] * column[i];
        inside += column[j] * column[j];
    }
    *pp = lip_sqrt_up(lip_inflate(inside, n * n + 4));
    *ap = lip_sqrt_up(lip_inflate(beside, n * n + 4));
}

/* W_P, scaled, by columns of neurons; exact but where scaling underflows. */
static void take_columns(struct lip_passing *y, size_t p,
                         const struct lip_matrix *transposed,
                         const double *scale)
{
    size_t n = transposed->rows, next = transposed->cols;
    y->w.rows = next;
    y->w.cols = p;
    for (size_t k = 0; k < p; k++)
        for (size_t j = 0; j < next; j++)
            y->w.data[j + k * next] =
                transposed->data[n - p + k + j * n] * scale[n - p + k];
}

void lip_passing_fill(struct lip_passing *y, struct lip_matrix *b,
                      const struct lip_matrix *z, size_t p, const double *t,
                      const struct lip_link *link, const double *scale)
{
    size_t n = z->rows, a = n - p, next = link->transposed.cols;
    int in = (int)n, ia = (int)a, ip = (int)p, ix = (int)next;
    double pp, ap, steep = 0;
    const double *za = z->data + a * n, *zp = za + a;
    take_columns(y, p, &link->transposed, scale);
    y->base.rows = y->base.cols = next;
    cblas_dsymm(CblasColMajor, CblasRight, CblasUpper, ix, ip, 1, zp, in,
                y->w.data, ix, 0, y->wz.data, ix);
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, ix, ix, ip, 1,
                y->wz.data, ix, y->w.data, ix, 0, y->base.data, ix);
    b->rows = next;
    b->cols = a;
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, ix, ia, ip, 1,
                y->w.data, ix, za, in, 0, b->data, ix);
    for (size_t k = 0; k < a; k++) {
        steep = fmax(steep, fabs(t[k]));
        for (size_t j = 0; j < next; j++)
            b->data[j + k * next] *= t[k];
    }
    norms(&pp, &ap, z, p);
    double w = lip_matrix_frobenius(&y->w), hidden = link->radius;
    double part = lip_add_up(lip_mul_up(lip_gamma(p + 4), w), hidden);
    y->b_error = lip_add_up(lip_mul_up(lip_mul_up(part, ap), steep), LIP_TINY);
    /* Twice: the upper triangle stands for both. */
    y->base_norm = lip_mul_up(2, lip_matrix_frobenius(&y->base));
    part = lip_mul_up(lip_gamma(2 * p + 6), lip_mul_up(w, w));
    hidden = lip_mul_up(hidden, lip_add_up(lip_mul_up(2, w), hidden));
    y->base_error = lip_add_up(
        lip_mul_up(lip_mul_up(2, lip_add_up(part, hidden)), pp), LIP_TINY);
}
