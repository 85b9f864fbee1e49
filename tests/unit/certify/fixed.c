/* SPDX-License-Identifier: MIT
 *
 * Block fixed point against ball arithmetic with room for all bits: what a
 * vector claims to enclose is enclosed, and no wider than need be. */
#include "certify/fixed.h"

#include "linalg/random.h"
#include "linalg/rounding.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <arb.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>

enum { PREC = 20000, MOST = 8 };

static const uint64_t seed = 20260712;

/* A number of any size, often one with few bits, sometimes zero. */
static double any_number(uint64_t *state, double span)
{
    double m = plain_uniform(state, -1, 1);
    uint64_t kind = lip_random_next(state) % 8;
    if (kind == 0)
        return 0;
    if (kind < 3)
        m = round(8 * m) / 8;
    return ldexp(m, (int)plain_uniform(state, -span, span));
}

/* M 2^e of entry k. */
static void stored(arb_t out, const struct lip_fixed *x, size_t k)
{
    arb_zero(out);
    for (size_t i = x->limbs; i-- > 0;) {
        arb_mul_2exp_si(out, out, 64);
        arb_add_ui(out, out, x->magnitude[k * x->limbs + i], PREC);
    }
    if (x->negative[k])
        arb_neg(out, out);
    arb_mul_2exp_si(out, out, x->exponent);
}

/* |truth - entry k| in units of the vector. */
static double off(const struct lip_fixed *x, size_t k, const arb_t truth)
{
    arb_t d;
    arb_init(d);
    stored(d, x, k);
    arb_sub(d, d, truth, PREC);
    arb_abs(d, d);
    arb_mul_2exp_si(d, d, -x->exponent);
    double distance = arf_get_d(arb_midref(d), ARF_RND_UP);
    arb_clear(d);
    return distance;
}

/* A vector of sums of doubles, with errors of its own, and its truth: numbers
 * anywhere within the radii. */
static void make(struct lip_fixed *x, arb_ptr truth, size_t limbs, double span,
                 uint64_t *state)
{
    struct lip_sums sums;
    double term[MOST];
    long top = -1080;
    ck_assert_int_eq(lip_fixed_new(x, MOST, limbs, NULL), LIP_OK);
    ck_assert_int_eq(lip_sums_new(&sums, MOST, limbs, NULL), LIP_OK);
    for (int k = 0; k < MOST; k++) {
        int e = -1080;
        term[k] = any_number(state, span);
        if (term[k] != 0)
            frexp(term[k], &e);
        top = e > top ? e : top;
    }
    lip_sums_begin(&sums, MOST, limbs, top);
    for (size_t k = 0; k < MOST; k++) {
        lip_sums_term(&sums, k, term[k]);
        arb_set_d(truth + k, term[k]);
        double error = k % 2 ? fabs(term[k]) * 0x1p-50 : 0;
        lip_sums_error(&sums, k, error);
        arb_t shift;
        arb_init(shift);
        arb_set_d(shift, error * plain_uniform(state, -1, 1));
        arb_add(truth + k, truth + k, shift, PREC);
        arb_clear(shift);
    }
    lip_fixed_take(x, MOST, &sums, 2);
    lip_sums_clear(&sums);
}

START_TEST(terms_are_enclosed)
{
    uint64_t state = seed + (uint64_t)_i;
    size_t limbs = 1 + (size_t)_i % LIP_FIXED_LIMBS;
    arb_ptr truth = _arb_vec_init(MOST);
    for (int round = 0; round < 60; round++) {
        struct lip_fixed x;
        make(&x, truth, limbs, round % 2 ? 3 : 600, &state);
        for (size_t k = 0; k < MOST; k++)
            ck_assert_double_le(off(&x, k, truth + k), x.radius[k]);
        lip_fixed_clear(&x);
    }
    _arb_vec_clear(truth, MOST);
}
END_TEST

