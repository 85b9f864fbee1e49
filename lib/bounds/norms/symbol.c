/* SPDX-License-Identifier: MIT
 *
 * Polyphase kernels and their symbol at one frequency. */
#include "bounds/norms/symbol.h"

#include "base/size.h"
#include "linalg/blas.h"
#include "linalg/hermitian.h"

#include <math.h>
#include <string.h>

static size_t gcd(size_t a, size_t b)
{
    while (b) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Along one axis: tap q lies at shift q / stride in phase q % stride. */
struct phases {
    size_t stride, count, taps;
};

static struct phases phases_of(const struct lip_window *w, int axis)
{
    size_t k = w->kernel[axis];
    size_t s = w->stride[axis] / gcd(w->stride[axis], w->dilation[axis]);
    return (struct phases){s, s < k ? s : k, (k - 1) / s + 1};
}

double lip_symbol_flops(const struct lip_window *w)
{
    struct phases a = phases_of(w, 0), b = phases_of(w, 1);
    double out = (double)(w->channels[1] / w->groups);
    double in = (double)(w->channels[0] / w->groups) * (double)a.count *
                (double)b.count;
    double small = fmin(in, out), big = fmax(in, out);
    return 4 * in * out * (double)a.taps * (double)b.taps +
           (4 * big + 1.4 * small) * small * small +
           40 * (double)a.taps * (double)b.taps + 2000;
}

/* Where entry (o, column) of the tap matrix lies. */
static size_t place(const struct lip_symbol *s, size_t group, size_t tap,
                    size_t o, size_t column, bool turned)
{
    size_t base = (group * s->tap[0] * s->tap[1] + tap) * s->cols;
    return turned ? (base + o) * s->rows + column
                  : (base + column) * s->rows + o;
}

static void fill(struct lip_symbol *s, const struct lip_filter *f,
                 struct phases a, struct phases b, bool turned)
{
    const struct lip_window *w = &f->window;
    size_t in = w->channels[0] / w->groups, out = w->channels[1] / w->groups;
    const double *from = f->number;
    for (size_t o = 0; o < w->channels[1]; o++)
        for (size_t c = 0; c < in; c++)
            for (size_t p = 0; p < w->kernel[0]; p++)
                for (size_t q = 0; q < w->kernel[1]; q++) {
                    size_t tap = p / a.stride * s->tap[1] + q / b.stride;
                    size_t column =
                        (c * a.count + p % a.stride) * b.count + q % b.stride;
                    s->number[place(s, o / out, tap, o % out, column, turned)] =
                        *from++;
                }
}

/* |sum over taps of |K_p||_F, rounded up. */
static double spread_of(const struct lip_symbol *s, size_t group)
{
    size_t size = s->rows * s->cols, taps = s->tap[0] * s->tap[1];
    const double *number = s->number + group * taps * size;
    double square = 0;
    for (size_t k = 0; k < size; k++) {
        double sum = 0;
        for (size_t t = 0; t < taps; t++)
            sum += fabs(number[t * size + k]);
        square += sum * sum;
    }
    return lip_sqrt_up(lip_inflate(square, 2 * taps + size + 2));
}

/* A sine or cosine is off by at most 2 pi (2 u) from its argument, exact
 * multiples of 2^-26 of a turn times a rounded 2 pi, and 4 u as the library
 * computes it: less than 17 u. With `taps` terms, real and imaginary parts
 * each: sqrt 2 (gamma_taps+2 + 17 u) < 1.5 (...). */
static double entry_error(size_t taps, double error)
{
    return lip_add_up(1.5 * lip_add_up(lip_gamma(taps + 2), 17 * LIP_UNIT),
                      lip_div_up(error, 1 - error));
}

enum lip_status lip_symbol_new(struct lip_symbol *out,
                               const struct lip_filter *filter,
                               struct lip_ctx *ctx)
{
    const struct lip_window *w = &filter->window;
    struct phases a = phases_of(w, 0), b = phases_of(w, 1);
    size_t rows = w->channels[1] / w->groups, count;
    size_t cols = w->channels[0] / w->groups * a.count * b.count;
    bool turned = rows < cols;
    *out = (struct lip_symbol){.groups = w->groups,
                               .rows = turned ? cols : rows,
                               .cols = turned ? rows : cols,
                               .tap = {a.taps, b.taps},
                               .exponent = filter->exponent,
                               .error =
                                   entry_error(a.taps * b.taps, filter->error)};
    if (!lip_size_mul(&count, w->groups * a.taps * b.taps, rows * cols))
        return lip_fail(ctx, LIP_TOO_LARGE, "the kernel is too large.");
    out->number = lip_calloc(ctx, count, sizeof *out->number);
    if (out->number)
        out->spread = lip_alloc(ctx, w->groups, sizeof *out->spread);
    if (!out->spread) {
        lip_symbol_clear(out);
        return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                                  : LIP_NO_MEMORY;
    }
    fill(out, filter, a, b, turned);
    for (size_t g = 0; g < w->groups; g++)
        out->spread[g] = spread_of(out, g);
    return LIP_OK;
}

void lip_symbol_clear(struct lip_symbol *symbol)
{
    lip_free(symbol->number);
    lip_free(symbol->spread);
    symbol->number = symbol->spread = NULL;
}

enum lip_status lip_probe_new(struct lip_probe *out,
                              const struct lip_symbol *symbol,
                              struct lip_ctx *ctx)
{
    size_t m = symbol->rows, n = symbol->cols;
    *out = (struct lip_probe){.symbol = symbol};
    if (m > ((size_t)1 << 29) / n)
        return lip_fail(ctx, LIP_TOO_LARGE, "the kernel has too many channels");
    out->matrix = lip_alloc(ctx, 2 * m * n, sizeof *out->matrix);
    if (out->matrix)
        out->gram = lip_alloc(ctx, 2 * n * n, sizeof *out->gram);
    if (out->gram)
        out->work = lip_alloc(ctx, 6 * n, sizeof *out->work);
    if (out->work)
        out->part = lip_alloc(ctx, 2 * m * n, sizeof *out->part);
    if (out->part)
        out->turn = lip_alloc(ctx, 2 * symbol->tap[0] * symbol->tap[1],
                              sizeof *out->turn);
    if (out->turn)
        return LIP_OK;
    lip_probe_clear(out);
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

void lip_probe_clear(struct lip_probe *probe)
{
    lip_free(probe->matrix);
    lip_free(probe->gram);
    lip_free(probe->work);
    lip_free(probe->part);
    lip_free(probe->turn);
    *probe = (struct lip_probe){0};
}

double lip_probe_flops(const struct lip_symbol *s)
{
    double m = (double)s->rows, n = (double)s->cols;
    double taps = (double)s->tap[0] * (double)s->tap[1];
    return 4 * m * n * taps + (4 * m + 1.4 * n) * n * n + 40 * taps + 2000;
}

/* cos and -sin of the phase of each tap. */
static void turns(double *turn, const struct lip_symbol *s, const double f[2])
{
    size_t taps = s->tap[0] * s->tap[1];
    for (size_t p = 0; p < s->tap[0]; p++)
        for (size_t q = 0; q < s->tap[1]; q++) {
            double part = (double)p * f[0] + (double)q * f[1];
            double angle = 2 * M_PI * (part - rint(part));
            turn[p * s->tap[1] + q] = cos(angle);
            turn[taps + p * s->tap[1] + q] = -sin(angle);
        }
}

void lip_probe_set(struct lip_probe *probe, size_t group, const double f[2])
{
    const struct lip_symbol *s = probe->symbol;
    size_t size = s->rows * s->cols, taps = s->tap[0] * s->tap[1];
    turns(probe->turn, s, f);
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, (int)size, 2,
                (int)taps, 1, s->number + group * taps * size, (int)size,
                probe->turn, (int)taps, 0, probe->part, (int)size);
    for (size_t k = 0; k < size; k++) {
        probe->matrix[2 * k] = probe->part[k];
        probe->matrix[2 * k + 1] = probe->part[size + k];
    }
}

/* |H|_F of the computed matrix, rounded up. */
static double frobenius(const struct lip_probe *probe)
{
    size_t n = 2 * probe->symbol->rows * probe->symbol->cols;
    double sum = cblas_ddot((int)n, probe->matrix, 1, probe->matrix, 1);
    return lip_sqrt_up(lip_inflate(sum, n + 2));
}

double lip_probe_estimate(struct lip_probe *probe, size_t group,
                          const double f[2])
{
    const struct lip_symbol *s = probe->symbol;
    lip_probe_set(probe, group, f);
    if (s->cols == 1)
        return frobenius(probe);
    lip_hermitian_minus_gram(probe->gram, probe->matrix, s->rows, s->cols);
    return sqrt(
        fmax(lip_hermitian_estimate(probe->gram, s->cols, probe->work), 0));
}

bool lip_probe_proves(struct lip_probe *probe, size_t group, const double f[2],
                      double limit)
{
    const struct lip_symbol *s = probe->symbol;
    /* What the computed matrix may have: |H| <= |H~| + |H - H~|_F. */
    limit = lip_down(limit - lip_mul_up(s->error, s->spread[group]));
    if (!(limit > LIP_TINY))
        return false;
    lip_probe_set(probe, group, f);
    double norm = frobenius(probe);
    if (norm <= limit)
        return true;
    if (s->cols == 1)
        return false;
    double square = lip_mul_down(limit, limit);
    double tau = lip_down(square - lip_hermitian_gram_error(norm, s->rows));
    if (!(tau > 0))
        return false;
    lip_hermitian_minus_gram(probe->gram, probe->matrix, s->rows, s->cols);
    return lip_hermitian_proves(probe->gram, s->cols, tau);
}
