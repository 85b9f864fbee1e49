/* SPDX-License-Identifier: MIT
 *
 * Scalars rounded to a side: on the right side of the exact result for all
 * kinds of numbers, and no further than two units in the last place. */
#include "linalg/rounding.h"

#include "linalg/random.h"
#include "tests/support/suite.h"

#include <arb.h>
#include <stdbool.h>

enum { PREC = 4400 };

/* Sizes from subnormal to huge, with few and with many digits. */
static double number(uint64_t *state)
{
    uint64_t bits = lip_random_next(state);
    double m = (double)(bits >> (11 + bits % 40)) + 1;
    switch (bits % 7) {
    case 0:
        return 0;
    case 1:
        return ldexp(m, -1074);
    case 2:
        return ldexp(m, -1021 - (int)(bits >> 20) % 60);
    case 3:
        return ldexp(m, 900 + (int)(bits >> 20) % 60);
    default:
        return ldexp(m, (int)(bits >> 20) % 100 - 80);
    }
}

/* side > 0: got >= exact and the double two below is not; < 0: the mirror. */
static void check(double got, const arb_t exact, int side, const char *what,
                  double a, double b)
{
    arb_t x;
    arb_init(x);
    ck_assert_msg(!isnan(got), "%s of %a and %a", what, a, b);
    arb_set_d(x, got);
    bool right = side > 0 ? arb_ge(x, exact) : arb_le(x, exact);
    ck_assert_msg(right, "%s of %a and %a is %a", what, a, b, got);
    double inner = got;
    for (int k = 0; k < 3; k++)
        inner = nextafter(inner, side > 0 ? -INFINITY : INFINITY);
    arb_set_d(x, inner);
    bool near = side > 0 ? arb_lt(x, exact) : arb_gt(x, exact);
    ck_assert_msg(near || got == INFINITY, "%s of %a and %a is far, %a", what,
                  a, b, got);
    arb_clear(x);
}

START_TEST(right_side_and_near)
{
    uint64_t state = 1;
    arb_t a, b, exact;
    arb_init(a);
    arb_init(b);
    arb_init(exact);
    for (int k = 0; k < 20000; k++) {
        double x = number(&state), y = number(&state);
        arb_set_d(a, x);
        arb_set_d(b, y);
        arb_add(exact, a, b, PREC);
        check(lip_add_up(x, y), exact, 1, "sum", x, y);
        arb_mul(exact, a, b, PREC);
        check(lip_mul_up(x, y), exact, 1, "product up", x, y);
        check(lip_mul_down(x, y), exact, -1, "product down", x, y);
        arb_sqrt(exact, a, PREC);
        check(lip_sqrt_up(x), exact, 1, "root up", x, 0);
        check(lip_sqrt_down(x), exact, -1, "root down", x, 0);
        if (y == 0)
            continue;
        arb_div(exact, a, b, PREC);
        check(lip_div_up(x, y), exact, 1, "quotient up", x, y);
        if (x / y < INFINITY)
            check(lip_div_down(x, y), exact, -1, "quotient down", x, y);
    }
    arb_clear(a);
    arb_clear(b);
    arb_clear(exact);
}
END_TEST

START_TEST(overflow_upward_is_infinity)
{
    ck_assert(isinf(lip_mul_up(1e200, 1e200)));
    ck_assert(isinf(lip_add_up(1.7e308, 1.7e308)));
    ck_assert_double_ge(lip_up(0), 0x1p-1074);
    ck_assert_double_eq(lip_down(0), 0);
    ck_assert_double_eq(lip_mul_down(0, 5), 0);
}
END_TEST

/* gamma_k >= k u / (1 - k u), and (1 + u)^k <= 1 + gamma_k. */
START_TEST(gamma_is_an_upper_bound)
{
    arb_t exact, u;
    arb_init(exact);
    arb_init(u);
    for (size_t k = 1; k < (size_t)1 << 49; k = k * 3 + 1) {
        arb_set_ui(u, k);
        arb_mul_2exp_si(u, u, -53);
        arb_sub_ui(exact, u, 1, PREC);
        arb_neg(exact, exact);
        arb_div(exact, u, exact, PREC);
        check(lip_gamma(k), exact, 1, "gamma", (double)k, 0);
        if (k > 5000)
            continue;
        arb_set_ui(u, 1);
        arb_mul_2exp_si(u, u, -53);
        arb_add_ui(u, u, 1, PREC);
        arb_pow_ui(exact, u, k, PREC);
        arb_sub_ui(exact, exact, 1, PREC);
        arb_set_d(u, lip_gamma(k));
        ck_assert(arb_ge(u, exact));
    }
    arb_clear(exact);
    arb_clear(u);
}
END_TEST

/* A sum of k terms that rounds down at every step is still covered. */
START_TEST(inflate_covers_the_worst_sum)
{
    for (int terms = 2; terms < 300; terms++) {
        arb_t exact, x;
        arb_init(exact);
        arb_init(x);
        double sum = 1;
        arb_set_ui(exact, 1);
        for (int k = 1; k < terms; k++) {
            double term = 0x1p-53; /* a tie: goes to even, down */
            sum += term;
            arb_set_d(x, term);
            arb_add(exact, exact, x, PREC);
        }
        ck_assert_double_eq(sum, 1);
        arb_set_d(x, lip_inflate(sum, (size_t)terms));
        ck_assert(arb_ge(x, exact));
        ck_assert_double_le(lip_inflate(sum, (size_t)terms) - 1,
                            (terms + 3) * 0x1p-52);
        arb_clear(exact);
        arb_clear(x);
    }
    ck_assert_double_gt(lip_inflate(0, 5), 0);
    ck_assert_double_le(lip_inflate(0, 5), 0x1p-999);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/rounding");
    TCase *tc = tcase_create("rounding");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, right_side_and_near);
    tcase_add_test(tc, overflow_upward_is_infinity);
    tcase_add_test(tc, gamma_is_an_upper_bound);
    tcase_add_test(tc, inflate_covers_the_worst_sum);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
