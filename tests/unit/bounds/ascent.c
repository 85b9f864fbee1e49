/* SPDX-License-Identifier: MIT
 *
 * The dual ascent: what it proves holds in exact arithmetic for the vectors
 * that it stored, and nearly all of what it reached is proven; the optimum
 * where that is known. */
#include "bounds/ascent.h"

#include "bounds/method.h"
#include "tests/support/dual.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANK = 6 };

static struct lip_ctx none;

static const size_t shape[][7] = {
    {1, 1, 1}, {3, 2, 4},   {5, 9, 7, 2},       {2, 12, 1, 12, 3},
    {9, 4, 4}, {20, 16, 5}, {4, 8, 8, 8, 8, 1}, {6, 3},
};
static const size_t links_of[] = {2, 2, 3, 4, 2, 2, 5, 1};
enum { SHAPES = sizeof links_of / sizeof *links_of };

static const char *const activation_of[] = {
    "relu", "leaky-relu", "silu", "gelu", "tanh", "abs", "elu", "identity"};
enum { ACTIVATIONS = sizeof activation_of / sizeof *activation_of };

static struct lip_big prove(struct lip_ascent *a)
{
    /* What earlier calls left in the work areas must not matter. */
    for (size_t k = 0; k < 3 * a->chain->widest; k++)
        a->norm[k] = NAN;
    return lip_ascent_prove(a);
}

/* The proven value against the exact one of the stored vectors; returns
 * exact / proven - 1. */
static double check_proof(struct lip_ascent *a, const char *what, uint64_t seed,
                          size_t *replaced)
{
    struct lip_big proven = prove(a);
    arb_t exact, claim;
    arb_init(exact);
    arb_init(claim);
    size_t count = exact_dual(exact, a);
    arb_set_d(claim, proven.m);
    arb_mul_2exp_si(claim, claim, proven.e);
    ck_assert_msg(!arb_gt(claim, exact), "%s, seed %d: more than is true", what,
                  (int)seed);
    arb_div(exact, exact, claim, BALL_PREC);
    arb_sub_ui(exact, exact, 1, BALL_PREC);
    double excess =
        proven.m > 0 ? arf_get_d(arb_midref(exact), ARF_RND_UP) : INFINITY;
    arb_clear(exact);
    arb_clear(claim);
    if (replaced)
        *replaced += count;
    return excess;
}

static struct lip_chain *chain_of(struct plain *net)
{
    struct lip_chain *chain = plain_chain(net, &none);
    plain_clear(net);
    return chain;
}

/* At the start, on the way and at the end, for slopes of all kinds. */
START_TEST(proves_what_it_reached)
{
    double worst = 0;
    size_t replaced = 0;
    for (uint64_t seed = 0; seed < 2 * SHAPES * ACTIVATIONS; seed++) {
        struct plain net;
        struct lip_ascent a;
        size_t s = seed % SHAPES;
        plain_random(&net, activation_of[seed / SHAPES % ACTIVATIONS], shape[s],
                     links_of[s], seed);
        struct lip_chain *chain = chain_of(&net);
        ck_assert_int_eq(lip_ascent_new(&a, chain, RANK, &none), LIP_OK);
        for (int round = 0; round < 4; round++) {
            double loss = check_proof(&a, "random", seed, &replaced);
            worst = round > 0 ? fmax(worst, loss) : worst;
            lip_ascent_run(&a, 5, round > 1);
            if (round == 2)
                lip_ascent_perturb(&a, 0.1);
        }
        lip_ascent_clear(&a);
        lip_chain_free(chain);
    }
    printf("largest loss %g, %zu centres\n", worst, replaced);
    ck_assert_double_le(worst, 1e-10);
}
END_TEST

/* PReLU: slopes of their own, of both signs, of no width at all, and neurons
 * that nothing reaches. */
START_TEST(slopes_of_their_own)
{
    for (uint64_t seed = 0; seed < 8 * SHAPES; seed++) {
        struct plain net;
        struct lip_ascent a;
        uint64_t state = seed;
        size_t s = seed % SHAPES;
        plain_random(&net, "prelu", shape[s], links_of[s], seed);
        for (size_t i = 0; i + 1 < net.links; i++) {
            size_t n = net.width[i + 1];
            net.slope[i] = calloc(n, sizeof(double));
            for (size_t k = 0; k < n; k++)
                net.slope[i][k] = k % 3 == 0 ? 1
                                  : k % 3 == 1
                                      ? plain_uniform(&state, -1.5, 1.5)
                                      : 1 + 1e-15;
            if (seed % 2 && n > 1)
                memset(net.weight[i] + net.width[i], 0,
                       net.width[i] * sizeof(double));
        }
        struct lip_chain *chain = chain_of(&net);
        ck_assert_int_eq(lip_ascent_new(&a, chain, RANK, &none), LIP_OK);
        for (int round = 0; round < 3 && !chain->zero; round++) {
            ck_assert_double_le(check_proof(&a, "prelu", seed, NULL), 1e-9);
            lip_ascent_run(&a, 5, round > 1);
        }
        lip_ascent_clear(&a);
        lip_chain_free(chain);
    }
}
END_TEST

