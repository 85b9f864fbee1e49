/* SPDX-License-Identifier: MIT
 *
 * The closed-form rules: what each chooses on a matrix small enough to do by
 * hand, that it stays inside the border, and whole passes that are proven and
 * above what is attained for every rule, constant and gauge. */
#include "bounds/rule.h"

#include "linalg/eigen.h"
#include "tests/support/attained.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct lip_ctx none;

static const struct lip_rule *rule_named(const char *name)
{
    for (size_t i = 0; lip_rules[i]; i++)
        if (strcmp(lip_rules[i]->name, name) == 0)
            return lip_rules[i];
    ck_abort_msg("no rule %s", name);
    return NULL;
}

static void choose(double *lambda, const char *name, const double *t, size_t n,
                   const double *next, double c)
{
    double copy[64], vector[8];
    memcpy(copy, t, n * n * sizeof *t);
    struct lip_matrix m = {n, n, copy};
    struct lip_rule_view view = {&m, next, vector, &none};
    ck_assert_int_eq(rule_named(name)->choose(lambda, &view, c), LIP_OK);
}

/* T = [2 -1; -1 3] by its upper triangle: sigma = (5 + sqrt 5) / 2. */
static const double two[] = {2, NAN, -1, 3};

START_TEST(by_hand)
{
    double lambda[2], sigma = (5 + sqrt(5)) / 2;
    static const double next[] = {8, 3};
    choose(lambda, "scalar", two, 2, next, 1);
    ck_assert_double_eq_tol(lambda[0], 2 / sigma, 1e-14);
    ck_assert_double_eq_tol(lambda[1], 2 / sigma, 1e-14);
    choose(lambda, "gershgorin", two, 2, next, 1.5);
    ck_assert_double_eq_tol(lambda[0], 3.0 / 3, 1e-14);
    ck_assert_double_eq_tol(lambda[1], 3.0 / 4, 1e-14);
    choose(lambda, "shift", two, 2, next, 1.5); /* off the diagonal: 1 */
    ck_assert_double_eq_tol(lambda[0], 4 / 3.5, 1e-14);
    ck_assert_double_eq_tol(lambda[1], 4 / 4.5, 1e-14);
    /* E = (2, 1): E^1/2 T E^1/2 = [4 -sqrt 2; . 3] */
    choose(lambda, "balanced", two, 2, next, 1);
    double top = 3.5 + sqrt(0.25 + 2);
    ck_assert_double_eq_tol(lambda[0], 4 / top, 1e-11);
    ck_assert_double_eq_tol(lambda[1], 2 / top, 1e-11);
}
END_TEST

/* 4 Lambda^-1 - T is positive definite for every rule and constant. */
START_TEST(stay_inside_the_border)
{
    enum { N = 6 };
    for (uint64_t seed = 0; seed < 50; seed++) {
        double w[N * 4], t[N * N], next[N], lambda[N], most;
        uint64_t state = seed;
        for (int k = 0; k < N * 4; k++)
            w[k] = plain_normal(&state);
        for (int k = 0; k < N; k++)
            next[k] = plain_uniform(&state, 0, 3);
        for (int j = 0; j < N; j++)
            for (int i = 0; i < N; i++) {
                t[i + j * N] = i > j ? NAN : 0;
                for (int k = 0; k < 4 && i <= j; k++)
                    t[i + j * N] += w[i * 4 + k] * w[j * 4 + k];
            }
        for (size_t r = 0; lip_rules[r]; r++)
            for (const double *c = lip_rules[r]->constant; *c > 0; c++) {
                choose(lambda, lip_rules[r]->name, t, N, next, *c);
                double scaled[N * N];
                for (int j = 0; j < N; j++)
                    for (int i = 0; i < N; i++)
                        scaled[i + j * N] =
                            t[i + j * N] * sqrt(lambda[i] * lambda[j]);
                struct lip_matrix m = {N, N, scaled};
                ck_assert_int_eq(lip_eigen_estimate(&most, &m, &none), LIP_OK);
                ck_assert_msg(most < 4, "%s %g: %g", lip_rules[r]->name, *c,
                              most);
                for (int k = 0; k < N; k++)
                    ck_assert(lambda[k] > 0 && isfinite(lambda[k]));
            }
    }
}
END_TEST

