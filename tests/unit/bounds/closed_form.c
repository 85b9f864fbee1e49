/* SPDX-License-Identifier: MIT
 *
 * The family of closed forms: the least of its details, gauge invariance of
 * the details that claim it, the exact value on networks without signs, what
 * was proven when the clock strikes. */
#include "tests/support/attained.h"
#include "tests/support/exact.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

static struct lip_ctx none;

static void run(struct lip_bound *bound, const struct lip_chain *chain,
                struct lip_ctx *ctx)
{
    struct lip_bound_options options = {.norm = PAIR_22};
    ck_assert_int_eq(lip_method_run(bound, lip_method_find("closed-form"),
                                    chain, &options, ctx),
                     LIP_OK);
}

START_TEST(the_least_of_its_details)
{
    static const char *const expected[] = {"scalar",
                                           "balanced",
                                           "gershgorin",
                                           "shift",
                                           "perron-2 scalar",
                                           "perron-2 balanced",
                                           "perron-2 gershgorin",
                                           "perron-2 shift",
                                           "perron-1 scalar",
                                           "perron-1 balanced",
                                           "perron-1 gershgorin",
                                           "perron-1 shift"};
    static const size_t width[] = {5, 20, 20, 20, 20, 2};
    struct plain net;
    struct lip_bound bound;
    plain_random(&net, "relu", width, 5, 1);
    struct lip_chain *chain = plain_chain(&net, &none);
    run(&bound, chain, &none);
    double least = INFINITY;
    ck_assert_uint_eq(bound.detail_count, 12);
    for (size_t i = 0; i < 12; i++) {
        ck_assert_str_eq(bound.detail[i].rule, expected[i]);
        ck_assert(bound.detail[i].parameter > 0.8 &&
                  bound.detail[i].parameter < 2);
        least = fmin(least, bound.detail[i].upper_bound);
    }
    ck_assert_double_eq(bound.upper_bound, least);
    ck_assert_int_eq(bound.state, LIP_BOUND_NONE);
    /* Deep signed networks are what the family is for. */
    ck_assert_double_lt(bound.upper_bound,
                        0.8 * bound_of("eclipse-fast", chain, PAIR_22));
    lip_chain_free(chain);
    plain_clear(&net);
}
END_TEST

/* W_i -> D W_i, W_{i+1} -> W_{i+1} D^-1 with powers of two changes what is
 * stored, not the function. */
START_TEST(gauged_rules_see_no_rescaling)
{
    static const size_t width[] = {5, 12, 14, 10, 3};
    struct plain net;
    struct lip_bound before, after;
    uint64_t state = 7;
    plain_random(&net, "relu", width, 4, 2);
    struct lip_chain *chain = plain_chain(&net, &none);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < width[i + 1]; k++) {
            double s = exp2(round(plain_uniform(&state, -3, 3)));
            for (size_t j = 0; j < width[i]; j++)
                net.weight[i][k * width[i] + j] *= s;
            for (size_t j = 0; j < width[i + 2]; j++)
                net.weight[i + 1][j * width[i + 1] + k] /= s;
        }
    struct lip_chain *scaled = plain_chain(&net, &none);
    run(&before, chain, &none);
    run(&after, scaled, &none);
    ck_assert_uint_eq(before.detail_count, after.detail_count);
    size_t invariant = 0, changed = 0;
    for (size_t i = 0; i < before.detail_count; i++) {
        double ratio =
            after.detail[i].upper_bound / before.detail[i].upper_bound;
        if (strncmp(before.detail[i].rule, "perron", 6) == 0) {
            ck_assert_msg(fabs(ratio - 1) <= 1e-6, "%s: %g",
                          before.detail[i].rule, ratio);
            invariant++;
        } else if (strstr(before.detail[i].rule, "scalar")) {
            changed += ratio > 1.5;
        }
    }
    ck_assert_uint_eq(invariant, 8);
    ck_assert_uint_eq(changed, 1);
    lip_chain_free(chain);
    lip_chain_free(scaled);
    plain_clear(&net);
}
END_TEST

/* Without signs the perron-1 scalar rule reaches |W_l ... W_1|. */
START_TEST(exact_without_signs)
{
    static const size_t width[] = {4, 9, 12, 8, 3};
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct plain net;
        struct lip_bound bound;
        arb_t truth;
        arb_mat_t product, next, w;
        arb_init(truth);
        plain_random(&net, "relu", width, 2 + seed % 3, seed);
        for (size_t i = 0; i < net.links; i++)
            for (size_t k = 0; k < width[i] * width[i + 1]; k++)
                net.weight[i][k] = fabs(net.weight[i][k]);
        struct lip_chain *chain = plain_chain(&net, &none);
        exact_link(product, &chain->link[0]);
        for (size_t i = 1; i < chain->count; i++) {
            exact_link(w, &chain->link[i]);
            arb_mat_init(next, arb_mat_nrows(w), arb_mat_ncols(product));
            arb_mat_mul(next, w, product, BALL_PREC);
            arb_mat_swap(next, product);
            arb_mat_clear(next);
            arb_mat_clear(w);
        }
        exact_spectral(truth, product);
        run(&bound, chain, &none);
        ck_assert(exact_not_below(bound.upper_bound, truth));
        ck_assert_double_le(exact_excess(bound.upper_bound, truth), 1e-9);
        ck_assert_double_le(
            exact_excess(detail_of("closed-form", chain, "perron-1 scalar"),
                         truth),
            1e-9);
        arb_mat_clear(product);
        arb_clear(truth);
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

struct stop_after {
    int ticks;
    struct lip_ctx *ctx;
};

/* Moves the deadline into the past once a bound is known. */
static bool strike(void *arg, const struct lip_progress *progress)
{
    struct stop_after *stop = arg;
    if (progress->best > 0 && stop->ticks-- == 0)
        stop->ctx->deadline = 1e-9;
    return true;
}

/* When the clock strikes, what was proven stays proven. */
START_TEST(a_deadline_leaves_the_best_so_far)
{
    static const size_t width[] = {5, 20, 20, 20, 2};
    struct plain net;
    struct lip_bound whole;
    plain_random(&net, "relu", width, 4, 1);
    struct lip_chain *chain = plain_chain(&net, &none);
    run(&whole, chain, &none);
    for (int ticks = 0; ticks < 5; ticks++) {
        struct lip_budget budget;
        struct lip_bound bound;
        lip_budget_init(&budget, 0);
        struct stop_after stop = {ticks, NULL};
        struct lip_ctx ctx = {
            .budget = &budget, .progress = strike, .progress_arg = &stop};
        stop.ctx = &ctx;
        run(&bound, chain, &ctx);
        ck_assert_int_eq(bound.state, LIP_BOUND_TIME_LIMIT);
        ck_assert(!bound.skipped);
        ck_assert_uint_eq(bound.detail_count, (size_t)ticks + 1);
        ck_assert_double_ge(bound.upper_bound, whole.upper_bound);
        ck_assert_double_le(bound.upper_bound, whole.detail[0].upper_bound);
        ck_assert_int_eq(ctx.error.status, LIP_OK);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
    lip_chain_free(chain);
    plain_clear(&net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/closed_form");
    TCase *tc = tcase_create("closed_form");
    tcase_add_test(tc, the_least_of_its_details);
    tcase_add_test(tc, gauged_rules_see_no_rescaling);
    tcase_add_test(tc, exact_without_signs);
    tcase_add_test(tc, a_deadline_leaves_the_best_so_far);
    add_method_tests(tc, "closed-form");
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
