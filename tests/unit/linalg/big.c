/* SPDX-License-Identifier: MIT
 *
 * Numbers with a wide exponent: every operation is on the upper side of the
 * exact result and within rounding, and so is the way back to a double. */
#include "linalg/big.h"

#include "linalg/random.h"
#include "tests/support/suite.h"

#include <arb.h>
#include <stdbool.h>

enum { PREC = 400 };

static struct lip_big number(uint64_t *state)
{
    uint64_t bits = lip_random_next(state);
    if (bits % 17 == 0)
        return (struct lip_big){0, 0};
    long range = bits % 3 == 0 ? 4 : bits % 3 == 1 ? 1100 : 1000000;
    long e = (long)(lip_random_next(state) % (2 * (uint64_t)range)) - range;
    return lip_big_make((double)(bits >> 11) * 0x1p-53, e);
}

static void exactly(arb_t out, struct lip_big a)
{
    arb_set_d(out, a.m);
    arb_mul_2exp_si(out, out, a.e);
}

static void check(struct lip_big got, const arb_t exact, double tolerance)
{
    arb_t x, most;
    arb_init(x);
    arb_init(most);
    ck_assert(got.m == 0 || (got.m >= 0.5 && got.m < 1));
    exactly(x, got);
    ck_assert(arb_ge(x, exact));
    arb_set_d(most, 1 + tolerance);
    arb_mul(most, most, exact, PREC);
    ck_assert(arb_le(x, most));
    arb_clear(x);
    arb_clear(most);
}

START_TEST(operations_round_up)
{
    uint64_t state = 1;
    arb_t a, b, exact;
    arb_init(a);
    arb_init(b);
    arb_init(exact);
    for (int k = 0; k < 20000; k++) {
        struct lip_big x = number(&state), y = number(&state);
        exactly(a, x);
        exactly(b, y);
        arb_mul(exact, a, b, PREC);
        check(lip_big_mul(x, y), exact, 4e-16);
        arb_set_round(exact, a, PREC);
        arb_add(exact, exact, b, PREC);
        check(lip_big_add(x, y), exact, 7e-16);
        arb_sqrt(exact, a, PREC);
        check(lip_big_sqrt(x), exact, 4e-16);
        ck_assert(!!lip_big_less(x, y) == !!arb_lt(a, b));
        struct lip_big least = lip_big_min(x, y);
        exactly(exact, least);
        ck_assert(arb_le(exact, a) && arb_le(exact, b));
        ck_assert(arb_eq(exact, a) || arb_eq(exact, b));
    }
    arb_clear(a);
    arb_clear(b);
    arb_clear(exact);
}
END_TEST

/* The nearest double that is not below. */
START_TEST(back_to_a_double)
{
    uint64_t state = 2;
    arb_t exact, x;
    arb_init(exact);
    arb_init(x);
    for (int k = 0; k < 50000; k++) {
        uint64_t bits = lip_random_next(&state);
        struct lip_big a =
            lip_big_make((double)(bits >> 11) * 0x1p-53,
                         (long)(bits % 2 ? bits % 90 : bits % 2300) - 1120);
        double got = lip_big_double(a);
        exactly(exact, a);
        if (got == INFINITY) {
            ck_assert_int_ge(a.e, 1025);
            continue;
        }
        arb_set_d(x, got);
        ck_assert(arb_ge(x, exact));
        if (got > 0) {
            arb_set_d(x, nextafter(got, 0));
            ck_assert(arb_lt(x, exact));
        }
    }
    ck_assert_double_eq(lip_big_double(lip_big_make(0, 0)), 0);
    ck_assert_double_eq(lip_big_double(lip_big_make(1, -2000)), 0x1p-1074);
    ck_assert_double_eq(lip_big_double(lip_big_make(1, -1074)), 0x1p-1074);
    ck_assert_double_eq(lip_big_double(lip_big_make(1, 1023)), 0x1p1023);
    ck_assert(isinf(lip_big_double(lip_big_make(1, 1024))));
    ck_assert(isinf(lip_big_double(lip_big_make(1, 1000000))));
    ck_assert_double_eq(lip_big_double(lip_big_make(1.7976931348623157e308, 0)),
                        1.7976931348623157e308);
    arb_clear(exact);
    arb_clear(x);
}
END_TEST

/* What is no number never becomes one. */
START_TEST(nan_and_infinity_stay)
{
    ck_assert(!isfinite(lip_big_double(lip_big_make(INFINITY, 0))));
    ck_assert(!isfinite(lip_big_double(lip_big_make(NAN, 0))));
    struct lip_big bad = lip_big_make(NAN, 0), one = lip_big_make(1, 0);
    ck_assert(!isfinite(lip_big_double(lip_big_mul(bad, one))));
    ck_assert(!isfinite(lip_big_double(lip_big_add(one, bad))));
    ck_assert(!isfinite(lip_big_double(lip_big_sqrt(bad))));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/big");
    TCase *tc = tcase_create("big");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, operations_round_up);
    tcase_add_test(tc, back_to_a_double);
    tcase_add_test(tc, nan_and_infinity_stay);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
