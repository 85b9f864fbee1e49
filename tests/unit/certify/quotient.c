/* SPDX-License-Identifier: MIT
 *
 * The quotient of a pair against ball arithmetic: never above, and close to it
 * with enough limbs, in all nine norm pairs. */
#include "certify/quotient.h"

#include "certify/fixed.h"
#include "tests/support/exact_network.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PREC = 4000 };

static const uint64_t seed = 20260714;
static struct lip_ctx none;

static double quotient(const struct lip_network *network, const double *x,
                       const double *y, struct lip_norm_pair norm, size_t limbs)
{
    struct lip_stages *stages;
    double value;
    ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
    ck_assert_int_eq(
        lip_quotient(&value, NULL, stages, x, y, norm, limbs, &none), LIP_OK);
    lip_stages_free(stages);
    return value;
}

/* 1 - value / truth, which must not be negative. */
static double shortfall(const struct lip_network *network, const double *x,
                        const double *y, struct lip_norm_pair norm,
                        size_t limbs)
{
    double value = quotient(network, x, y, norm, limbs);
    arb_t truth, bound;
    arb_init(truth);
    arb_init(bound);
    exact_quotient(truth, network, x, y, norm, PREC);
    arb_set_d(bound, value);
    ck_assert_msg(arb_le(bound, truth), "%s->%s: %.17g above %.17g",
                  lip_norm_name(norm.input), lip_norm_name(norm.output), value,
                  arf_get_d(arb_midref(truth), ARF_RND_NEAR));
    double short_by = 1;
    if (value > 0) {
        arb_div(bound, bound, truth, PREC);
        short_by = 1 - arf_get_d(arb_midref(bound), ARF_RND_DOWN);
    } else if (arb_contains_zero(truth)) {
        short_by = 0;
    }
    arb_clear(truth);
    arb_clear(bound);
    return short_by;
}

START_TEST(never_above_and_close)
{
    const struct lip_activation *phi = lip_activations[_i];
    uint64_t state = seed + (uint64_t)_i;
    for (int round = 0; round < 27; round++) {
        struct plain net;
        plain_random(&net, phi->name, (size_t[]){3, 6, 5, 4}, 3,
                     seed + (uint64_t)round);
        struct lip_network *network = plain_network(&net, &none);
        double x[3], y[3], apart = exp2(plain_uniform(&state, -18, 2));
        for (int k = 0; k < 3; k++) {
            x[k] = plain_normal(&state);
            y[k] = x[k] + apart * plain_normal(&state);
        }
        double lost = shortfall(network, x, y, nth_pair(round % 9), 3);
        ck_assert_double_le(lost, phi->pieces ? 1e-14 : 1e-4);
        shortfall(network, x, y, nth_pair(round % 9), 1);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

/* One step in the last place apart: limbs make up for the cancellation. */
START_TEST(neighbours)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){3, 6, 5, 4}, 3, seed);
    struct lip_network *network = plain_network(&net, &none);
    double x[] = {1, 2, 3}, y[] = {nextafter(1, 2), 2, nextafter(3, 2)};
    for (int p = 0; p < 9; p++) {
        shortfall(network, x, y, nth_pair(p), 1);
        ck_assert_double_le(shortfall(network, x, y, nth_pair(p), 3), 1e-14);
        ck_assert_double_eq(quotient(network, x, x, nth_pair(p), 2), 0);
    }
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

