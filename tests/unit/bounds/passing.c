/* SPDX-License-Identifier: MIT
 *
 * What passes a layer has no multiplier: the recursion's value is the limit of
 * those with ever larger ones, and, where all slopes are 1, a matrix norm. */
#include "bounds/passing.h"

#include "bounds/multipliers.h"
#include "tests/support/drawn.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"
#include "tests/support/unrolled.h"

#include <math.h>
#include <stdio.h>

static double pass(const struct lip_chain *chain, double own, double passing)
{
    struct lip_recursion rec;
    struct lip_multipliers m;
    struct lip_big value = {0, 0};
    bool feasible;
    ck_assert_int_eq(lip_recursion_new(&rec, chain, NULL), LIP_OK);
    ck_assert_int_eq(lip_multipliers_new(&m, chain, NULL), LIP_OK);
    for (size_t i = 0; i < m.layers; i++)
        for (size_t k = 0; k < lip_chain_width(chain, i + 1); k++)
            m.lambda[i][k] = chain->slopes[i][k].lo == 1 ? passing : own;
    ck_assert_int_eq(lip_multipliers_pass(&value, &feasible, &rec, &m), LIP_OK);
    lip_multipliers_clear(&m);
    lip_recursion_clear(&rec);
    return feasible ? lip_big_double(value) : NAN;
}

START_TEST(the_limit_of_large_multipliers)
{
    uint64_t seed = 30;
    int proven = 0;
    for (int t = 0; t < 20; t++) {
        struct lip_network *network =
            drawn_residual(&seed, t % 2 ? "relu" : "leaky-relu", 5, 4, 6,
                           1 + (size_t)t % 3, 2, 0.7, NULL);
        struct lip_chain *chain = unrolled_chain(network, NULL);
        double own = 0.05, limit = pass(chain, own, 1), last = INFINITY;
        proven += isfinite(limit);
        for (size_t i = 0; isfinite(limit) && i + 1 < chain->count; i++)
            chain->gap[i].passes = 0;
        for (double large = 1e2; isfinite(limit) && large < 1e7; large *= 10) {
            double value = pass(chain, own, large);
            if (isnan(value))
                continue;
            ck_assert_double_ge(value, limit * (1 - 1e-9));
            last = fmin(last, value); /* rounding ends the descent */
        }
        if (isfinite(limit))
            ck_assert_double_le(last, limit * 1.02);
        lip_chain_free(chain);
        lip_network_free(network);
    }
    ck_assert_int_ge(proven, 10);
}
END_TEST

/* With no slope to choose, nothing is lost: |W2 (W1 x; x)| is a norm. */
START_TEST(nothing_to_choose)
{
    uint64_t seed = 31;
    struct lip_network *network =
        drawn_residual(&seed, "relu", 4, 5, 6, 2, 3, 1, NULL);
    struct lip_chain *chain = unrolled_chain(network, NULL);
    for (size_t i = 0; i + 1 < chain->count; i++)
        for (size_t k = 0; k < lip_chain_width(chain, i + 1); k++)
            chain->slopes[i][k] = (struct lip_slopes){1, 1};
    double norm = bound_of("midpoint", chain, PAIR_22);
    for (size_t i = 0; i + 2 < chain->count; i++)
        chain->gap[i].passes = lip_chain_width(chain, i + 1) - 1;
    ck_assert_double_le(norm, pass(chain, 1, 1e4) * (1 + 1e-9));
    ck_assert_double_eq_tol(pass(chain, 1, 1e4), norm, 1e-2 * norm);
    lip_chain_free(chain);
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/passing");
    TCase *tc = tcase_create("passing");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_limit_of_large_multipliers);
    tcase_add_test(tc, nothing_to_choose);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