/* Neurons that all but cancel: what is left of y is of the order of the error
 * of computing it, and balls must shrink by that. */
START_TEST(cancelling_neurons)
{
    static const size_t width[] = {3, 8, 6, 2};
    static const double apart[] = {1e-8, 1e-11, 1e-13, 1e-15};
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct plain net;
        struct lip_ascent a;
        uint64_t state = seed;
        plain_random(&net, activation_of[seed % 3], width, 3, seed);
        for (size_t k = 0; k < 8; k += 2) {
            memcpy(net.weight[0] + (k + 1) * 3, net.weight[0] + k * 3,
                   3 * sizeof(double));
            for (size_t r = 0; r < 6; r++) {
                double *w = net.weight[1] + r * 8 + k;
                double gap = apart[seed % 4] * plain_uniform(&state, -1, 1);
                w[1] = -w[0] * (1 + gap);
            }
        }
        struct lip_chain *chain = chain_of(&net);
        ck_assert_int_eq(lip_ascent_new(&a, chain, RANK, &none), LIP_OK);
        for (int round = 0; round < 3; round++) {
            lip_ascent_run(&a, 3, false);
            for (size_t k = 0; k < 8; k += 2) /* twins stay twins */
                memcpy(a.s[1].data + (k + 1) * RANK, a.s[1].data + k * RANK,
                       RANK * sizeof(double));
            check_proof(&a, "cancelling", seed, NULL);
        }
        lip_ascent_clear(&a);
        lip_chain_free(chain);
    }
}
END_TEST

/* Neurons on scales of 1e-150 to 1e150, subnormal weights among them: lengths
 * whose squares vanish. */
START_TEST(graded_weights)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct plain net;
        struct lip_ascent a;
        uint64_t state = seed;
        static const size_t width[] = {3, 6, 5, 2};
        static const double spread[] = {3, 30, 100, 150};
        plain_random(&net, activation_of[seed % 3], width, 3, seed);
        for (size_t i = 0; i < 3; i++)
            for (size_t r = 0; r < width[i + 1]; r++) {
                double scale =
                    exp10(plain_uniform(&state, -1, 1) * spread[seed % 4]);
                for (size_t k = 0; k < width[i]; k++)
                    net.weight[i][r * width[i] + k] *= scale;
            }
        net.weight[0][1] = 5e-324;
        struct lip_chain *chain = chain_of(&net);
        ck_assert_int_eq(lip_ascent_new(&a, chain, RANK, &none), LIP_OK);
        for (int round = 0; round < 3; round++) {
            check_proof(&a, "graded", seed, NULL);
            lip_ascent_run(&a, 5, round > 1);
        }
        lip_ascent_clear(&a);
        lip_chain_free(chain);
    }
}
END_TEST

/* The only way goes through a neuron whose vector has squares below the least
 * double: its length must be right all the same. */
START_TEST(a_way_through_the_tiniest)
{
    static const size_t width[] = {2, 2, 1};
    for (int e = -1000; e < -400; e += 7) {
        struct plain net;
        struct lip_ascent a;
        plain_zero(&net, e % 2 ? "relu" : "gelu", width, 2);
        const double w1[] = {1, 0.3, 0, 0.7 * ldexp(1, e)}, w2[] = {0, 1};
        memcpy(net.weight[0], w1, sizeof w1);
        memcpy(net.weight[1], w2, sizeof w2);
        struct lip_chain *chain = chain_of(&net);
        ck_assert_int_eq(lip_ascent_new(&a, chain, RANK, &none), LIP_OK);
        lip_ascent_run(&a, 30, true);
        double loss = check_proof(&a, "tiny", (uint64_t)-e, NULL);
        struct lip_big proven = prove(&a);
        double slope = e % 2 ? 1 : 1.12890;
        if (e > -900) {
            ck_assert_msg(loss <= 1e-10, "2^%d: %g lost", e, loss);
            ck_assert_double_eq_tol(ldexp(proven.m, (int)proven.e - e) / slope,
                                    0.7, 1e-4);
        }
        lip_ascent_clear(&a);
        lip_chain_free(chain);
    }
}
END_TEST

