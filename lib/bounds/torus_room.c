/* SPDX-License-Identifier: MIT
 *
 * What a pass works in, and the symbols of its stages. */
#include "bounds/torus_parts.h"

#include "linalg/blas.h"
#include "linalg/rounding.h"

#include <math.h>

size_t lip_torus_mirror(const struct lip_torus_half *half, size_t k)
{
    size_t a = k / half->size[1], b = k % half->size[1];
    a = a ? half->size[0] - a : 0;
    b = b ? half->size[1] - b : 0;
    return a * half->size[1] + b;
}

static enum lip_status half_new(struct lip_torus_half *out,
                                const size_t size[2], struct lip_ctx *ctx)
{
    size_t all = size[0] * size[1];
    *out = (struct lip_torus_half){.size = {size[0], size[1]}};
    out->kept = lip_alloc(ctx, all, sizeof *out->kept);
    out->place = lip_alloc(ctx, all, sizeof *out->place);
    if (!out->kept || !out->place)
        return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                                  : LIP_NO_MEMORY;
    for (size_t k = 0; k < all; k++) {
        out->place[k] = SIZE_MAX;
        if (k > lip_torus_mirror(out, k))
            continue;
        out->place[k] = out->count;
        out->kept[out->count++] = k;
    }
    return LIP_OK;
}

static double *numbers(struct lip_torus_pass *p, double count)
{
    if (count > 0x1p40) {
        lip_fail(p->ctx, LIP_TOO_LARGE,
                 "the frequencies take more memory than there is.");
        return NULL;
    }
    return lip_alloc(p->ctx, (size_t)count, sizeof(double));
}

/* Largest sizes of all stages. */
struct sizes {
    double s, matrix, taps, frequencies;
};

static struct sizes sizes_of(struct lip_torus_pass *p)
{
    const struct lip_torus *torus = p->torus;
    struct sizes z = {0};
    p->widest = 1;
    for (size_t i = 0; i < torus->count; i++) {
        const struct lip_torus_stage *s = &torus->stage[i];
        double n = (double)s->out, kept = (double)p->half[2 * i + 1].count;
        z.s = fmax(z.s, 2 * n * n * kept);
        z.matrix = fmax(z.matrix, (double)s->in * n);
        z.taps = fmax(z.taps, (double)s->tap[0] * (double)s->tap[1]);
        z.frequencies = fmax(z.frequencies, kept);
        p->widest = s->out > p->widest ? s->out : p->widest;
        p->widest = i > 0 && s->in > p->widest ? s->in : p->widest;
    }
    return z;
}

enum lip_status lip_torus_pass_new(struct lip_torus_pass **out,
                                   const struct lip_torus *torus,
                                   struct lip_ctx *ctx)
{
    struct lip_torus_pass *p = lip_calloc(ctx, 1, sizeof *p);
    enum lip_status status = p ? LIP_OK : LIP_NO_MEMORY;
    if (p) {
        p->torus = torus;
        p->ctx = ctx;
        p->half = lip_calloc(ctx, 2 * torus->count, sizeof *p->half);
        status = p->half ? LIP_OK : LIP_NO_MEMORY;
    }
    for (size_t i = 0; status == LIP_OK && i < torus->count; i++) {
        const struct lip_torus_stage *s = &torus->stage[i];
        size_t behind[2] = {s->size[0] / s->stride[0],
                            s->size[1] / s->stride[1]};
        status = half_new(&p->half[2 * i], s->size, ctx);
        if (status == LIP_OK)
            status = half_new(&p->half[2 * i + 1], behind, ctx);
    }
    if (status == LIP_OK) {
        struct sizes z = sizes_of(p);
        double n = (double)p->widest;
        p->s[0] = numbers(p, z.s);
        p->s[1] = numbers(p, z.s);
        p->error = numbers(p, z.frequencies);
        p->gather = numbers(p, z.frequencies);
        p->v = numbers(p, 2 * LIP_TORUS_BATCH * z.matrix);
        p->planes = numbers(p, 2 * fmax(LIP_TORUS_BATCH * z.matrix, n * n));
        p->turn = numbers(p, 2 * LIP_TORUS_BATCH * z.taps);
        p->m = numbers(p, 2 * fmax(n * n, z.matrix));
        p->other = numbers(p, 2 * n * n);
        p->work = numbers(p, 6 * n);
        p->g = numbers(p, n);
        p->h = numbers(p, n);
        if (!p->s[0] || !p->s[1] || !p->error || !p->gather || !p->v ||
            !p->planes || !p->turn || !p->m || !p->other || !p->work || !p->g ||
            !p->h)
            status = LIP_NO_MEMORY;
    }
    if (status != LIP_OK) {
        lip_torus_pass_free(p);
        p = NULL;
    }
    *out = p;
    return status == LIP_OK || !ctx || ctx->error.status == LIP_OK
               ? status
               : ctx->error.status;
}

