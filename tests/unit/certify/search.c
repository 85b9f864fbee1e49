/* SPDX-License-Identifier: MIT
 *
 * The search: where the largest Jacobian is known, it is found; the same seed
 * gives the same point; it stops when told to. */
#include "certify/search.h"

#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lip_ctx none;

/* What a search of a plain network finds; *spent its effort. */
static double found(const struct plain *net, struct lip_norm_pair pair,
                    uint64_t seed, double effort, double *spent)
{
    struct lip_network *network = plain_network(net, &none);
    struct lip_stages *stages;
    struct lip_search s;
    ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
    ck_assert_int_eq(lip_search_new(&s, stages, pair, &none), LIP_OK);
    s.seed = seed;
    s.effort = effort;
    ck_assert_int_eq(lip_search_run(&s), LIP_OK);
    double value = s.best.value;
    if (spent)
        *spent = s.walk.spent;
    if (value > 0) /* the direction is what it says */
        ck_assert_double_eq_tol(
            vector_norm(s.best.v, net->width[0], pair.input), 1, 1e-9);
    lip_search_clear(&s);
    lip_stages_free(stages);
    lip_network_free(network);
    return value;
}

/* One hidden layer of tent functions: x -> sum of relu at known places, whose
 * slope is largest between two of them. */
START_TEST(one_dimension)
{
    struct plain net;
    plain_zero(&net, "relu", (size_t[]){1, 6, 1}, 2);
    static const double at[] = {-100, -3, 0.5, 0.500001, 7, 1000};
    static const double step[] = {1, 2, 40, -41, -3, 0.5};
    for (int k = 0; k < 6; k++) {
        net.weight[0][k] = 1;
        net.bias[0][k] = -at[k];
        net.weight[1][k] = step[k];
    }
    for (uint64_t seed = 1; seed < 20; seed++)
        ck_assert_double_eq_tol(found(&net, PAIR_22, seed, 1e6, NULL), 43,
                                1e-9);
    plain_clear(&net);
}
END_TEST

/* Weights that only add up: the largest Jacobian is that of all neurons on. */
START_TEST(positive_networks)
{
    static const char *const name[] = {"relu", "leaky-relu", "elu", "softplus"};
    for (int a = 0; a < 4; a++)
        for (int p = 0; p < 9; p++) {
            struct plain net;
            size_t width[] = {5, 8, 7, 4};
            plain_random(&net, name[a], width, 3, (uint64_t)p);
            for (int i = 0; i < 3; i++)
                for (size_t k = 0; k < width[i] * width[i + 1]; k++)
                    net.weight[i][k] = fabs(net.weight[i][k]);
            double all = bound_of_plain("absolute", &net, nth_pair(p));
            double value = found(&net, nth_pair(p), 1, 2e7, NULL);
            /* softplus and elu get there at infinity only */
            ck_assert_double_le(value, all * (1 + 1e-9));
            if (lip_norm_pair_easy(nth_pair(p)))
                ck_assert_msg(value >= all * (a < 2 ? 1 - 1e-9 : 0.97),
                              "%s, pair %d: %g of %g", name[a], p, value, all);
            plain_clear(&net);
        }
}
END_TEST

START_TEST(same_seed_same_result)
{
    for (int a = 0; a < 2; a++) {
        struct plain net;
        plain_random(&net, a ? "tanh" : "relu", (size_t[]){6, 20, 20, 3}, 3, 4);
        double first, second;
        double x = found(&net, PAIR_22, 7, 3e6, &first);
        double y = found(&net, PAIR_22, 7, 3e6, &second);
        ck_assert(memcmp(&x, &y, sizeof x) == 0);
        ck_assert(memcmp(&first, &second, sizeof x) == 0);
        ck_assert_double_ge(first, 3e6);
        ck_assert_double_le(first, 6e6); /* stops soon after */
        plain_clear(&net);
    }
}
END_TEST

START_TEST(more_effort_is_not_worse)
{
    struct plain net;
    plain_random(&net, "relu", (size_t[]){8, 16, 16, 4}, 3, 9);
    double before = 0;
    for (double effort = 1e5; effort < 1e8; effort *= 10) {
        double now = found(&net, PAIR_22, 3, effort, NULL);
        ck_assert_double_ge(now, before * (1 - 1e-12));
        before = now;
    }
    plain_clear(&net);
}
END_TEST

static bool refuse(void *arg, const struct lip_progress *progress)
{
    (void)progress;
    return ++*(int *)arg < 5;
}

START_TEST(stops_when_told)
{
    struct plain net;
    struct lip_search s;
    struct lip_stages *stages;
    int asked = 0;
    struct lip_ctx ctx = {.progress = refuse, .progress_arg = &asked};
    plain_random(&net, "relu", (size_t[]){50, 80, 60, 10}, 3, 9);
    struct lip_network *network = plain_network(&net, &none);
    ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
    ck_assert_int_eq(lip_search_new(&s, stages, PAIR_22, &ctx), LIP_OK);
    s.effort = 1e15;
    ck_assert_int_eq(lip_search_run(&s), LIP_CANCELLED);
    ck_assert_int_eq(asked, 5);
    lip_search_clear(&s);
    ctx = (struct lip_ctx){0};
    ck_assert_int_eq(lip_search_new(&s, stages, PAIR_22, &ctx), LIP_OK);
    s.effort = 1e15;
    s.deadline = lip_now() + 0.1;
    double start = lip_now();
    ck_assert_int_eq(lip_search_run(&s), LIP_OK);
    ck_assert_double_lt(lip_now() - start, 2);
    ck_assert_double_gt(s.best.value, 0);
    double half = s.best.value / 2;
    lip_search_clear(&s);
    ck_assert_int_eq(lip_search_new(&s, stages, PAIR_22, &ctx), LIP_OK);
    s.effort = 1e15;
    s.enough = half;
    ck_assert_int_eq(lip_search_run(&s), LIP_OK);
    ck_assert_double_ge(s.best.value, half * (1 - 1e-9));
    lip_search_clear(&s);
    lip_stages_free(stages);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    for (int large = 0; large < 2; large++) {
        struct plain net;
        struct lip_stages *stages;
        struct lip_budget budget;
        struct lip_ctx ctx = {.budget = &budget};
        plain_random(&net, "relu", (size_t[]){3, large ? 90 : 5, 2}, 2, 1);
        struct lip_network *network = plain_network(&net, &none);
        ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
        lip_budget_init(&budget, 0);
        long n = 0;
        for (enum lip_status status = LIP_NO_MEMORY; status != LIP_OK; n++) {
            struct lip_search s;
            lip_error_clear(&ctx);
            atomic_store(&budget.fail_after, n);
            status = lip_search_new(&s, stages, PAIR_22, &ctx);
            ck_assert(status == LIP_OK || status == LIP_NO_MEMORY);
            lip_search_clear(&s);
            ck_assert_uint_eq(atomic_load(&budget.used), 0);
        }
        ck_assert_int_eq((int)n, large ? 4 : 7);
        lip_stages_free(stages);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certify/search");
    TCase *tc = tcase_create("search");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, one_dimension);
    tcase_add_test(tc, positive_networks);
    tcase_add_test(tc, same_seed_same_result);
    tcase_add_test(tc, more_effort_is_not_worse);
    tcase_add_test(tc, stops_when_told);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