/* Without signs the optimum is |W_l ... W_1|, and vectors that all point one
 * way reach it. */
START_TEST(exact_without_signs)
{
    static const size_t width[] = {4, 9, 12, 8, 3};
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct plain net;
        struct lip_ascent a;
        plain_random(&net, "relu", width, 2 + seed % 3, seed);
        for (size_t i = 0; i < net.links; i++)
            for (size_t k = 0; k < width[i] * width[i + 1]; k++)
                net.weight[i][k] = fabs(net.weight[i][k]);
        struct lip_chain *chain = plain_chain(&net, &none);
        ck_assert_int_eq(lip_ascent_new(&a, chain, RANK, &none), LIP_OK);
        lip_ascent_run(&a, 100, false);
        check_proof(&a, "without signs", seed, NULL);
        struct lip_big proven = prove(&a);
        net.activation = "identity";
        double product = bound_of_plain("spectral", &net, PAIR_22);
        ck_assert_double_eq_tol(ldexp(proven.m, (int)proven.e) / product, 1,
                                1e-9);
        lip_ascent_clear(&a);
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* No choice of vectors is above any proven upper bound of the optimum. */
START_TEST(below_every_choice_of_multipliers)
{
    static const size_t width[] = {5, 30, 20, 25, 3};
    for (uint64_t seed = 0; seed < ACTIVATIONS; seed++) {
        struct plain net;
        struct lip_ascent a;
        plain_random(&net, activation_of[seed], width, 4, seed);
        struct lip_chain *chain = chain_of(&net);
        double fast = bound_of("eclipse-fast", chain, PAIR_22);
        double closed = bound_of("closed-form", chain, PAIR_22);
        ck_assert_int_eq(lip_ascent_new(&a, chain, RANK, &none), LIP_OK);
        for (int round = 0; round < 10; round++) {
            lip_ascent_run(&a, 20, round > 2);
            struct lip_big proven = prove(&a);
            double value = ldexp(proven.m, (int)proven.e);
            ck_assert_double_gt(value, 0);
            ck_assert_double_le(value, fmin(closed, fast));
        }
        lip_ascent_clear(&a);
        lip_chain_free(chain);
    }
}
END_TEST

/* Acceleration never ends lower than it began. */
START_TEST(accelerated_steps_do_not_lose)
{
    static const size_t width[] = {5, 10, 10, 10, 10, 10, 10, 10, 2};
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct plain net;
        struct lip_ascent a;
        plain_random(&net, "relu", width, 8, seed);
        struct lip_chain *chain = chain_of(&net);
        ck_assert_int_eq(lip_ascent_new(&a, chain, RANK, &none), LIP_OK);
        struct lip_big before = lip_ascent_run(&a, 40, false);
        struct lip_big after = lip_ascent_run(&a, 200, true);
        ck_assert_double_ge(ldexp(after.m, (int)(after.e - before.e)),
                            before.m * (1 - 1e-3));
        lip_ascent_clear(&a);
        lip_chain_free(chain);
    }
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    struct plain net;
    static const size_t width[] = {3, 4, 5, 2};
    plain_random(&net, "relu", width, 3, 1);
    struct lip_chain *chain = chain_of(&net);
    enum lip_status status = LIP_NO_MEMORY;
    for (long n = 0; status != LIP_OK; n++) {
        struct lip_ascent a;
        struct lip_budget budget;
        lip_budget_init(&budget, 0);
        struct lip_ctx ctx = {.budget = &budget};
        atomic_store(&budget.fail_after, n);
        status = lip_ascent_new(&a, chain, RANK, &ctx);
        ck_assert(status == LIP_OK || status == LIP_NO_MEMORY);
        if (status == LIP_OK) {
            ck_assert_int_ge(n, 10);
            lip_ascent_clear(&a);
        }
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
    lip_chain_free(chain);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/ascent");
    TCase *tc = tcase_create("ascent");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, proves_what_it_reached);
    tcase_add_test(tc, slopes_of_their_own);
    tcase_add_test(tc, graded_weights);
    tcase_add_test(tc, cancelling_neurons);
    tcase_add_test(tc, a_way_through_the_tiniest);
    tcase_add_test(tc, exact_without_signs);
    tcase_add_test(tc, below_every_choice_of_multipliers);
    tcase_add_test(tc, accelerated_steps_do_not_lose);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