/* Sums of products: enclosed, and the cut terms cost units, not more. */
START_TEST(products_are_enclosed)
{
    uint64_t state = seed + 100 + (uint64_t)_i;
    size_t limbs = 1 + (size_t)_i % LIP_FIXED_LIMBS;
    arb_ptr truth = _arb_vec_init(MOST);
    arb_t sum, factor;
    arb_init(sum);
    arb_init(factor);
    for (int round = 0; round < 60; round++) {
        double span = round % 3 ? 4 : 500;
        struct lip_fixed x, y;
        struct lip_sums sums;
        make(&x, truth, limbs, span, &state);
        ck_assert_int_eq(lip_fixed_new(&y, 1, limbs, NULL), LIP_OK);
        ck_assert_int_eq(lip_sums_new(&sums, 1, limbs, NULL), LIP_OK);
        double weight[MOST], bias = any_number(&state, span), widths = 0;
        int top_w = -1080, e = -1080;
        for (size_t k = 0; k < MOST; k++) {
            weight[k] = any_number(&state, span);
            if (weight[k] != 0)
                frexp(weight[k], &e);
            top_w = e > top_w ? e : top_w;
        }
        long top = lip_fixed_top(&x);
        top = top == LONG_MIN ? -1080 : top + top_w;
        if (bias != 0)
            frexp(bias, &e);
        top = bias != 0 && e > top ? e : top;
        lip_sums_begin(&sums, 1, limbs, top);
        arb_set_d(sum, bias);
        lip_sums_term(&sums, 0, bias);
        for (size_t k = 0; k < MOST; k++) {
            lip_sums_product(&sums, 0, weight[k], &x, k);
            arb_set_d(factor, weight[k]);
            arb_addmul(sum, factor, truth + k, PREC);
            widths += fabs(weight[k]) * ldexp(x.radius[k], (int)x.exponent);
        }
        lip_fixed_take(&y, 1, &sums, MOST + 1);
        double distance = off(&y, 0, sum);
        ck_assert_msg(distance <= y.radius[0], "%zu limbs: %g off, radius %g",
                      limbs, distance, y.radius[0]);
        double fair = ldexp(widths, (int)-y.exponent);
        ck_assert_double_le(y.radius[0], fair * (1 + 1e-12) + 12);
        lip_sums_clear(&sums);
        lip_fixed_clear(&x);
        lip_fixed_clear(&y);
    }
    arb_clear(sum);
    arb_clear(factor);
    _arb_vec_clear(truth, MOST);
}
END_TEST

START_TEST(comparison_is_exact)
{
    uint64_t state = seed + 200 + (uint64_t)_i;
    size_t limbs = 1 + (size_t)_i % 4;
    arb_ptr truth = _arb_vec_init(MOST);
    arb_t x_k, y_k;
    arb_init(x_k);
    arb_init(y_k);
    for (int round = 0; round < 100; round++) {
        struct lip_fixed x;
        make(&x, truth, limbs, 3, &state);
        for (size_t k = 0; k < MOST; k++) {
            stored(x_k, &x, k);
            /* The nearest double, its neighbours, and any other number. */
            double near = arf_get_d(arb_midref(x_k), ARF_RND_NEAR);
            double y[] = {near,  nextafter(near, 9),    nextafter(near, -9),
                          -near, any_number(&state, 3), 0};
            for (size_t i = 0; i < sizeof y / sizeof *y; i++) {
                arb_set_d(y_k, y[i]);
                arb_sub(y_k, x_k, y_k, PREC);
                int sign = arf_sgn(arb_midref(y_k));
                ck_assert_int_eq(lip_fixed_compare(&x, k, y[i]), sign);
            }
        }
        lip_fixed_clear(&x);
    }
    arb_clear(x_k);
    arb_clear(y_k);
    _arb_vec_clear(truth, MOST);
}
END_TEST

START_TEST(doubles_enclose)
{
    uint64_t state = seed + 300 + (uint64_t)_i;
    size_t limbs = 1 + (size_t)_i % LIP_FIXED_LIMBS;
    arb_ptr truth = _arb_vec_init(MOST);
    arb_t d, bound;
    arb_init(d);
    arb_init(bound);
    for (int round = 0; round < 60; round++) {
        struct lip_fixed x;
        make(&x, truth, limbs, round % 2 ? 3 : 1000, &state);
        for (size_t k = 0; k < MOST; k++) {
            double error, near = lip_fixed_double(&x, k, &error);
            arb_set_d(d, near);
            arb_sub(d, d, truth + k, PREC);
            arb_abs(d, d);
            arb_set_d(bound, error);
            ck_assert_msg(arb_le(d, bound), "%a +- %a", near, error);
            if (round % 2 && limbs > 1)
                ck_assert_double_le(
                    error, fabs(near) * 0x1p-51 + 0x1p-1000 +
                               1.01 * ldexp(x.radius[k], (int)x.exponent));
        }
        lip_fixed_clear(&x);
    }
    arb_clear(d);
    arb_clear(bound);
    _arb_vec_clear(truth, MOST);
}
END_TEST

/* From below, and close to it. */
START_TEST(distances_are_below)
{
    uint64_t state = seed + 400 + (uint64_t)_i;
    size_t limbs = 1 + (size_t)_i % LIP_FIXED_LIMBS;
    arb_ptr a = _arb_vec_init(MOST), b = _arb_vec_init(MOST);
    arb_t d, low;
    arb_init(d);
    arb_init(low);
    for (int round = 0; round < 60; round++) {
        struct lip_fixed x, y;
        make(&x, a, limbs, round % 2 ? 3 : 600, &state);
        make(&y, b, limbs, round % 2 ? 3 : 600, &state);
        for (size_t k = 0; k < MOST; k++) {
            double m;
            long e = lip_fixed_apart(&m, &x, &y, k);
            arb_sub(d, a + k, b + k, PREC);
            arb_abs(d, d);
            arb_set_d(low, m);
            arb_mul_2exp_si(low, low, e);
            ck_assert(m >= 0 && arb_le(low, d));
            long top = x.exponent > y.exponent ? x.exponent : y.exponent;
            double unit = ldexp(x.radius[k], (int)(x.exponent - top)) +
                          ldexp(y.radius[k], (int)(y.exponent - top)) + 4;
            arb_sub(d, d, low, PREC);
            arb_mul_2exp_si(d, d, -top);
            double lost = arf_get_d(arb_midref(d), ARF_RND_UP);
            arb_mul_2exp_si(low, low, -top);
            double size = arf_get_d(arb_midref(low), ARF_RND_UP);
            ck_assert_double_le(lost, 2 * unit + size * 0x1p-50);
        }
        lip_fixed_clear(&x);
        lip_fixed_clear(&y);
    }
    arb_clear(d);
    arb_clear(low);
    _arb_vec_clear(a, MOST);
    _arb_vec_clear(b, MOST);
}
END_TEST

