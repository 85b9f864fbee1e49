/* SPDX-License-Identifier: MIT
 *
 * The first layer by its inputs. */
#include "bounds/front.h"

#include "bounds/factor.h"
#include "linalg/blas.h"

#include <string.h>

/* Multipliers above 2^80 times the least are lowered to that. */
enum { MAX_SPAN = 80 };

static size_t neurons(const struct lip_chain *chain)
{
    return lip_chain_width(chain, 1) - chain->gap[0].passes;
}

/* Where all slopes are -b .. b and nothing passes, N may be singular, which the
 * recursion knows how to take. */
static bool all_symmetric(const struct lip_chain *chain)
{
    size_t n = lip_chain_width(chain, 1);
    for (size_t k = 0; k < n; k++)
        if (chain->slopes[0][k].lo != -chain->slopes[0][k].hi)
            return false;
    return true;
}

bool lip_front_applies(const struct lip_chain *chain)
{
    return !chain->dense && chain->count > 2 &&
           2 * lip_chain_width(chain, 0) <= lip_chain_width(chain, 1) &&
           !all_symmetric(chain);
}

/* --- what it takes */

double lip_front_bytes(const struct lip_chain *chain)
{
    if (!lip_front_applies(chain))
        return 0;
    double m = (double)lip_chain_width(chain, 0);
    double n = (double)lip_chain_width(chain, 1);
    double next = (double)lip_chain_width(chain, 2);
    return 8 * (2 * n * m + 2 * next * m + 2 * m * m) + 16 * n * next;
}

double lip_front_flops(const struct lip_chain *chain)
{
    double m = (double)lip_chain_width(chain, 0);
    double n = (double)lip_chain_width(chain, 1);
    double next = (double)lip_chain_width(chain, 2);
    return m * m * n + 2.0 / 3 * m * m * m + next * m * m + next * next * m +
           n * next * next / 8;
}

/* --- what does not depend on the multipliers */

/* The slope in the middle of neuron k's. */
static double middle(const struct lip_chain *chain, size_t k)
{
    return 0.5 * (chain->slopes[0][k].lo + chain->slopes[0][k].hi);
}

/* J, by columns of the transposed matrices: J^T = W_1^T m W_2^T. */
static void make_j(struct lip_front *f)
{
    const struct lip_link *one = &f->chain->link[0], *two = &f->chain->link[1];
    size_t n = f->w.rows, m = f->w.cols;
    double steep = lip_chain_steepest(f->chain, 0);
    for (size_t j = 0; j < m; j++)
        for (size_t k = 0; k < n; k++)
            f->scaled.data[k + j * n] =
                f->w.data[k + j * n] * middle(f->chain, k);
    lip_gemm(&f->j, &two->transposed, true, &f->scaled, false);
    double a = lip_mul_up(lip_matrix_frobenius(&one->transposed), steep);
    double b = lip_matrix_frobenius(&two->transposed);
    double hidden = lip_mul_up(one->radius, steep);
    f->j_error =
        lip_add_up(lip_add_up(lip_mul_up(lip_gamma(n + 4), lip_mul_up(a, b)),
                              lip_mul_up(two->radius, lip_add_up(a, hidden))),
                   lip_add_up(lip_mul_up(b, hidden), LIP_TINY));
}

static enum lip_status take_columns(struct lip_front *f, struct lip_ctx *ctx)
{
    const struct lip_matrix *t = &f->chain->link[1].transposed;
    size_t a = neurons(f->chain), n = t->rows, count = 0;
    for (size_t j = 0; j < t->cols; j++)
        for (size_t k = 0; k < a; k++)
            count += t->data[k + j * n] != 0;
    f->first = lip_calloc(ctx, a + 2, sizeof *f->first);
    f->row = lip_alloc(ctx, count, sizeof *f->row);
    f->value = lip_alloc(ctx, count, sizeof *f->value);
    if (!f->first || !f->row || !f->value)
        return ctx && ctx->error.status ? ctx->error.status : LIP_NO_MEMORY;
    size_t *next = f->first + 1; /* begins of columns, one place too early */
    for (size_t j = 0; j < t->cols; j++)
        for (size_t k = 0; k < a; k++)
            next[k + 1] += t->data[k + j * n] != 0;
    for (size_t k = 0; k < a; k++)
        next[k + 1] += next[k];
    for (size_t j = 0; j < t->cols; j++)
        for (size_t k = 0; k < a; k++)
            if (t->data[k + j * n] != 0) {
                f->row[next[k]] = j;
                f->value[next[k]++] = t->data[k + j * n];
            }
    return LIP_OK;
}

