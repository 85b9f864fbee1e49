/* SPDX-License-Identifier: MIT
 *
 * Changes of a network that change its constant in a known way, or not at all,
 * must change every bound just so: scaling of a layer, permutation of neurons,
 * neurons without weights, transposition, orthogonal maps at the ends. */
#include "tests/support/attained.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINKS = 4, SEEDS = 3 };

static struct lip_ctx none;
static const size_t width[] = {5, 9, 12, 7, 3};
static const char *const activation[] = {"relu", "silu", "abs"};

/* after = factor * before for every method and pair, up to tolerance. */
static void compare(const struct plain *before, const struct plain *after,
                    double factor, double tolerance, const char *what)
{
    struct lip_chain *a = plain_chain(before, &none);
    struct lip_chain *b = plain_chain(after, &none);
    for (size_t i = 0; direct_methods[i]; i++)
        for (int p = 0; p < 9; p++) {
            const char *id = direct_methods[i];
            double x = bound_or_nan(id, a, nth_pair(p));
            double y = bound_or_nan(id, b, nth_pair(p));
            ck_assert(isnan(x) == isnan(y));
            ck_assert_msg(isnan(x) || fabs(y / (factor * x) - 1) <= tolerance,
                          "%s, %s, pair %d, %s: %.17g became %.17g", what, id,
                          p, before->activation, x, y);
        }
    lip_chain_free(a);
    lip_chain_free(b);
}

START_TEST(scaling_one_layer)
{
    static const double t[] = {2, 0x1p-30, 3, 0.1, -1};
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        for (size_t layer = 0; layer < LINKS; layer++)
            for (int k = 0; k < 5; k++) {
                struct plain net, scaled;
                plain_random(&net, activation[seed], width, LINKS, seed);
                plain_copy(&scaled, &net);
                for (size_t i = 0; i < width[layer] * width[layer + 1]; i++)
                    scaled.weight[layer][i] *= t[k];
                bool exact = k < 2 || k == 4;
                /* The choice of a constant can tip over on rounding. */
                compare(&net, &scaled, fabs(t[k]), exact ? 1e-15 : 1e-7,
                        "scaling");
                plain_clear(&net);
                plain_clear(&scaled);
            }
}
END_TEST

/* Neurons of every hidden layer, inputs and outputs in another order. */
START_TEST(permuting_neurons)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct plain net, permuted;
        plain_random(&net, activation[seed], width, LINKS, seed);
        plain_copy(&permuted, &net);
        size_t order[LINKS + 1][16];
        for (size_t i = 0; i <= LINKS; i++)
            for (size_t k = 0; k < width[i]; k++) /* 3 k + seed mod n */
                order[i][k] = (width[i] - 1 - k + seed) % width[i];
        for (size_t i = 0; i < LINKS; i++)
            for (size_t r = 0; r < width[i + 1]; r++)
                for (size_t c = 0; c < width[i]; c++)
                    permuted.weight[i][r * width[i] + c] =
                        net.weight[i][order[i + 1][r] * width[i] + order[i][c]];
        compare(&net, &permuted, 1, 1e-7, "permutation");
        plain_clear(&net);
        plain_clear(&permuted);
    }
}
END_TEST

/* A neuron that nothing enters, and one that nothing leaves. */
START_TEST(adding_dead_neurons)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        for (int way = 0; way < 2; way++) {
            struct plain net, more;
            size_t wider[LINKS + 1];
            memcpy(wider, width, sizeof wider);
            wider[2]++;
            plain_random(&net, activation[seed], width, LINKS, seed);
            plain_zero(&more, activation[seed], wider, LINKS);
            for (size_t i = 0; i < LINKS; i++)
                for (size_t r = 0; r < width[i + 1]; r++)
                    for (size_t c = 0; c < width[i]; c++)
                        more.weight[i][r * wider[i] + c] =
                            net.weight[i][r * width[i] + c];
            /* way 0: no way in but a way out; way 1: the other way round, so
             * small that norms of the layers see nothing of it */
            for (size_t k = 0; way == 0 && k < width[3]; k++)
                more.weight[2][k * wider[2] + width[2]] = 0x1p-40;
            for (size_t k = 0; way == 1 && k < width[1]; k++)
                more.weight[1][width[2] * width[1] + k] = 0x1p-40;
            compare(&net, &more, 1, 1e-5, way ? "no way out" : "no way in");
            plain_clear(&net);
            plain_clear(&more);
        }
}
END_TEST

