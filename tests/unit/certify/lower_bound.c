/* SPDX-License-Identifier: MIT
 *
 * The proven lower bound: below every upper bound, below the quotient of its
 * own witness in ball arithmetic, equal to constants that are known, and an
 * answer, if only zero, on whatever network. */
#include "certify/lower_bound.h"

#include "linalg/blas.h"
#include "linalg/random.h"
#include "tests/support/exact_network.h"
#include "tests/support/graph.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREC = 4000, ROUNDS = 27 };

static const uint64_t seed = 20260717;
static struct lip_ctx none;

/* The bound of a plain network; its witness held against ball arithmetic. */
static double lower(const struct plain *net, struct lip_norm_pair pair,
                    double effort)
{
    struct lip_network *network = plain_network(net, &none);
    struct lip_lower_options options = {.seed = seed, .effort = effort};
    struct lip_lower_bound bound;
    ck_assert_int_eq(lip_lower_bound(&bound, network, pair, &options, &none),
                     LIP_OK);
    ck_assert_str_eq(bound.method, "gradient-search");
    ck_assert(isfinite(bound.value) && bound.value >= 0);
    ck_assert((bound.value > 0) == (bound.x != NULL));
    ck_assert_uint_eq(bound.inputs, network->inputs);
    if (bound.value > 0) {
        arb_t truth, value;
        arb_init(truth);
        arb_init(value);
        exact_quotient(truth, network, bound.x, bound.y, pair, PREC);
        arb_set_d(value, bound.value);
        ck_assert_msg(arb_le(value, truth), "%s, %s->%s: %.17g above %.17g",
                      net->activation, lip_norm_name(pair.input),
                      lip_norm_name(pair.output), bound.value,
                      arf_get_d(arb_midref(truth), ARF_RND_NEAR));
        if (bound.value < DBL_MAX && bound.value > DBL_MIN) {
            arb_div(value, value, truth, PREC);
            double ratio = arf_get_d(arb_midref(value), ARF_RND_DOWN);
            ck_assert_double_ge(ratio, 1 - 1e-5);
        }
        arb_clear(truth);
        arb_clear(value);
    }
    double value = bound.value;
    lip_lower_bound_clear(&bound);
    lip_network_free(network);
    return value;
}

/* No bound below, of any method; every fifth time of the slow one too. */
static double tightest(const struct plain *net, struct lip_norm_pair pair,
                       double value, int round)
{
    struct lip_chain *chain = plain_chain(net, &none);
    double least = INFINITY;
    for (size_t i = 0; lip_methods[i]; i++) {
        const char *id = lip_methods[i]->id;
        if (strcmp(id, "lipsdp") == 0 && round % 5)
            continue;
        double upper = bound_or_nan(id, chain, pair);
        ck_assert_msg(!(upper < value), "%s, %s->%s: %s %.17g below %.17g",
                      net->activation, lip_norm_name(pair.input),
                      lip_norm_name(pair.output), id, upper, value);
        least = fmin(least, isnan(upper) ? INFINITY : upper);
    }
    lip_chain_free(chain);
    return least;
}

START_TEST(below_every_upper_bound)
{
    const char *name = lip_activations[_i]->name;
    uint64_t state = seed + (uint64_t)_i;
    double worst = 1, mean = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct plain net;
        struct lip_norm_pair pair = nth_pair(round % 9);
        size_t width[6], links = 1 + lip_random_next(&state) % 4;
        for (size_t i = 0; i <= links; i++)
            width[i] = 1 + lip_random_next(&state) % 9;
        plain_random(&net, name, width, links, (uint64_t)round);
        double value = lower(&net, pair, 1e6);
        double upper = tightest(&net, pair, value, round);
        if (lip_norm_pair_easy(pair) && links == 1)
            ck_assert_double_ge(value, upper * (1 - 1e-9));
        mean += value / upper / ROUNDS;
        worst = fmin(worst, value / upper);
        plain_clear(&net);
    }
    printf("%s: lower / upper %.2f on average, %.2g at worst\n", name, mean,
           worst);
    ck_assert_double_ge(mean, 0.3); /* there is something to it */
}
END_TEST

/* f(x) = relu(x) - relu(x - 1), whose constant is 1; |x|; a kink at which both
 * sides are on in doubles but nowhere in truth. */
START_TEST(traps)
{
    struct plain net;
    plain_zero(&net, "relu", (size_t[]){1, 2, 1}, 2);
    net.weight[0][0] = net.weight[0][1] = net.weight[1][0] = 1;
    net.weight[1][1] = net.bias[0][1] = -1;
    ck_assert_double_eq_tol(lower(&net, PAIR_22, 0), 1, 3e-15);
    net.weight[0][1] = -1, net.bias[0][1] = 0; /* x at 0: both or none on */
    ck_assert_double_eq_tol(lower(&net, PAIR_22, 0), 1, 3e-15);
    plain_clear(&net);
    plain_zero(&net, "abs", (size_t[]){1, 1, 1}, 2);
    *net.weight[0] = 3, *net.weight[1] = -0.5;
    for (int p = 0; p < 9; p++)
        ck_assert_double_eq_tol(lower(&net, nth_pair(p), 0), 1.5, 3e-15);
    plain_clear(&net);
}
END_TEST

