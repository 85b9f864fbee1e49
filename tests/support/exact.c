/* SPDX-License-Identifier: MIT
 *
 * Norms and products in ball arithmetic. */
#include "tests/support/exact.h"

#include <check.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

void exact_matrix(arb_mat_t out, const struct lip_matrix *a, bool transpose)
{
    size_t rows = transpose ? a->cols : a->rows;
    size_t cols = transpose ? a->rows : a->cols;
    arb_mat_init(out, (slong)rows, (slong)cols);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            size_t at = transpose ? j + i * a->rows : i + j * a->rows;
            arb_set_d(arb_mat_entry(out, i, j), a->data[at]);
        }
}

void exact_link(arb_mat_t out, const struct lip_link *link)
{
    exact_matrix(out, &link->transposed, true);
    arb_mat_scalar_mul_2exp_si(out, out, link->exponent);
}

void exact_frobenius(arb_t out, const arb_mat_t a)
{
    arb_zero(out);
    for (slong i = 0; i < arb_mat_nrows(a); i++)
        for (slong j = 0; j < arb_mat_ncols(a); j++)
            arb_addmul(out, arb_mat_entry(a, i, j), arb_mat_entry(a, i, j),
                       BALL_PREC);
    arb_sqrt(out, out, BALL_PREC);
}

bool exact_positive(const arb_mat_t a)
{
    arb_mat_t full, factor;
    slong n = arb_mat_nrows(a);
    arb_mat_init(full, n, n);
    arb_mat_init(factor, n, n);
    for (slong i = 0; i < n; i++)
        for (slong j = 0; j < n; j++)
            arb_set(arb_mat_entry(full, i, j),
                    i <= j ? arb_mat_entry(a, i, j) : arb_mat_entry(a, j, i));
    bool positive = arb_mat_cho(factor, full, BALL_PREC);
    arb_mat_clear(full);
    arb_mat_clear(factor);
    return positive;
}

/* A^T A or A A^T, the smaller. */
static void small_gram(arb_mat_t out, const arb_mat_t a)
{
    arb_mat_t t;
    slong m = arb_mat_nrows(a), n = arb_mat_ncols(a), k = m < n ? m : n;
    arb_mat_init(t, n, m);
    arb_mat_transpose(t, a);
    arb_mat_init(out, k, k);
    if (m < n)
        arb_mat_mul(out, a, t, BALL_PREC);
    else
        arb_mat_mul(out, t, a, BALL_PREC);
    arb_mat_clear(t);
}

/* An approximate top eigenvector of the midpoints, scaled to moderate size. */
static void top_vector(arb_mat_t v, const arb_mat_t g)
{
    lapack_int n = (lapack_int)arb_mat_nrows(g);
    double *a = malloc((size_t)n * (size_t)n * sizeof *a);
    double *w = malloc((size_t)n * sizeof *w);
    ck_assert(a && w);
    arf_t trace;
    arf_init(trace);
    for (slong i = 0; i < n; i++)
        arf_add(trace, trace, arb_midref(arb_mat_entry(g, i, i)), 60,
                ARF_RND_UP);
    slong e = arf_abs_bound_lt_2exp_si(trace);
    for (slong i = 0; i < n; i++)
        for (slong j = 0; j < n; j++) {
            arf_mul_2exp_si(trace, arb_midref(arb_mat_entry(g, i, j)), -e);
            a[i + j * n] = arf_get_d(trace, ARF_RND_NEAR);
        }
    arf_clear(trace);
    ck_assert_int_eq(LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'U', n, a, n, w), 0);
    for (slong i = 0; i < n; i++)
        arb_set_d(arb_mat_entry(v, i, 0), a[i + (slong)(n - 1) * n]);
    free(a);
    free(w);
}

/* v^T G v / v^T v, after two steps of power iteration; a lower bound of
 * lambda_max in its lower end. */
static void rayleigh(arb_t out, const arb_mat_t g)
{
    slong n = arb_mat_nrows(g);
    arb_mat_t v, gv;
    arb_t norm;
    arb_init(norm);
    arb_mat_init(v, n, 1);
    arb_mat_init(gv, n, 1);
    top_vector(v, g);
    for (int k = 0; k < 2; k++) {
        arb_mat_mul(gv, g, v, BALL_PREC);
        arb_mat_get_mid(v, gv);
    }
    arb_mat_mul(gv, g, v, BALL_PREC);
    arb_zero(out);
    for (slong i = 0; i < n; i++) {
        arb_addmul(out, arb_mat_entry(v, i, 0), arb_mat_entry(gv, i, 0),
                   BALL_PREC);
        arb_addmul(norm, arb_mat_entry(v, i, 0), arb_mat_entry(v, i, 0),
                   BALL_PREC);
    }
    arb_div(out, out, norm, BALL_PREC);
    arb_mat_clear(v);
    arb_mat_clear(gv);
    arb_clear(norm);
}

/* tau I - G proven positive definite for tau = top (1 + 2^-bits). */
static bool proves_upper(arb_t tau, const arb_mat_t g, const arb_t top,
                         slong bits)
{
    slong n = arb_mat_nrows(g);
    arb_mat_t t;
    arb_mat_init(t, n, n);
    arb_mul_2exp_si(tau, top, -bits);
    arb_add(tau, tau, top, BALL_PREC);
    arb_mat_neg(t, g);
    for (slong i = 0; i < n; i++)
        arb_add(arb_mat_entry(t, i, i), arb_mat_entry(t, i, i), tau, BALL_PREC);
    bool proven = exact_positive(t);
    arb_mat_clear(t);
    return proven;
}

