/* SPDX-License-Identifier: MIT
 *
 * Every pair but 2->2 is a norm of norms: |A|_{1->q} is the largest q-norm of
 * a column, |A|_{p->inf} the largest dual norm of a row, and | |A| |_{p->q},
 * which bounds the hard ones, a q-norm of row sums or of column sums. */
#include "linalg/norm.h"

#include "linalg/spectral.h"

const char *lip_norm_name(enum lip_norm norm)
{
    static const char *const name[] = {"1", "2", "inf"};
    return name[norm];
}

enum lip_norm lip_norm_dual(enum lip_norm norm)
{
    return (enum lip_norm)(LIP_NORM_INF - norm);
}

bool lip_norm_pair_easy(struct lip_norm_pair pair)
{
    return pair.input <= pair.output;
}

/* What a vector norm adds up, and how it ends. */
static double gather(enum lip_norm norm, double sum, double x)
{
    x = fabs(x);
    if (norm == LIP_NORM_INF)
        return x > sum ? x : sum;
    return norm == LIP_NORM_1 ? sum + x : sum + x * x;
}

static double finish(enum lip_norm norm, double sum, size_t terms)
{
    if (norm == LIP_NORM_INF || sum == 0)
        return sum;
    sum = lip_inflate(sum, terms + 2);
    return norm == LIP_NORM_1 ? sum : lip_sqrt_up(sum);
}

/* outer norm over the columns of `at` of the inner norm of each. */
static double over_columns(const struct lip_matrix *at, enum lip_norm inner,
                           enum lip_norm outer)
{
    double total = 0;
    for (size_t j = 0; j < at->cols; j++) {
        const double *column = at->data + j * at->rows;
        double sum = 0;
        for (size_t i = 0; i < at->rows; i++)
            sum = gather(inner, sum, column[i]);
        total = gather(outer, total, finish(inner, sum, at->rows));
    }
    return finish(outer, total, at->cols);
}

/* The same over the rows of `at`. */
static enum lip_status over_rows(double *out, const struct lip_matrix *at,
                                 enum lip_norm inner, enum lip_norm outer,
                                 struct lip_ctx *ctx)
{
    double *sum = lip_calloc(ctx, at->rows, sizeof *sum), total = 0;
    if (!sum)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    for (size_t j = 0; j < at->cols; j++)
        for (size_t i = 0; i < at->rows; i++)
            sum[i] = gather(inner, sum[i], at->data[i + j * at->rows]);
    for (size_t i = 0; i < at->rows; i++)
        total = gather(outer, total, finish(inner, sum[i], at->cols));
    *out = finish(outer, total, at->rows);
    lip_free(sum);
    return LIP_OK;
}

double lip_norm_per_spectral(struct lip_norm_pair pair, size_t inputs,
                             size_t outputs)
{
    /* |x|_2 <= c |x|_p and |y|_q <= d |y|_2. */
    double c = pair.input == LIP_NORM_INF ? sqrt((double)inputs) : 1;
    double d = pair.output == LIP_NORM_1 ? sqrt((double)outputs) : 1;
    return lip_up(lip_up(c) * lip_up(d));
}

/* | |A| |_{p->q} for inf->q and p->1, and a multiple of |A|_2. */
static enum lip_status hard(double *out, const struct lip_matrix *at,
                            struct lip_norm_pair pair, struct lip_ctx *ctx)
{
    double absolute, spectral;
    enum lip_status status = LIP_OK;
    if (pair.input == LIP_NORM_INF)
        absolute = over_columns(at, LIP_NORM_1, pair.output);
    else
        status = over_rows(&absolute, at, LIP_NORM_1, LIP_NORM_2, ctx);
    if (status == LIP_OK)
        status = lip_spectral_upper(&spectral, at, ctx);
    if (status == LIP_OK)
        *out =
            fmin(absolute, lip_mul_up(spectral, lip_norm_per_spectral(
                                                    pair, at->rows, at->cols)));
    return status;
}

enum lip_status lip_norm_upper(double *out, const struct lip_matrix *at,
                               struct lip_norm_pair pair, struct lip_ctx *ctx)
{
    if (!lip_norm_pair_easy(pair))
        return hard(out, at, pair, ctx);
    if (pair.output == LIP_NORM_INF) {
        *out = over_columns(at, lip_norm_dual(pair.input), LIP_NORM_INF);
        return LIP_OK;
    }
    if (pair.input == LIP_NORM_1)
        return over_rows(out, at, pair.output, LIP_NORM_INF, ctx);
    return lip_spectral_upper(out, at, ctx);
}