START_TEST(constant_functions)
{
    for (size_t i = 0; lip_activations[i]; i++) {
        struct plain net;
        plain_random(&net, lip_activations[i]->name, (size_t[]){3, 4, 4, 2}, 3,
                     1);
        memset(net.weight[1], 0, 16 * sizeof(double));
        for (int p = 0; p < 9; p++)
            ck_assert_double_eq(lower(&net, nth_pair(p), 1e5), 0);
        plain_clear(&net);
    }
    struct plain net; /* constant where it matters: no neuron is ever on */
    plain_zero(&net, "relu", (size_t[]){1, 1, 1, 1}, 3);
    *net.weight[0] = *net.weight[2] = 1, *net.weight[1] = -1;
    ck_assert_double_eq(lower(&net, PAIR_22, 0), 0);
    plain_clear(&net);
}
END_TEST

/* One layer is a matrix, whose norm it finds for every pair that is easy; with
 * weights of any size. */
START_TEST(sizes_of_all_kinds)
{
    static const double size[] = {1, 1e-300, 1e300, 1e-160, 1e150, 1e-310};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        for (int p = 0; p < 9; p++) {
            struct plain net;
            plain_random(&net, "relu", (size_t[]){4, 3}, 1, seed + i);
            for (int k = 0; k < 12; k++)
                net.weight[0][k] *= size[i];
            double value = lower(&net, nth_pair(p), 0);
            double upper = tightest(&net, nth_pair(p), value, 0);
            if (lip_norm_pair_easy(nth_pair(p)) && size[i] > 1e-305)
                ck_assert_double_ge(value, upper * (1 - 1e-9));
            plain_clear(&net);
            plain_random(&net, "leaky-relu", (size_t[]){3, 5, 4, 2}, 3, i);
            for (int k = 0; k < 20; k++)
                net.weight[1][k] *= size[i];
            value = lower(&net, nth_pair(p), 0);
            tightest(&net, nth_pair(p), value, 1);
            if (size[i] > 1e-170)
                ck_assert_double_gt(value, 0.01 * size[i]);
            plain_clear(&net);
        }
    struct plain net; /* beyond the largest double, and below the smallest */
    plain_random(&net, "relu", (size_t[]){3, 5, 2}, 2, 3);
    for (int k = 0; k < 15; k++)
        net.weight[0][k] *= 1e250;
    for (int k = 0; k < 10; k++)
        net.weight[1][k] *= 1e250;
    lower(&net, PAIR_22, 0);
    for (int k = 0; k < 15; k++)
        net.weight[0][k] *= 1e-300 * 1e-240;
    for (int k = 0; k < 10; k++)
        net.weight[1][k] *= 1e-300 * 1e-240;
    ck_assert_double_eq(lower(&net, PAIR_22, 0), 0);
    plain_clear(&net);
}
END_TEST

/* Fifty layers: where doubles prove nothing. */
START_TEST(deep_networks)
{
    static const char *const name[] = {"relu", "leaky-relu", "tanh"};
    for (int a = 0; a < 3; a++) {
        struct plain net;
        size_t width[52];
        for (int i = 0; i < 52; i++)
            width[i] = 12;
        plain_random(&net, name[a], width, 51, seed);
        for (int i = 0; i < 51; i++)
            for (int k = 0; k < 144; k++)
                net.weight[i][k] *= 1.4; /* so that signals live */
        double value = lower(&net, PAIR_22, 3e6);
        printf("%s: %g\n", name[a], value);
        if (a < 2)
            ck_assert_double_gt(value, 1e-3);
        plain_clear(&net);
    }
}
END_TEST