/* Where leading bits cancel, what was cut off counts. */
START_TEST(cancellation)
{
    struct lip_fixed x, y;
    struct lip_sums sums;
    ck_assert_int_eq(lip_fixed_new(&x, 1, 1, NULL), LIP_OK);
    ck_assert_int_eq(lip_fixed_new(&y, 1, 1, NULL), LIP_OK);
    ck_assert_int_eq(lip_sums_new(&sums, 1, 1, NULL), LIP_OK);
    lip_sums_begin(&sums, 1, 1, 60);
    lip_sums_term(&sums, 0, 1);
    lip_fixed_take(&x, 1, &sums, 1);
    ck_assert_double_eq(x.radius[0], 0); /* room for all its bits */
    for (int by_term = 0; by_term < 2; by_term++) {
        lip_sums_begin(&sums, 1, 1, 1);
        lip_sums_product(&sums, 0, 1, &x, 0);
        lip_sums_product(&sums, 0, -1, &x, 0);
        if (by_term)
            lip_sums_term(&sums, 0, 0x1p-300);
        else
            lip_sums_product(&sums, 0, 0x1p-200, &x, 0);
        lip_fixed_take(&y, 1, &sums, 3);
        arb_t truth;
        arb_init(truth);
        arb_set_d(truth, by_term ? 0x1p-300 : 0x1p-200);
        ck_assert_double_le(off(&y, 0, truth), y.radius[0]);
        arb_clear(truth);
    }
    lip_sums_clear(&sums);
    lip_fixed_clear(&x);
    lip_fixed_clear(&y);
}
END_TEST

/* Half a million additions of what has to carry through all limbs. */
START_TEST(carries_travel)
{
    struct lip_fixed x, y;
    struct lip_sums sums;
    ck_assert_int_eq(lip_fixed_new(&x, 1, 3, NULL), LIP_OK);
    ck_assert_int_eq(lip_fixed_new(&y, 1, 3, NULL), LIP_OK);
    ck_assert_int_eq(lip_sums_new(&sums, 1, 3, NULL), LIP_OK);
    lip_sums_begin(&sums, 1, 3, 1);
    lip_sums_term(&sums, 0, 1 - 0x1p-53);
    lip_fixed_take(&x, 1, &sums, 1);
    lip_sums_begin(&sums, 1, 3, 1);
    for (int i = 0; i < 500000; i++)
        lip_sums_product(&sums, 0, -(1 - 0x1p-53), &x, 0);
    lip_fixed_take(&y, 1, &sums, 500000);
    arb_t truth;
    arb_init(truth);
    arb_set_d(truth, 1 - 0x1p-53);
    arb_mul(truth, truth, truth, PREC);
    arb_mul_si(truth, truth, -500000, PREC);
    ck_assert_double_le(off(&y, 0, truth), y.radius[0]);
    ck_assert_double_le(y.radius[0], 500001);
    arb_clear(truth);
    lip_sums_clear(&sums);
    lip_fixed_clear(&x);
    lip_fixed_clear(&y);
}
END_TEST

START_TEST(memory_may_run_out)
{
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_fixed x;
    struct lip_sums sums;
    lip_budget_init(&budget, 0);
    for (long n = 0; n < 3; n++) {
        atomic_store(&budget.fail_after, n);
        ck_assert_int_eq(lip_fixed_new(&x, 5, 2, &ctx), LIP_NO_MEMORY);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
    for (long n = 0; n < 2; n++) {
        atomic_store(&budget.fail_after, n);
        ck_assert_int_eq(lip_sums_new(&sums, 5, 2, &ctx), LIP_NO_MEMORY);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
}
END_TEST

int main(void)
{
    printf("seed %llu\n", (unsigned long long)seed);
    Suite *suite = suite_create("certify/fixed");
    TCase *tc = tcase_create("fixed");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, terms_are_enclosed, 0, 12);
    tcase_add_loop_test(tc, products_are_enclosed, 0, 12);
    tcase_add_loop_test(tc, comparison_is_exact, 0, 4);
    tcase_add_loop_test(tc, doubles_enclose, 0, 12);
    tcase_add_loop_test(tc, distances_are_below, 0, 12);
    tcase_add_test(tc, cancellation);
    tcase_add_test(tc, carries_travel);
    tcase_add_test(tc, memory_may_run_out);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
