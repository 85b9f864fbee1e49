/* SPDX-License-Identifier: MIT
 *
 * Gram iteration on the infinite plane: with A the operator of a kernel,
 *
 *     |A|_2^2 = |A^* A|_2,
 *
 * whose kernel is that of A correlated with itself, of 2k - 1 taps along an
 * axis. After t rounds the bound sqrt(|.|_1 |.|_inf) of what has come out,
 * taken to the power 2^-t, has come close. Where fl(K') is the kernel computed
 * from K, with sums of at most m products,
 *
 *     |A(K)|_2^2 <= |A(fl(K'))|_2 + gamma_{m+2} r c,
 *
 * r and c the largest row and column sums of |K|: the difference is an operator
 * whose kernel is at most gamma_{m+2} that of |K| correlated with itself. */
#include "bounds/norms/symbol.h"
#include "bounds/norms/ways.h"
#include "linalg/blas.h"

#include <string.h>

enum { MOST_ROUNDS = 6 };

/* Taps of rows x cols, [tap][col][row]. */
struct taps {
    size_t rows, cols, tap[2];
    double *number;
};

/* The largest sum of |entries| of a row (or of a column) over all taps. */
static double sums(const struct taps *k, bool rows, double *sum)
{
    size_t n = rows ? k->rows : k->cols, taps = k->tap[0] * k->tap[1];
    double most = 0;
    memset(sum, 0, n * sizeof *sum);
    const double *from = k->number;
    for (size_t t = 0; t < taps; t++)
        for (size_t j = 0; j < k->cols; j++)
            for (size_t i = 0; i < k->rows; i++)
                sum[rows ? i : j] += fabs(*from++);
    for (size_t i = 0; i < n; i++)
        most = fmax(most, sum[i]);
    return most > 0 ? lip_inflate(most, taps * (rows ? k->cols : k->rows)) : 0;
}

/* G_d = sum over taps p of K_p^T K_{p + d}. */
static void correlate(struct taps *to, const struct taps *k)
{
    size_t size = k->rows * k->cols;
    for (size_t p0 = 0; p0 < k->tap[0]; p0++)
        for (size_t p1 = 0; p1 < k->tap[1]; p1++)
            for (size_t q0 = 0; q0 < k->tap[0]; q0++)
                for (size_t q1 = 0; q1 < k->tap[1]; q1++) {
                    size_t d0 = q0 + k->tap[0] - 1 - p0;
                    size_t d1 = q1 + k->tap[1] - 1 - p1;
                    const double *a = k->number + (p0 * k->tap[1] + p1) * size;
                    const double *b = k->number + (q0 * k->tap[1] + q1) * size;
                    double *c =
                        to->number + (d0 * to->tap[1] + d1) * k->cols * k->cols;
                    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans,
                                (int)k->cols, (int)k->cols, (int)k->rows, 1, a,
                                (int)k->rows, b, (int)k->rows, 1, c,
                                (int)k->cols);
                }
}

/* Replaces k by its Gram kernel, divided by 2^*exponent. */
static enum lip_status step(struct taps *k, int *exponent, struct lip_ctx *ctx)
{
    struct taps to = {
        k->cols, k->cols, {2 * k->tap[0] - 1, 2 * k->tap[1] - 1}, NULL};
    size_t count = to.tap[0] * to.tap[1] * to.cols * to.cols;
    double most = 0;
    to.number = lip_calloc(ctx, count, sizeof *to.number);
    if (!to.number)
        return lip_norm_memory(ctx);
    correlate(&to, k);
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(to.number[i]));
    *exponent = most > 0 ? ilogb(most) + 1 : 0;
    for (size_t i = 0; i < count; i++)
        to.number[i] = ldexp(to.number[i], -*exponent);
    lip_free(k->number);
    *k = to;
    return LIP_OK;
}

static double step_flops(const struct taps *k)
{
    double taps = (double)k->tap[0] * (double)k->tap[1], n = (double)k->cols;
    return taps * taps * (2 * n * n * (double)k->rows + 500);
}

/* Of one group; destroys k. */
static enum lip_status iterate(double *out, struct taps *k, double flops,
                               double *sum, struct lip_ctx *ctx)
{
    double error[MOST_ROUNDS];
    int exponent[MOST_ROUNDS], rounds = 0;
    enum lip_status status = LIP_OK;
    double rc = lip_mul_up(sums(k, true, sum), sums(k, false, sum));
    for (double cost = 0; rounds < MOST_ROUNDS && rc > 0; rounds++) {
        cost += step_flops(k);
        if (cost > flops)
            break;
        size_t terms = k->rows * k->tap[0] * k->tap[1];
        error[rounds] = lip_mul_up(lip_gamma(terms + 2), rc);
        status = step(k, &exponent[rounds], ctx);
        if (status == LIP_OK)
            status = lip_tick(ctx, "Gram iteration", rounds, MOST_ROUNDS, NAN);
        if (status != LIP_OK)
            return status;
        rc = lip_mul_up(sums(k, true, sum), sums(k, false, sum));
    }
    double norm = lip_sqrt_up(rc);
    for (int t = rounds - 1; t >= 0; t--)
        norm = lip_sqrt_up(lip_add_up(ldexp(norm, exponent[t]), error[t]));
    *out = norm;
    return LIP_OK;
}

static enum lip_status run(struct lip_big *out, const struct lip_layer *layer,
                           enum lip_norm p, struct lip_ctx *ctx)
{
    struct lip_filter filter;
    struct lip_symbol s = {0};
    double most = 0, *sum = NULL;
    (void)p;
    enum lip_status status = lip_filter_new(&filter, layer, ctx);
    if (status == LIP_OK)
        status = lip_symbol_new(&s, &filter, ctx);
    if (status == LIP_OK) {
        sum = lip_alloc(ctx, s.rows, sizeof *sum);
        status = sum ? LIP_OK : lip_norm_memory(ctx);
    }
    size_t size = s.rows * s.cols * s.tap[0] * s.tap[1];
    for (size_t g = 0; g < s.groups && status == LIP_OK; g++) {
        double norm = 0;
        struct taps k = {s.rows,
                         s.cols,
                         {s.tap[0], s.tap[1]},
                         lip_alloc(ctx, size, sizeof(double))};
        if (k.number) {
            memcpy(k.number, s.number + g * size, size * sizeof *k.number);
            status = iterate(
                &norm, &k, 0.005 * LIP_NORM_FLOPS / (double)s.groups, sum, ctx);
        } else {
            status = lip_norm_memory(ctx);
        }
        lip_free(k.number);
        most = fmax(most, lip_add_up(norm, lip_mul_up(s.error, s.spread[g])));
    }
    lip_free(sum);
    lip_symbol_clear(&s);
    lip_filter_clear(&filter);
    if (status == LIP_OK)
        *out = lip_big_make(most, filter.exponent);
    return status;
}

static bool applies(const struct lip_layer *layer, enum lip_norm p,
                    double flops)
{
    (void)flops;
    return p == LIP_NORM_2 && lip_filter_of(layer);
}

const struct lip_norm_method lip_norm_gram = {
    .id = "gram",
    .title = "Gram iteration of the kernel on the infinite plane",
    .formula = "|A|_2 <= (|A_t|_1 |A_t|_inf)^(2^-(t+1)), A_t = A_{t-1}^* "
               "A_{t-1}",
    .citation =
        "Delattre, Barthelemy, Araujo and Allauzen, ICML 2023 and arXiv "
        "2402.01567",
    .applies = applies,
    .run = run,
};
