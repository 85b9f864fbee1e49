/* SPDX-License-Identifier: MIT
 *
 * Networks with layers that sort or mirror numbers, among layers of every other
 * kind: every bound is above what pairs of points show, the methods that do not
 * know such layers say so, and a lower bound is not made up. */
#include "bounds/method.h"
#include "certify/lower_bound.h"
#include "linalg/random.h"

#include "tests/support/random_network.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 12, PAIRS = 40 };

static double length(const double *a, const double *b, size_t n,
                     enum lip_norm p)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs(a[i] - b[i]);
        sum = p == LIP_NORM_INF ? fmax(sum, d)
                                : sum + (p == LIP_NORM_2 ? d * d : d);
    }
    return p == LIP_NORM_2 ? sqrt(sum) : sum;
}

/* The largest quotient of random pairs, far and near, less a safe margin for
 * rounding. */
static void sample(double most[LIP_NORM_COUNT][LIP_NORM_COUNT],
                   const struct lip_network *network, uint64_t seed)
{
    double x[2 * WIDTH], y[2 * WIDTH];
    memset(most, 0, LIP_NORM_COUNT * sizeof *most);
    for (uint64_t i = 0; i < PAIRS; i++) {
        double *a = x, *b = x + WIDTH, size = i % 2 ? 4 : 0.25;
        lip_random_fill(x, 2 * WIDTH, 1000 * seed + i);
        for (size_t k = 0; k < network->inputs; k++) {
            a[k] *= size;
            b[k] = a[k] + b[k] * (i % 3 ? 0x1p-8 : 1);
        }
        ck_assert_int_eq(lip_network_eval(y, network, a, NULL), LIP_OK);
        ck_assert_int_eq(lip_network_eval(y + WIDTH, network, b, NULL), LIP_OK);
        for (int p = 0; p < LIP_NORM_COUNT; p++)
            for (int q = 0; q < LIP_NORM_COUNT; q++) {
                double quotient =
                    length(y, y + WIDTH, network->outputs, (enum lip_norm)q) /
                    length(a, b, network->inputs, (enum lip_norm)p);
                most[p][q] = fmax(most[p][q], quotient * (1 - 1e-9) - 1e-9);
            }
    }
}

static bool has_joint(const struct lip_network *network)
{
    for (size_t i = 0; i < network->count; i++)
        if (network->layer[i].kind->role == LIP_ROLE_JOINT &&
            !lip_layer_changes_nothing(&network->layer[i]))
            return true;
    return false;
}

static size_t answers; /* of methods that need not give one */

static void check_method(const struct lip_method *method,
                         const struct lip_chain *chain,
                         struct lip_norm_pair pair, double least, bool joint,
                         uint64_t seed)
{
    struct lip_bound bound;
    struct lip_bound_options options = {.norm = pair};
    struct lip_ctx ctx = {0};
    bool knows =
        !strcmp(method->id, "naive") || !strcmp(method->id, "spectral");
    if (!knows && !joint)
        return; /* others' tests */
    ck_assert_int_eq(lip_method_run(&bound, method, chain, &options, &ctx),
                     LIP_OK);
    bool l2 = pair.input == LIP_NORM_2 && pair.output == LIP_NORM_2;
    bool must =
        !strcmp(method->id, "naive") || (l2 && !strcmp(method->id, "spectral"));
    ck_assert_msg(!bound.skipped || !must, "seed %d: %s: %s", (int)seed,
                  method->id, bound.reason);
    answers += !bound.skipped && !must;
    ck_assert_msg(bound.skipped || bound.upper_bound >= least,
                  "seed %d: %s gives %.17g, pairs %.17g (%d to %d)", (int)seed,
                  method->id, bound.upper_bound, least, pair.input,
                  pair.output);
    lip_bound_clear(&bound);
}

static void check_network(const struct lip_network *network, uint64_t seed)
{
    struct lip_chain *chain;
    double least[LIP_NORM_COUNT][LIP_NORM_COUNT];
    enum lip_status status = lip_chain_new(&chain, network, NULL);
    ck_assert(status == LIP_OK || status == LIP_UNPROVEN);
    if (status != LIP_OK)
        return;
    bool joint = has_joint(network);
    ck_assert_int_eq(chain->joint, joint);
    ck_assert_int_eq(chain->plain != NULL, joint);
    ck_assert(!joint || (chain->plain->unrolled && !chain->plain->joint));
    sample(least, network, seed);
    for (size_t m = 0; lip_methods[m]; m++)
        for (int p = 0; p < LIP_NORM_COUNT; p++)
            for (int q = 0; q < LIP_NORM_COUNT; q++)
                check_method(
                    lip_methods[m], chain,
                    (struct lip_norm_pair){(enum lip_norm)p, (enum lip_norm)q},
                    least[p][q], joint, seed);
    lip_chain_free(chain);
}

