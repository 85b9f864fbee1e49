/* SPDX-License-Identifier: MIT
 *
 * A forward pass with vectors, exact. */
#include "tests/support/dual.h"

#include <check.h>

/* Stored vectors of layer i at their true size. */
static void true_vectors(arb_mat_t out, const struct lip_ascent *a, size_t i)
{
    exact_matrix(out, &a->z[i], true); /* width x rank */
    arb_mat_scalar_mul_2exp_si(out, out,
                               a->power[i + 1] - a->chain->link[i].exponent);
}

/* (z - a y) . (z - b y) of neuron k. */
static void constraint(arb_t out, const arb_mat_t z, const arb_mat_t y, slong k,
                       struct lip_slopes slope)
{
    arb_t lo, hi, u, v;
    arb_init(lo);
    arb_init(hi);
    arb_init(u);
    arb_init(v);
    arb_set_d(lo, slope.lo);
    arb_set_d(hi, slope.hi);
    arb_zero(out);
    for (slong c = 0; c < arb_mat_ncols(z); c++) {
        arb_mul(u, lo, arb_mat_entry(y, k, c), EXACT_PREC);
        arb_sub(u, arb_mat_entry(z, k, c), u, EXACT_PREC);
        arb_mul(v, hi, arb_mat_entry(y, k, c), EXACT_PREC);
        arb_sub(v, arb_mat_entry(z, k, c), v, EXACT_PREC);
        arb_addmul(out, u, v, EXACT_PREC);
    }
    arb_clear(lo);
    arb_clear(hi);
    arb_clear(u);
    arb_clear(v);
}

/* z_k <- (a + b)/2 y_k. */
static void take_centre(arb_mat_t z, const arb_mat_t y, slong k,
                        struct lip_slopes slope)
{
    arb_t mid, x;
    arb_init(mid);
    arb_init(x);
    arb_set_d(mid, slope.lo);
    arb_set_d(x, slope.hi);
    arb_add(mid, mid, x, EXACT_PREC);
    arb_mul_2exp_si(mid, mid, -1);
    for (slong c = 0; c < arb_mat_ncols(z); c++)
        arb_mul(arb_mat_entry(z, k, c), mid, arb_mat_entry(y, k, c),
                EXACT_PREC);
    arb_clear(mid);
    arb_clear(x);
}

/* |stored column k of m, times 2^power, - row k of x| <= bound[k] 2^power, or
 * the test fails. */
static void check_distance(const struct lip_matrix *m, long power,
                           const arb_mat_t x, slong k, double bound,
                           const char *what)
{
    arb_t sum, d;
    arb_init(sum);
    arb_init(d);
    for (slong c = 0; c < arb_mat_ncols(x); c++) {
        arb_set_d(d, m->data[(size_t)k * m->rows + (size_t)c]);
        arb_mul_2exp_si(d, d, power);
        arb_sub(d, d, arb_mat_entry(x, k, c), EXACT_PREC);
        arb_addmul(sum, d, d, EXACT_PREC);
    }
    arb_set_d(d, bound);
    arb_mul_2exp_si(d, d, power);
    arb_submul(sum, d, d, EXACT_PREC);
    ck_assert_msg(!arb_is_positive(sum),
                  "%s %d is further off than its error bound says", what,
                  (int)k);
    arb_clear(sum);
    arb_clear(d);
}

/* Z_i, checked against Y_i: a vector outside of its ball must be near its
 * centre, which then takes its place; returns how many were replaced. What is
 * known of the error of those is still there for the last hidden layer; the
 * others are compared with the largest of the layer. */
static size_t check_layer(arb_mat_t z, const struct lip_ascent *a,
                          const arb_mat_t y, size_t i)
{
    const struct lip_slopes *slope = a->chain->slopes[i - 1];
    slong unit = a->power[i + 1] - a->chain->link[i].exponent;
    size_t replaced = 0;
    arb_t d;
    arb_init(d);
    true_vectors(z, a, i);
    for (slong k = 0; k < arb_mat_nrows(z); k++) {
        constraint(d, z, y, k, slope[k]);
        if (arb_is_nonpositive(d))
            continue;
        take_centre(z, y, k, slope[k]);
        check_distance(&a->z[i], unit, z, k,
                       i + 1 == a->chain->count ? a->off[k] : 1e-9, "vector");
        replaced++;
    }
    arb_clear(d);
    return replaced;
}

size_t exact_dual(arb_t value, const struct lip_ascent *a)
{
    size_t l = a->chain->count, replaced = 0;
    arb_mat_t z, y, w;
    arb_t from;
    arb_init(from);
    true_vectors(z, a, 0);
    exact_frobenius(from, z);
    for (size_t i = 1; i <= l; i++) {
        exact_link(w, &a->chain->link[i - 1]);
        arb_mat_init(y, arb_mat_nrows(w), arb_mat_ncols(z));
        arb_mat_mul(y, w, z, EXACT_PREC);
        arb_mat_clear(w);
        arb_mat_clear(z);
        if (i < l)
            replaced += check_layer(z, a, y, i);
        else
            exact_frobenius(value, y);
        for (slong k = 0; i == l && k < arb_mat_nrows(y); k++)
            check_distance(&a->y[l], a->power[l], y, k, a->error[k], "output");
        arb_mat_clear(y);
    }
    arb_div(value, value, from, BALL_PREC);
    arb_clear(from);
    return replaced;
}