void exact_spectral(arb_t out, const arb_mat_t a)
{
    if (arb_mat_is_zero(a)) {
        arb_zero(out);
        return;
    }
    arb_mat_t g;
    arb_t top, tau;
    arb_init(top);
    arb_init(tau);
    small_gram(g, a);
    rayleigh(top, g);
    slong bits = 85;
    while (!proves_upper(tau, g, top, bits)) {
        bits -= 15;
        ck_assert_msg(bits >= 40, "no enclosure of a spectral norm");
    }
    arb_union(out, top, tau, BALL_PREC);
    arb_sqrt(out, out, BALL_PREC);
    arb_mat_clear(g);
    arb_clear(top);
    arb_clear(tau);
}

/* acc <- acc + |x|^r, or the larger of both. */
static void gather(arb_t acc, enum lip_norm norm, const arb_t x)
{
    arb_t y;
    arb_init(y);
    arb_abs(y, x);
    if (norm == LIP_NORM_INF)
        arb_max(acc, acc, y, BALL_PREC);
    else if (norm == LIP_NORM_1)
        arb_add(acc, acc, y, BALL_PREC);
    else
        arb_addmul(acc, y, y, BALL_PREC);
    arb_clear(y);
}

static void finish(arb_t acc, enum lip_norm norm)
{
    if (norm == LIP_NORM_2)
        arb_sqrt(acc, acc, BALL_PREC);
}

/* The largest `inner` norm of a row (by_rows) or a column. */
static void largest(arb_t out, const arb_mat_t a, enum lip_norm inner,
                    bool by_rows)
{
    slong outer = by_rows ? arb_mat_nrows(a) : arb_mat_ncols(a);
    slong length = by_rows ? arb_mat_ncols(a) : arb_mat_nrows(a);
    arb_t sum;
    arb_init(sum);
    arb_zero(out);
    for (slong i = 0; i < outer; i++) {
        arb_zero(sum);
        for (slong j = 0; j < length; j++)
            gather(sum, inner,
                   by_rows ? arb_mat_entry(a, i, j) : arb_mat_entry(a, j, i));
        finish(sum, inner);
        arb_max(out, out, sum, BALL_PREC);
    }
    arb_clear(sum);
}

/* max over x in {-1, 1}^n of |A x|_q, A^T in the place of A where `flip`. */
static void over_signs(arb_t out, const arb_mat_t a, bool flip,
                       enum lip_norm norm)
{
    slong n = flip ? arb_mat_nrows(a) : arb_mat_ncols(a);
    slong m = flip ? arb_mat_ncols(a) : arb_mat_nrows(a);
    ck_assert_int_le(n, 16);
    arb_t sum, total;
    arb_init(sum);
    arb_init(total);
    arb_zero(out);
    for (unsigned long signs = 0; signs < 1ul << (n - 1); signs++) {
        arb_zero(total);
        for (slong i = 0; i < m; i++) {
            arb_zero(sum);
            for (slong j = 0; j < n; j++) {
                const arb_struct *x =
                    flip ? arb_mat_entry(a, j, i) : arb_mat_entry(a, i, j);
                if (signs >> j & 1)
                    arb_sub(sum, sum, x, BALL_PREC);
                else
                    arb_add(sum, sum, x, BALL_PREC);
            }
            gather(total, norm, sum);
        }
        finish(total, norm);
        arb_max(out, out, total, BALL_PREC);
    }
    arb_clear(sum);
    arb_clear(total);
}

void exact_norm(arb_t out, const arb_mat_t a, struct lip_norm_pair pair)
{
    if (pair.output == LIP_NORM_INF)
        largest(out, a, lip_norm_dual(pair.input), true);
    else if (pair.input == LIP_NORM_1)
        largest(out, a, pair.output, false);
    else if (pair.input == LIP_NORM_2 && pair.output == LIP_NORM_2)
        exact_spectral(out, a);
    else if (pair.input == LIP_NORM_INF)
        over_signs(out, a, false, pair.output);
    else /* 2->1: |A^T|_{inf->2} */
        over_signs(out, a, true, LIP_NORM_2);
}

bool exact_not_below(double value, const arb_t truth)
{
    arf_t lower, v;
    arf_init(lower);
    arf_init(v);
    arb_get_lbound_arf(lower, truth, BALL_PREC);
    arf_set_d(v, value);
    bool holds = !isnan(value) && arf_cmp(v, lower) >= 0;
    arf_clear(lower);
    arf_clear(v);
    return holds;
}

double exact_excess(double value, const arb_t truth)
{
    arb_t ratio;
    arf_t upper;
    arb_init(ratio);
    arf_init(upper);
    arb_set_d(ratio, value);
    arb_div(ratio, ratio, truth, BALL_PREC);
    arb_sub_ui(ratio, ratio, 1, BALL_PREC);
    arb_get_ubound_arf(upper, ratio, BALL_PREC);
    double excess = arf_get_d(upper, ARF_RND_UP);
    arb_clear(ratio);
    arf_clear(upper);
    return excess;
}