/* f^T in the dual norms. The recursion itself runs one way, so eclipse-fast
 * and closed-form may differ; they must stay above what is attained. */
START_TEST(transposition)
{
    static const char *const symmetric[] = {"spectral", "absolute", "midpoint",
                                            "naive"};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct plain net;
        struct lip_chain *back;
        plain_random(&net, activation[seed], width, LINKS, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        ck_assert_int_eq(lip_chain_transpose(&back, chain, &none), LIP_OK);
        for (int m = 0; m < 4; m++)
            for (int p = 0; p < 9; p++) {
                struct lip_norm_pair pair = nth_pair(p);
                struct lip_norm_pair dual = {lip_norm_dual(pair.output),
                                             lip_norm_dual(pair.input)};
                double x = bound_or_nan(symmetric[m], chain, pair);
                double y = bound_or_nan(symmetric[m], back, dual);
                ck_assert(isnan(x) == isnan(y));
                ck_assert_msg(isnan(x) || fabs(x / y - 1) <= 1e-8,
                              "%s, pair %d: %g and %g", symmetric[m], p, x, y);
            }
        lip_chain_free(chain);
        lip_chain_free(back);
        plain_clear(&net);
    }
}
END_TEST

START_TEST(transposition_of_the_recursion)
{
    static const size_t small[] = {3, 4, 4, 2};
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct plain net;
        struct lip_chain *back;
        double attained[9];
        plain_random(&net, activation[seed % 3], small, 3, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        ck_assert_int_eq(lip_chain_transpose(&back, chain, &none), LIP_OK);
        attained_by_slopes(attained, chain);
        ck_assert_double_ge(bound_of("eclipse-fast", back, PAIR_22),
                            attained[4] * (1 - 1e-12));
        ck_assert_double_ge(bound_of("closed-form", back, PAIR_22),
                            attained[4] * (1 - 1e-12));
        lip_chain_free(chain);
        lip_chain_free(back);
        plain_clear(&net);
    }
}
END_TEST

/* A Householder reflection in front and behind changes no l2 bound. */
START_TEST(rotations_at_the_ends)
{
    static const char *const id[] = {"spectral", "eclipse-fast", "midpoint",
                                     "naive"};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct plain net, turned;
        double v[16], norm = 0;
        uint64_t state = seed + 5;
        plain_random(&net, activation[seed], width, LINKS, seed);
        plain_copy(&turned, &net);
        for (size_t k = 0; k < width[0]; k++) {
            v[k] = plain_normal(&state);
            norm += v[k] * v[k];
        }
        for (size_t r = 0; r < width[1]; r++) {
            double *row = turned.weight[0] + r * width[0], dot = 0;
            for (size_t k = 0; k < width[0]; k++)
                dot += row[k] * v[k];
            for (size_t k = 0; k < width[0]; k++)
                row[k] -= 2 * dot / norm * v[k];
        }
        for (int m = 0; m < 4; m++)
            ck_assert_double_eq_tol(bound_of_plain(id[m], &turned, PAIR_22) /
                                        bound_of_plain(id[m], &net, PAIR_22),
                                    1, 1e-9);
        plain_clear(&net);
        plain_clear(&turned);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("property/invariance");
    TCase *tc = tcase_create("invariance");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, scaling_one_layer);
    tcase_add_test(tc, permuting_neurons);
    tcase_add_test(tc, adding_dead_neurons);
    tcase_add_test(tc, transposition);
    tcase_add_test(tc, transposition_of_the_recursion);
    tcase_add_test(tc, rotations_at_the_ends);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