enum lip_status lip_front_new(struct lip_front *f,
                              const struct lip_chain *chain,
                              struct lip_ctx *ctx)
{
    *f = (struct lip_front){.used = lip_front_applies(chain), .chain = chain};
    if (!f->used)
        return LIP_OK;
    size_t m = lip_chain_width(chain, 0), n = lip_chain_width(chain, 1);
    size_t next = lip_chain_width(chain, 2);
    struct lip_matrix *const matrix[] = {&f->w, &f->scaled, &f->j,
                                         &f->y, &f->n,      &f->r};
    const size_t rows[] = {n, n, next, next, m, m};
    enum lip_status status = LIP_OK;
    for (int i = 0; status == LIP_OK && i < 6; i++)
        status = lip_matrix_new(matrix[i], rows[i], m, ctx);
    f->d = lip_alloc(ctx, n, sizeof *f->d);
    f->vector = lip_alloc(ctx, m, sizeof *f->vector);
    if (status == LIP_OK && (!f->d || !f->vector))
        status = ctx && ctx->error.status ? ctx->error.status : LIP_NO_MEMORY;
    if (status == LIP_OK)
        status = take_columns(f, ctx);
    if (status != LIP_OK) {
        lip_front_clear(f);
        return status;
    }
    lip_matrix_transpose(&f->w, &chain->link[0].transposed);
    make_j(f);
    return LIP_OK;
}

void lip_front_clear(struct lip_front *f)
{
    lip_matrix_clear(&f->w);
    lip_matrix_clear(&f->scaled);
    lip_matrix_clear(&f->j);
    lip_matrix_clear(&f->y);
    lip_matrix_clear(&f->n);
    lip_matrix_clear(&f->r);
    lip_free(f->d);
    lip_free(f->vector);
    lip_free(f->first);
    lip_free(f->row);
    lip_free(f->value);
    *f = (struct lip_front){.used = false};
}

/* --- a step */

/* h^2 Lambda, rounded up, into d; returns the largest. */
static double weigh(struct lip_front *f, const double *lambda, double most)
{
    double largest = 0;
    for (size_t k = 0; k < neurons(f->chain); k++) {
        struct lip_slopes s = f->chain->slopes[0][k];
        double h = s.hi == s.lo ? 0 : lip_up(0.5 * (s.hi - s.lo));
        f->d[k] = lip_mul_up(lip_mul_up(h, h), fmin(lambda[k], most));
        largest = fmax(largest, f->d[k]);
    }
    return largest;
}

/* N into f->n, upper triangle; returns a bound of what it lacks in 2-norm. */
static double make_n(struct lip_front *f, double largest)
{
    size_t n = f->w.rows, m = f->w.cols, a = neurons(f->chain);
    double f1 = lip_matrix_frobenius(&f->w), trace = 0;
    double r = f->chain->link[0].radius;
    for (size_t j = 0; j < m; j++)
        for (size_t k = 0; k < a; k++)
            f->scaled.data[k + j * n] = f->w.data[k + j * n] * f->d[k];
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, (int)m, (int)m, (int)a,
                -1, f->w.data, (int)n, f->scaled.data, (int)n, 0, f->n.data,
                (int)m);
    for (size_t j = 0; j < m; j++) {
        trace = lip_add_up(trace, -f->n.data[j * (m + 1)]);
        f->n.data[j * (m + 1)] += 1;
    }
    /* |fl(G) - G| <= gamma sum_k d_k |w_k|^2 = gamma tr G; twice, since one
     * triangle stands for both; and the sum with I. */
    trace = lip_mul_up(trace, lip_up(1 + lip_gamma(2 * n + m)));
    double rounding = lip_mul_up(lip_mul_up(2, lip_gamma(n + 6)),
                                 lip_add_up(trace, sqrt((double)m) + 1));
    double hidden =
        lip_mul_up(largest, lip_mul_up(r, lip_add_up(lip_mul_up(2, f1), r)));
    return lip_add_up(lip_add_up(rounding, hidden), LIP_TINY);
}