START_TEST(constants_ascend)
{
    for (size_t r = 0; lip_rules[r]; r++) {
        const double *c = lip_rules[r]->constant;
        ck_assert_double_ge(c[0], 1);
        for (; c[1] > 0; c++)
            ck_assert_double_lt(c[0], c[1]);
        ck_assert_double_lt(c[0], 2);
        ck_assert_double_lt(c[0] + lip_rules[r]->refine, 2);
    }
    ck_assert_ptr_eq(lip_rules[0], &lip_rule_scalar);
}
END_TEST

/* Passes with every rule, constant and gauge. */
START_TEST(passes_are_above_what_is_attained)
{
    static const char *const activation[] = {"relu", "gelu", "abs", "prelu",
                                             "leaky-relu"};
    static const size_t width[] = {3, 5, 5, 3};
    size_t proven = 0, passes = 0;
    for (uint64_t seed = 0; seed < 15; seed++) {
        struct plain net;
        struct lip_recursion rec;
        double attained[9];
        plain_random(&net, activation[seed % 5], width, 3, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        attained_by_slopes(attained, chain);
        ck_assert_int_eq(lip_recursion_new(&rec, chain, &none), LIP_OK);
        for (int g = 0; g < 3; g++) {
            struct lip_gauge gauge;
            if (g > 0)
                lip_gauge_new(&gauge, chain, g, &none);
            for (size_t r = 0; lip_rules[r]; r++)
                for (const double *c = lip_rules[r]->constant; *c > 0; c++) {
                    struct lip_big bound;
                    bool feasible;
                    ck_assert_int_eq(lip_rule_pass(&bound, &feasible, &rec,
                                                   lip_rules[r], *c,
                                                   g > 0 ? &gauge : NULL),
                                     LIP_OK);
                    passes++;
                    if (!feasible)
                        continue;
                    proven++;
                    ck_assert_double_ge(lip_big_double(bound),
                                        attained[4] * (1 - 1e-12));
                }
            if (g > 0)
                lip_gauge_clear(&gauge);
        }
        lip_recursion_clear(&rec);
        lip_chain_free(chain);
        plain_clear(&net);
    }
    printf("%zu of %zu passes proven\n", proven, passes);
    ck_assert_uint_ge(100 * proven, 95 * passes);
}
END_TEST

/* Layers that are zero but for a radius, dead neurons, one neuron. */
START_TEST(degenerate_layers)
{
    static const size_t width[] = {2, 3, 1, 2};
    for (int way = 0; way < 3; way++) {
        struct plain net;
        plain_random(&net, "relu", width, 3, 4);
        if (way == 0)
            memset(net.weight[0], 0, 2 * sizeof(double)); /* a dead neuron */
        if (way == 1)
            net.weight[1][0] = net.weight[1][1] = 0;
        if (way == 2)
            for (int k = 0; k < 6; k++)
                net.weight[0][k] *= k < 2 ? 1 : 1e-170; /* squares vanish */
        struct lip_chain *chain = plain_chain(&net, &none);
        double attained[9];
        attained_by_slopes(attained, chain);
        double fast = bound_of("eclipse-fast", chain, PAIR_22);
        double best = bound_of("closed-form", chain, PAIR_22);
        ck_assert_double_ge(best, attained[4] * (1 - 1e-12));
        ck_assert_double_le(best, fast);
        ck_assert_double_le(fast,
                            bound_of("spectral", chain, PAIR_22) * (1 + 1e-9));
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/rule");
    TCase *tc = tcase_create("rule");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, by_hand);
    tcase_add_test(tc, stay_inside_the_border);
    tcase_add_test(tc, constants_ascend);
    tcase_add_test(tc, passes_are_above_what_is_attained);
    tcase_add_test(tc, degenerate_layers);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
