/* SPDX-License-Identifier: MIT
 *
 * Absolute weights by layers: exact on non-negative networks, the rules for
 * sums and pools, never below what is attained. */
#include "bounds/absolute_layers.h"

#include "tests/support/graph.h"
#include "tests/support/grown_graph.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>

static struct lip_ctx none;

static double value_of(const struct lip_network *network,
                       struct lip_norm_pair pair)
{
    double value;
    enum lip_status s = lip_absolute_layers(&value, network, pair, &none);
    ck_assert_msg(s == LIP_OK, "%s", none.error.detail);
    return value;
}

#define INF_INF ((struct lip_norm_pair){LIP_NORM_INF, LIP_NORM_INF})
#define ONE_ONE ((struct lip_norm_pair){LIP_NORM_1, LIP_NORM_1})

#define assert_close(value, expected)                                          \
    do {                                                                       \
        ck_assert_double_ge(value, expected);                                  \
        ck_assert_double_le(value, (expected) * (1 + 1e-12));                  \
    } while (0)

/* x + relu(W x) with W = [1 2; 3 4], then [1 1]: B = [1 1] (I + W) = [5 7]. */
START_TEST(sums_of_paths)
{
    static const double w[] = {1, 2, 3, 4}, ones[] = {1, 1};
    size_t both[] = {0, 2};
    struct lip_layer layer[] = {
        make_reshape((long[]){2, 0}),
        make_dense(2, 2, w, NULL, &none),
        make_activation("relu"),
        make_kind(&lip_layer_add),
        make_dense(1, 2, ones, NULL, &none),
    };
    struct lip_network *network;
    take_from(&layer[3], 2, both, &none);
    ck_assert_int_eq(make_network(&network, layer, 5, &none), LIP_OK);
    assert_close(value_of(network, INF_INF), 12);
    assert_close(value_of(network, ONE_ONE), 7);
    assert_close(
        value_of(network, (struct lip_norm_pair){LIP_NORM_2, LIP_NORM_1}),
        sqrt(74) * (1 - 1e-15));
    lip_network_free(network);
}
END_TEST

/* The largest of windows of two that overlap, of |3 x|: 3 in inf; in 1 each
 * inner number is in two windows. */
START_TEST(pools)
{
    static const size_t dim[] = {1, 1, 1, 0};
    static const double three[] = {3};
    struct lip_layer layer[] = {
        make_reshape((long[]){1, 4, 0}),
        make_conv(dim, three, NULL, &none),
        make_activation("abs"),
        make_kind(&lip_layer_max_pool),
    };
    struct lip_network *network;
    set(&layer[3], "kernel", 1, (long[]){2});
    set(&layer[3], "stride", 1, (long[]){1});
    enum lip_status s = make_network(&network, layer, 4, &none);
    ck_assert_msg(s == LIP_OK, "%s", none.error.detail);
    assert_close(value_of(network, INF_INF), 3);
    assert_close(value_of(network, ONE_ONE), 6);
    lip_network_free(network);
}
END_TEST

/* An infinite number must not be lost in 0 times infinity. */
START_TEST(overflow_is_no_bound)
{
    static const double huge[] = {1e300, 0, 0, 1e300}, cross[] = {0, 1, 1, 0};
    struct lip_layer layer[] = {
        make_reshape((long[]){2, 0}), make_dense(2, 2, huge, NULL, &none),
        make_activation("relu"),      make_dense(2, 2, huge, NULL, &none),
        make_activation("relu"),      make_dense(2, 2, cross, NULL, &none),
    };
    struct lip_network *network;
    struct lip_ctx ctx = {0};
    double value = 0;
    ck_assert_int_eq(make_network(&network, layer, 6, &none), LIP_OK);
    ck_assert_int_eq(lip_absolute_layers(&value, network, INF_INF, &ctx),
                     LIP_UNPROVEN);
    lip_error_clear(&ctx);
    ck_assert_int_eq(lip_absolute_layers(&value, network, ONE_ONE, &ctx),
                     LIP_UNPROVEN);
    lip_network_free(network);
}
END_TEST

/* 2 1e-200 1e-200 1e300, past what doubles hold, and 1e-170, whose square is
 * past it: nothing is zero that only underflows. */
START_TEST(underflow_is_not_zero)
{
    static const double factor[][3] = {{2e-200, 1e-200, 1e300}, {1e-170, 1, 1}};
    for (int i = 0; i < 2; i++) {
        struct lip_layer layer[3];
        struct lip_network *network;
        for (int k = 0; k < 3; k++)
            layer[k] = make_dense(1, 1, &factor[i][k], NULL, &none);
        ck_assert_int_eq(make_network(&network, layer, 3, &none), LIP_OK);
        for (int k = 0; k < 9; k++)
            if (lip_absolute_layers_knows(nth_pair(k)))
                ck_assert_double_ge(value_of(network, nth_pair(k)),
                                    i ? 1e-170 : 1.9e-100);
        lip_network_free(network);
    }
}
END_TEST

START_TEST(never_below_what_is_attained)
{
    uint64_t seed = 2026;
    double closest = INFINITY;
    for (int k = 0; k < 200; k++) {
        double attained[9];
        struct lip_network *network =
            grown_graph(&seed, 3 + (size_t)k % 12, true, &none);
        attained_in_pairs(attained, network, 6, seed);
        for (int p = 0; p < 9; p++) {
            struct lip_norm_pair pair = nth_pair(p);
            if (!lip_absolute_layers_knows(pair))
                continue;
            double value = value_of(network, pair);
            ck_assert_msg(value >= attained[p] * (1 - 1e-5) - 1e-9,
                          "graph %d, pair %d: %g < %g", k, p, value,
                          attained[p]);
            if (pair.input == pair.output)
                closest = fmin(closest, value / attained[p]);
        }
        lip_network_free(network);
    }
    ck_assert_double_le(closest, 1.2);
}
END_TEST

START_TEST(memory_that_runs_out)
{
    uint64_t seed = 8;
    struct lip_network *network = grown_graph(&seed, 9, false, &none);
    for (long n = 0;; n++) {
        struct lip_budget budget;
        struct lip_ctx ctx = {.budget = &budget};
        double value;
        lip_budget_init(&budget, 0);
        budget.fail_after = n;
        enum lip_status s = lip_absolute_layers(&value, network, INF_INF, &ctx);
        ck_assert_uint_eq(budget.used, 0);
        if (s == LIP_OK)
            break;
        ck_assert_int_eq(s, LIP_NO_MEMORY);
    }
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("absolute_layers");
    TCase *tc = tcase_create("absolute_layers");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, sums_of_paths);
    tcase_add_test(tc, pools);
    tcase_add_test(tc, overflow_is_no_bound);
    tcase_add_test(tc, underflow_is_not_zero);
    tcase_add_test(tc, never_below_what_is_attained);
    tcase_add_test(tc, memory_that_runs_out);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