START_TEST(same_options_same_bound)
{
    static const char *const name[] = {"relu", "gelu"};
    for (int a = 0; a < 2; a++) {
        struct plain net;
        struct lip_lower_bound first, second;
        struct lip_lower_options options = {.seed = 5};
        plain_random(&net, name[a], (size_t[]){5, 9, 8, 3}, 3, 1);
        struct lip_network *network = plain_network(&net, &none);
        ck_assert_int_eq(
            lip_lower_bound(&first, network, PAIR_22, &options, &none), LIP_OK);
        ck_assert_int_eq(
            lip_lower_bound(&second, network, PAIR_22, &options, &none),
            LIP_OK);
        ck_assert(memcmp(&first.value, &second.value, sizeof(double)) == 0);
        ck_assert_int_eq(memcmp(first.x, second.x, 5 * sizeof(double)), 0);
        ck_assert_int_eq(memcmp(first.y, second.y, 5 * sizeof(double)), 0);
        ck_assert(first.effort >= lip_lower_effort(network) / 2);
        lip_lower_bound_clear(&first);
        lip_lower_bound_clear(&second);
        ck_assert_ptr_null(first.x);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

/* Where no layer changes anything a search costs nothing; it ends all the
 * same. */
START_TEST(layers_that_change_nothing)
{
    struct lip_layer layer[2] = {make_reshape((const long[]){3, 0}),
                                 make_kind(&lip_layer_group_sort)};
    struct lip_network *network;
    layer[1].group = 1;
    ck_assert_int_eq(make_network(&network, layer, 2, &none), LIP_OK);
    for (int p = 0; p < 9; p++) {
        struct lip_norm_pair pair = nth_pair(p);
        struct lip_lower_options options = {.seed = seed};
        struct lip_ctx ctx = {.deadline = lip_now() + 10};
        struct lip_lower_bound bound;
        ck_assert_int_eq(lip_lower_bound(&bound, network, pair, &options, &ctx),
                         LIP_OK);
        ck_assert(!bound.cut);
        if (pair.input == pair.output)
            ck_assert_double_eq_tol(bound.value, 1, 1e-12);
        lip_lower_bound_clear(&bound);
    }
    lip_network_free(network);
}
END_TEST

static bool refuse(void *arg, const struct lip_progress *progress)
{
    (void)progress;
    return ++*(int *)arg < 3;
}

START_TEST(stops_when_told)
{
    struct plain net;
    struct lip_lower_bound bound;
    struct lip_lower_options options = {.effort = 1e15, .time_limit = 0.05};
    int asked = 0;
    plain_random(&net, "relu", (size_t[]){60, 80, 60, 10}, 3, 1);
    struct lip_network *network = plain_network(&net, &none);
    double start = lip_now();
    ck_assert_int_eq(lip_lower_bound(&bound, network, PAIR_22, &options, &none),
                     LIP_OK);
    ck_assert_double_lt(lip_now() - start, 2);
    ck_assert_double_gt(bound.value, 0);
    lip_lower_bound_clear(&bound);
    struct lip_ctx ctx = {.deadline = lip_now() + 0.2};
    options.time_limit = 0;
    ck_assert_int_eq(lip_lower_bound(&bound, network, PAIR_22, &options, &ctx),
                     LIP_OK);
    ck_assert_double_gt(bound.value, 0); /* time was kept for the proof */
    ck_assert_int_eq(ctx.error.status, LIP_OK);
    lip_lower_bound_clear(&bound);
    ctx.deadline = 1e-9; /* over before it began */
    ck_assert_int_eq(lip_lower_bound(&bound, network, PAIR_22, &options, &ctx),
                     LIP_OK);
    ck_assert_int_eq(ctx.error.status, LIP_OK);
    lip_lower_bound_clear(&bound);
    ctx = (struct lip_ctx){.progress = refuse, .progress_arg = &asked};
    ck_assert_int_eq(lip_lower_bound(&bound, network, PAIR_22, &options, &ctx),
                     LIP_CANCELLED);
    ck_assert_ptr_null(bound.x);
    ck_assert_double_eq(bound.value, 0);
    lip_network_free(network);
    plain_clear(&net);
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    static const char *const name[] = {"relu", "tanh"};
    for (int a = 0; a < 2; a++) {
        struct plain net;
        struct lip_budget budget;
        struct lip_ctx ctx = {.budget = &budget};
        struct lip_lower_options options = {.effort = 1e4};
        plain_random(&net, name[a], (size_t[]){3, 5, 4, 2}, 3, 1);
        struct lip_network *network = plain_network(&net, &none);
        lip_budget_init(&budget, 0);
        long n = 0;
        for (enum lip_status status = LIP_NO_MEMORY; status != LIP_OK; n++) {
            struct lip_lower_bound bound;
            lip_error_clear(&ctx);
            atomic_store(&budget.fail_after, n);
            status = lip_lower_bound(&bound, network, PAIR_22, &options, &ctx);
            ck_assert(status == LIP_OK || status == LIP_NO_MEMORY);
            ck_assert(status == LIP_OK || bound.value == 0);
            lip_lower_bound_clear(&bound);
            ck_assert_uint_eq(atomic_load(&budget.used), 0);
        }
        ck_assert_int_ge((int)n, 20);
        ck_assert_double_le((double)atomic_load(&budget.peak),
                            lip_lower_bytes(network));
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

int main(void)
{
    int count = 0;
    while (lip_activations[count])
        count++;
    lip_blas_single_threaded();
    printf("seed %llu\n", (unsigned long long)seed);
    Suite *suite = suite_create("certify/lower_bound");
    TCase *tc = tcase_create("lower_bound");
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, below_every_upper_bound, 0, count);
    tcase_add_test(tc, traps);
    tcase_add_test(tc, constant_functions);
    tcase_add_test(tc, sizes_of_all_kinds);
    tcase_add_test(tc, deep_networks);
    tcase_add_test(tc, same_options_same_bound);
    tcase_add_test(tc, layers_that_change_nothing);
    tcase_add_test(tc, stops_when_told);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