START_TEST(bounds_are_above_pairs)
{
    size_t joint = 0;
    for (uint64_t start = 1; start <= 200; start++) {
        uint64_t seed = start;
        struct lip_ctx ctx = {0};
        struct random_network what = {.sorts_only = start % 2,
                                      .pairs_only = start % 4 > 1};
        struct lip_network *network = random_network(&seed, what, &ctx);
        joint += has_joint(network);
        check_network(network, start);
        lip_network_free(network);
    }
    ck_assert_uint_ge(joint, 80);
    ck_assert_uint_ge(answers, 1000);
}
END_TEST

static double value(const char *method, const struct lip_chain *chain)
{
    struct lip_bound bound;
    struct lip_bound_options options = {.norm = {LIP_NORM_2, LIP_NORM_2}};
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(
        lip_method_run(&bound, lip_method_find(method), chain, &options, &ctx),
        LIP_OK);
    ck_assert(!bound.skipped);
    lip_bound_clear(&bound);
    return bound.upper_bound;
}

/* MaxMin is known to the best methods: they are never worse than products of
 * norms, and on the whole clearly better. The memory is what was announced. */
START_TEST(max_min_is_bounded_well)
{
    double ratios = 0, most = 0;
    size_t count = 0;
    for (uint64_t start = 1; start <= 120; start++) {
        uint64_t seed = start;
        struct lip_budget budget;
        struct lip_ctx ctx = {.budget = &budget};
        struct lip_chain *chain;
        lip_budget_init(&budget, 0);
        struct lip_network *network = random_network(
            &seed,
            (struct random_network){.sorts_only = true, .pairs_only = true},
            &ctx);
        size_t before = budget.used;
        budget.peak = before;
        ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
        double announced = lip_chain_bytes(network);
        most = fmax(most, ((double)(budget.peak - before) - 8192) / announced);
        if (has_joint(network) && !chain->zero) {
            double spectral = value("spectral", chain);
            double lipsdp = value("lipsdp", chain);
            ck_assert_msg(lipsdp <= 1.011 * spectral, "seed %d: %g, %g",
                          (int)start, lipsdp, spectral);
            ratios += log(lipsdp / spectral);
            count++;
        }
        lip_chain_free(chain);
        lip_network_free(network);
    }
    ck_assert_uint_ge(count, 40);
    printf("lipsdp / spectral: %.3f\n", exp(ratios / (double)count));
    ck_assert_msg(most <= 1, "%g", most);
    ck_assert_msg(exp(ratios / (double)count) < 0.9, "%g",
                  exp(ratios / (double)count));
}
END_TEST

/* What the pair of points shows in plain doubles. */
static double quotient(const struct lip_network *network,
                       const struct lip_lower_bound *lower)
{
    double a[WIDTH], b[WIDTH];
    ck_assert_int_eq(lip_network_eval(a, network, lower->x, NULL), LIP_OK);
    ck_assert_int_eq(lip_network_eval(b, network, lower->y, NULL), LIP_OK);
    return length(a, b, network->outputs, LIP_NORM_2) /
           length(lower->x, lower->y, network->inputs, LIP_NORM_2);
}

/* A lower bound is at most the upper ones, and what its pair of points shows.
 * MaxMin networks have one that is close; others have none. */
START_TEST(lower_bounds_stay_below)
{
    double ratios = 0;
    size_t count = 0;
    for (uint64_t start = 1; start <= 60; start++) {
        uint64_t seed = start;
        struct lip_ctx ctx = {0};
        struct lip_lower_bound lower;
        struct lip_lower_options options = {.seed = 1};
        struct lip_norm_pair l2 = {LIP_NORM_2, LIP_NORM_2};
        struct lip_chain *chain;
        struct random_network what = {.sorts_only = true,
                                      .pairs_only = start % 3};
        struct lip_network *network = random_network(&seed, what, &ctx);
        ck_assert_int_eq(lip_lower_bound(&lower, network, l2, &options, &ctx),
                         LIP_OK);
        ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
        ck_assert(lower.value <= value("spectral", chain));
        ck_assert(lower.value >= 0 && (lower.value == 0) == (lower.x == NULL));
        if (lower.x)
            ck_assert_double_eq_tol(quotient(network, &lower) / lower.value, 1,
                                    1e-6);
        if (chain->plain && !chain->zero) {
            double upper = value("lipsdp", chain);
            ck_assert(lower.value > 0 && lower.value <= upper);
            ratios += log(lower.value / upper);
            count++;
        }
        ck_assert(!chain->joint || chain->plain || lower.value == 0);
        lip_lower_bound_clear(&lower);
        lip_chain_free(chain);
        lip_network_free(network);
    }
    ck_assert_uint_ge(count, 15);
    printf("lower bound / lipsdp: %.3f\n", exp(ratios / (double)count));
    ck_assert(exp(ratios / (double)count) > 0.8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("joint");
    TCase *tests = tcase_create("joint");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, bounds_are_above_pairs);
    tcase_add_test(tests, max_min_is_bounded_well);
    tcase_add_test(tests, lower_bounds_stay_below);
    return run_suite(suite);
}