/* Adds W'_A Lambda^-1 W'_A^T 2^(2 power); returns a bound of what it lacks. */
static double add_own(struct lip_matrix *s, struct lip_front *f,
                      const double *lambda, double most, int power)
{
    double trace = 0, largest = 0, r = f->chain->link[1].radius;
    size_t next = s->rows, a = neurons(f->chain);
    for (size_t k = 0; k < a; k++) {
        double c = lip_div_up(1, ldexp(fmin(lambda[k], most), -2 * power));
        double squares = 0;
        for (size_t j = f->first[k]; j < f->first[k + 1]; j++) {
            double x = c * f->value[j], *column = s->data + f->row[j] * next;
            squares += f->value[j] * f->value[j];
            for (size_t i = f->first[k]; i <= j; i++)
                column[f->row[i]] += x * f->value[i];
        }
        largest = fmax(largest, c);
        trace = lip_add_up(trace, lip_mul_up(c, lip_inflate(squares, next)));
    }
    double f2 = lip_matrix_frobenius(&f->chain->link[1].transposed);
    double hidden =
        lip_mul_up(largest, lip_mul_up(r, lip_add_up(lip_mul_up(2, f2), r)));
    double rounding = lip_mul_up(lip_mul_up(2, lip_gamma(a + 6)), trace);
    return lip_add_up(lip_add_up(rounding, hidden), LIP_TINY);
}

/* A power of two near 1 / sqrt of the least multiplier, and the most that
 * others may be. */
static int begin(double *most, const struct lip_front *f, const double *lambda)
{
    double least = INFINITY;
    int e = 0;
    for (size_t k = 0; k < neurons(f->chain); k++)
        least = fmin(least, lambda[k]);
    frexp(least, &e);
    *most = ldexp(least, MAX_SPAN);
    return e >= 0 ? e / 2 : -((1 - e) / 2);
}

bool lip_front_step(struct lip_matrix *s, double *sigma, int *power,
                    struct lip_front *f, const double *lambda)
{
    size_t m = f->w.cols, next = f->j.rows;
    double most, inverse;
    *power = begin(&most, f, lambda);
    f->most = most;
    double slack = make_n(f, weigh(f, lambda, most));
    if (!isfinite(slack))
        return false;
    memcpy(f->y.data, f->j.data, next * m * sizeof(double));
    double norm, scale = ldexp(1, *power);
    /* The room of scaled is free again, and large enough. */
    struct lip_matrix spare = {m, m, f->scaled.data};
    if (!lip_factor_below(&f->r, &f->n, slack, &inverse, &spare, f->vector))
        return false;
    lip_solve_right(&f->y, &f->r);
    for (size_t i = 0; i < next * m; i++)
        f->y.data[i] *= scale;
    norm = lip_matrix_frobenius(&f->y);
    double own = lip_add_up(lip_mul_up(f->j_error, scale), LIP_TINY);
    double e = lip_solve_error(inverse, lip_up(sqrt((double)m)), norm, own, m);
    s->rows = s->cols = next;
    lip_gram_outer(s, &f->y);
    *sigma = lip_gram_error(norm, e, m);
    double lacks = add_own(s, f, lambda, most, *power);
    double sum = lip_mul_up(norm, norm);
    *sigma = lip_add_up(lip_add_up(*sigma, lacks),
                        lip_mul_up(lip_gamma(neurons(f->chain) + 4), sum));
    return true;
}