void lip_torus_pass_free(struct lip_torus_pass *p)
{
    if (!p)
        return;
    for (size_t i = 0; p->half && i < 2 * p->torus->count; i++) {
        lip_free(p->half[i].kept);
        lip_free(p->half[i].place);
    }
    double *all[] = {p->s[0], p->s[1], p->error, p->gather, p->v, p->planes,
                     p->turn, p->m,    p->other, p->work,   p->g, p->h};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        lip_free(all[k]);
    lip_free(p->half);
    lip_free(p);
}

/* H(w)^* of `count` frequencies from number `first` on into p->v: in x out,
 * element (k, j) of a frequency is conj(H_jk). Phases are (a x / n) of a turn
 * with whole a x mod n: off by less than 4 u of a turn, 26 u in the angle, and
 * 4 u in cosine and sine: together below 40 u. */
void lip_torus_symbols(struct lip_torus_pass *p, size_t i, size_t first,
                       size_t count)
{
    const struct lip_torus_stage *s = &p->torus->stage[i];
    const struct lip_torus_half *half = &p->half[2 * i];
    size_t taps = s->tap[0] * s->tap[1], size = s->in * s->out;
    for (size_t f = 0; f < count; f++) {
        size_t w = half->kept[first + f];
        size_t w0 = w / s->size[1], w1 = w % s->size[1];
        double *turn = p->turn + 2 * f * taps;
        for (size_t q0 = 0; q0 < s->tap[0]; q0++)
            for (size_t q1 = 0; q1 < s->tap[1]; q1++) {
                size_t x0 = q0 * s->dilation[0] % s->size[0] * w0;
                size_t x1 = q1 * s->dilation[1] % s->size[1] * w1;
                double part = (double)(x0 % s->size[0]) / (double)s->size[0] +
                              (double)(x1 % s->size[1]) / (double)s->size[1];
                double angle = 2 * M_PI * (part - rint(part));
                turn[q0 * s->tap[1] + q1] = cos(angle);
                turn[taps + q0 * s->tap[1] + q1] = sin(angle);
            }
    }
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, (int)size,
                (int)(2 * count), (int)taps, 1, s->number, (int)size, p->turn,
                (int)taps, 0, p->planes, (int)size);
    for (size_t f = 0; f < count; f++)
        for (size_t k = 0; k < size; k++) {
            p->v[2 * (f * size + k)] = p->planes[2 * f * size + k];
            p->v[2 * (f * size + k) + 1] = p->planes[(2 * f + 1) * size + k];
        }
}

/* |H - H~|_F at most. */
double lip_torus_symbol_error(const struct lip_torus_stage *s)
{
    double each =
        1.5 * lip_add_up(lip_gamma(s->tap[0] * s->tap[1] + 3), 40 * LIP_UNIT);
    each = lip_add_up(each, lip_div_up(s->error, 1 - s->error));
    return lip_mul_up(each, s->spread);
}

/* What BLAS can count. */
#define LARGEST_DOT ((size_t)1 << 30)

double lip_torus_squares(const double *x, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k += LARGEST_DOT) {
        size_t part = n - k < LARGEST_DOT ? n - k : LARGEST_DOT;
        sum += cblas_ddot((int)part, x + k, 1, x + k, 1);
    }
    return lip_inflate(sum, n + 2);
}