/* f(x) = a b x: exact where it is a double, cut to the range of doubles. */
START_TEST(extremes)
{
    static const struct {
        double a, b, x, want;
    } row[] = {{3, 0.25, 1, 0.75},
               {1e300, 1e300, 1, DBL_MAX},
               {1e-200, 1e-200, 1, 0},
               {1e300, 1e-300, 1e300, 1},
               {1e-300, 1e300, 5e-324, 1},
               {5e-324, 1, 1, 5e-324},
               {5e-324, 1, 1e300, 5e-324},
               {DBL_MAX, 1, DBL_MAX, DBL_MAX},
               {0x1p-1060, 1.5, 1, 0x1.8p-1060},
               {0, 1, 1, 0},
               {5e-324, 0.75, 1, 0},
               {5e-324, 1.75, 1, 5e-324}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct plain net;
        plain_zero(&net, "identity", (size_t[]){1, 1, 1}, 2);
        *net.weight[0] = row[i].a;
        *net.weight[1] = row[i].b;
        struct lip_network *network = plain_network(&net, &none);
        double x = row[i].x, y = 0;
        for (int p = 0; p < 9; p++) {
            double value = quotient(network, &x, &y, nth_pair(p), 2);
            ck_assert_double_le(value, row[i].want);
            ck_assert_double_ge(value, row[i].want * (1 - 1e-15) - 0x1p-1074);
            shortfall(network, &x, &y, nth_pair(p), 2);
        }
        x = DBL_MAX, y = -DBL_MAX; /* too far apart to be measured */
        ck_assert_double_eq(quotient(network, &x, &y, nth_pair(4), 2), 0);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

/* Entries that differ by the whole range of doubles. */
START_TEST(spread_entries)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){4, 5, 4}, 2, seed);
    for (int k = 0; k < 5; k++) {
        net.weight[1][k] *= 1e-300;
        net.weight[1][5 + k] *= 1e300;
    }
    struct lip_network *network = plain_network(&net, &none);
    double x[] = {1e-300, 1e-10, 1, 1e150}, y[] = {2e-300, 2e-10, -3, 2e150};
    for (int p = 0; p < 9; p++)
        ck_assert_double_le(shortfall(network, x, y, nth_pair(p), 12), 1e-13);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

START_TEST(slack_tells_when_limbs_would_help)
{
    struct plain net;
    size_t width[22];
    for (int i = 0; i < 22; i++)
        width[i] = 16;
    plain_random(&net, "relu", width, 21, seed);
    struct lip_network *network = plain_network(&net, &none);
    struct lip_stages *stages;
    double x[16], y[16], value, slack;
    uint64_t state = seed;
    for (int k = 0; k < 16; k++) {
        x[k] = plain_normal(&state);
        y[k] = x[k] + 1e-3 * plain_normal(&state);
    }
    ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
    ck_assert_int_eq(
        lip_quotient(&value, &slack, stages, x, y, PAIR_22, 1, &none), LIP_OK);
    printf("1 limb: %g, slack %g\n", value, slack);
    ck_assert_double_gt(slack, 1e-3);
    ck_assert_int_eq(
        lip_quotient(&value, &slack, stages, x, y, PAIR_22, 8, &none), LIP_OK);
    printf("8 limbs: %g, slack %g\n", value, slack);
    ck_assert_double_lt(slack, 1e-12);
    ck_assert_double_gt(value, 0);
    ck_assert_double_le(shortfall(network, x, y, PAIR_22, 8), 1e-12);
    lip_stages_free(stages);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){3, 40, 4}, 2, seed);
    struct lip_network *network = plain_network(&net, &none);
    struct lip_stages *stages;
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    enum lip_status status = LIP_NO_MEMORY;
    double x[] = {1, 2, 3}, y[] = {1, 2, 4}, value;
    lip_budget_init(&budget, 0);
    ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
    long n = 0;
    for (; status != LIP_OK; n++) {
        lip_error_clear(&ctx);
        atomic_store(&budget.fail_after, n);
        status = lip_quotient(&value, NULL, stages, x, y, PAIR_22,
                              LIP_FIXED_LIMBS, &ctx);
        ck_assert(status == LIP_OK || status == LIP_NO_MEMORY);
        ck_assert(status == LIP_OK || value == 0);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
    ck_assert_int_ge((int)n, 10);
    ck_assert_double_le((double)atomic_load(&budget.peak),
                        lip_quotient_bytes(network));
    lip_stages_free(stages);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

int main(void)
{
    int count = 0;
    while (lip_activations[count])
        count++;
    printf("seed %llu\n", (unsigned long long)seed);
    Suite *suite = suite_create("certify/quotient");
    TCase *tc = tcase_create("quotient");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, never_above_and_close, 0, count);
    tcase_add_test(tc, neighbours);
    tcase_add_test(tc, extremes);
    tcase_add_test(tc, spread_entries);
    tcase_add_test(tc, slack_tells_when_limbs_would_help);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
