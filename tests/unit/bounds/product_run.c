/* SPDX-License-Identifier: MIT
 *
 * Products over graphs as methods: any pair of norms, factors where asked for,
 * a sentence where a layer has no constant. */
#include "bounds/product.h"

#include "tests/support/attained.h"
#include "tests/support/graph.h"
#include "tests/support/grown_graph.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct lip_ctx none;

/* A chain that nothing was unrolled of, as very large networks have it. */
static struct lip_chain bare(const struct lip_network *network)
{
    return (struct lip_chain){.network = network,
                              .inputs = network->inputs,
                              .outputs = network->outputs};
}

static struct lip_bound run(const struct lip_network *network, const char *id,
                            struct lip_norm_pair pair, bool factors)
{
    struct lip_bound bound;
    struct lip_chain chain = bare(network);
    struct lip_bound_options options = {.norm = pair, .factors = factors};
    enum lip_status s =
        lip_method_run(&bound, lip_method_find(id), &chain, &options, &none);
    ck_assert_msg(s == LIP_OK, "%s", none.error.detail);
    return bound;
}

/* Never below the best Jacobian found, in every pair that has a norm. */
START_TEST(every_pair_is_an_upper_bound)
{
    uint64_t seed = 77;
    for (int k = 0; k < 60; k++) {
        double attained[9];
        struct lip_network *network =
            grown_graph(&seed, 3 + (size_t)k % 10, false, &none);
        attained_in_pairs(attained, network, 4, seed);
        for (int p = 0; p < 9; p++) {
            struct lip_bound bound = run(network, "naive", nth_pair(p), false);
            ck_assert_msg(!bound.skipped, "%s", bound.reason);
            ck_assert_ptr_null(bound.product);
            ck_assert_msg(bound.upper_bound >= attained[p] * (1 - 1e-5) - 1e-9,
                          "graph %d, pair %d: %g < %g", k, p, bound.upper_bound,
                          attained[p]);
        }
        lip_network_free(network);
    }
}
END_TEST

/* From 2 to inf the last matrix counts by its longest row: 5, not 7. */
START_TEST(the_last_map_goes_to_the_output_norm)
{
    static const double eye[] = {1, 0, 0, 1}, last[] = {3, 4, 4, -3, 3, 4};
    struct lip_layer layer[] = {
        make_reshape((long[]){2, 0}),
        make_dense(2, 2, eye, NULL, &none),
        make_activation("relu"),
        make_dense(3, 2, last, NULL, &none),
    };
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, 4, &none), LIP_OK);
    struct lip_norm_pair pair = {LIP_NORM_2, LIP_NORM_INF};
    struct lip_bound bound = run(network, "naive", pair, true);
    ck_assert_double_ge(bound.upper_bound, 5);
    ck_assert_double_le(bound.upper_bound, 5 * (1 + 1e-10));
    ck_assert_ptr_nonnull(bound.product);
    ck_assert_int_eq(bound.product->p, LIP_NORM_2);
    lip_bound_clear(&bound);
    ck_assert_ptr_null(bound.product);
    lip_network_free(network);
}
END_TEST

/* A kind that knows no constant: the reason names the layer. */
static double no_constant(const struct lip_layer *layer, enum lip_norm norm)
{
    (void)layer;
    (void)norm;
    return INFINITY;
}

START_TEST(a_layer_without_a_constant_is_named)
{
    static struct lip_layer_kind kind;
    static const double eye[] = {1, 0, 0, 1};
    kind = lip_layer_group_sort;
    kind.constant = no_constant;
    struct lip_layer layer[] = {
        make_reshape((long[]){2, 0}),
        make_dense(2, 2, eye, NULL, &none),
        {.kind = &kind, .name = "odd"},
    };
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, 3, &none), LIP_OK);
    struct lip_bound bound = run(network, "spectral", PAIR_22, true);
    ck_assert(bound.skipped);
    ck_assert_ptr_nonnull(strstr(bound.reason, "\"odd\""));
    ck_assert_ptr_null(bound.product);
    lip_network_free(network);
}
END_TEST

/* Whatever allocation fails, nothing is lost and nothing is wrong. */
START_TEST(memory_that_runs_out)
{
    uint64_t seed = 5;
    for (int k = 0; k < 4; k++) {
        struct lip_network *network = grown_graph(&seed, 9, false, &none);
        struct lip_chain chain = bare(network);
        struct lip_bound_options options = {.norm = nth_pair(2 + 2 * k),
                                            .factors = true};
        for (long n = 0;; n++) {
            struct lip_budget budget;
            struct lip_ctx ctx = {.budget = &budget};
            struct lip_bound bound;
            lip_budget_init(&budget, 0);
            budget.fail_after = n;
            enum lip_status s = lip_method_run(&bound, lip_method_find("naive"),
                                               &chain, &options, &ctx);
            ck_assert(s == LIP_OK || s == LIP_NO_MEMORY);
            lip_bound_clear(&bound);
            ck_assert_uint_eq(budget.used, 0);
            if (s == LIP_OK)
                break;
        }
        lip_network_free(network);
    }
}
END_TEST

static bool say_stop(void *arg, const struct lip_progress *progress)
{
    (void)progress;
    return --*(int *)arg > 0;
}

START_TEST(it_stops_when_told)
{
    uint64_t seed = 6;
    struct lip_network *network = grown_graph(&seed, 12, false, &none);
    struct lip_chain chain = bare(network);
    struct lip_bound_options options = {.norm = PAIR_22};
    for (int n = 1; n < 40; n++) {
        int left = n;
        struct lip_ctx ctx = {.progress = say_stop, .progress_arg = &left};
        struct lip_bound bound;
        enum lip_status s = lip_method_run(&bound, lip_method_find("spectral"),
                                           &chain, &options, &ctx);
        ck_assert_int_eq(s == LIP_CANCELLED, left <= 0);
    }
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("product_run");
    TCase *tc = tcase_create("product_run");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, every_pair_is_an_upper_bound);
    tcase_add_test(tc, the_last_map_goes_to_the_output_norm);
    tcase_add_test(tc, a_layer_without_a_constant_is_named);
    tcase_add_test(tc, memory_that_runs_out);
    tcase_add_test(tc, it_stops_when_told);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
