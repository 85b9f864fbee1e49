/* SPDX-License-Identifier: MIT
 *
 * Soundness and order on random graphs: convolutions, pools, normalisation,
 * sums and joins, MaxMin, every activation. No bound of any method in any pair
 * of norms is below a difference quotient, a Jacobian or what slopes attain;
 * lipsdp is below the closed forms, and all agree where nothing is lost. */
#include "bounds/method.h"

#include "tests/support/attained.h"
#include "tests/support/drawn.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed_of_run = 20261121;
static struct lip_ctx none;

static struct lip_chain *chain_of(const struct lip_network *network)
{
    struct lip_chain *chain;
    enum lip_status status = lip_chain_new(&chain, network, &none);
    ck_assert_msg(status == LIP_OK, "%s", none.error.detail);
    ck_assert_msg(chain->unrolled, "%s", chain->obstacle);
    return chain;
}

/* Raises found[9] to the Jacobian at x by differences of step h, good to about
 * h, and returns f there. */
static void raise_by_jacobian(double found[9],
                              const struct lip_network *network, double *x)
{
    size_t n = network->inputs, m = network->outputs;
    double j[256], y[16], z[16], h = 1e-6;
    ck_assert(n * m <= 256 && m <= 16);
    lip_network_eval(y, network, x, NULL);
    for (size_t i = 0; i < n; i++) {
        double held = x[i];
        x[i] += h;
        lip_network_eval(z, network, x, NULL);
        for (size_t k = 0; k < m; k++)
            j[k * n + i] = (z[k] - y[k]) / (x[i] - held);
        x[i] = held;
    }
    for (int p = 0; p < 9; p++)
        if (lip_norm_pair_easy(nth_pair(p)) || (n <= 10 && m <= 10))
            found[p] = fmax(found[p], plain_norm(j, m, n, nth_pair(p)));
}

static void search(double found[9], const struct lip_network *network,
                   uint64_t *seed)
{
    double x[64];
    ck_assert_uint_le(network->inputs, 64);
    memset(found, 0, 9 * sizeof *found);
    for (int t = 0; t < 40; t++) {
        for (size_t i = 0; i < network->inputs; i++)
            x[i] = 2 * plain_normal(seed);
        raise_by_jacobian(found, network, x);
    }
}

static void not_below(const struct lip_chain *chain, const double found[9],
                      double tolerance, int graph)
{
    for (size_t i = 0; lip_methods[i]; i++)
        for (int p = 0; p < 9; p++) {
            struct lip_norm_pair pair = nth_pair(p);
            double bound = bound_or_nan(lip_methods[i]->id, chain, pair);
            ck_assert_msg(!(bound < found[p] * (1 - tolerance)),
                          "graph %d, %s, %s->%s: %.17g below %.17g", graph,
                          lip_methods[i]->id, lip_norm_name(pair.input),
                          lip_norm_name(pair.output), bound, found[p]);
        }
}

START_TEST(no_bound_is_below_what_is_found)
{
    uint64_t seed = seed_of_run + (uint64_t)_i;
    for (int t = 0; t < 30; t++) {
        static const double scale[] = {1, 1, 1e-6, 1, 1e5};
        double by = scale[t % 5]; /* biases would drown what is small */
        struct drawn what = {by != 1, t % 2, by, 0};
        struct lip_network *network = drawn_graph(&seed, what, NULL);
        struct lip_chain *chain = chain_of(network);
        double found[9];
        search(found, network, &seed);
        not_below(chain, found, 1e-4, t);
        lip_chain_free(chain);
        lip_network_free(network);
    }
}
END_TEST

/* Free slopes are what methods allow: all ends, where they can be counted. */
START_TEST(no_bound_is_below_what_slopes_attain)
{
    uint64_t seed = seed_of_run + 100 + (uint64_t)_i;
    for (int t = 0, done = 0; done < 12 && t < 400; t++) {
        struct drawn what = {.pairs = t % 2};
        struct lip_network *network = drawn_graph(&seed, what, NULL);
        struct lip_chain *chain = chain_of(network);
        size_t neurons = 0, all = 0;
        for (size_t i = 0; i + 1 < chain->count; i++)
            for (size_t k = 0; k < lip_chain_width(chain, i + 1); k++, all++)
                neurons += chain->slopes[i][k].lo != chain->slopes[i][k].hi;
        double found[9];
        if (neurons <= 10 && all <= 60 && chain->inputs <= 20) {
            attained_by_slopes(found, chain);
            not_below(chain, found, 1e-9, t);
            done++;
        }
        lip_chain_free(chain);
        lip_network_free(network);
    }
}
END_TEST

/* x + W2 phi(W1 x) on its own is exact in few methods; deeper ones keep the
 * order. */
START_TEST(residual_networks)
{
    static const char *const name[] = {"relu", "leaky-relu", "tanh", "abs"};
    uint64_t seed = seed_of_run + 7;
    for (int t = 0; t < 12; t++) {
        struct lip_network *network = drawn_residual(
            &seed, name[t % 4], 3, 4, 3, 1 + (size_t)(t % 2), 2, 1, NULL);
        struct lip_chain *chain = chain_of(network);
        double found[9];
        attained_by_slopes(found, chain);
        not_below(chain, found, 1e-9, t);
        double sdp = bound_of("lipsdp", chain, PAIR_22);
        static const char *const other[] = {"closed-form", "eclipse-fast",
                                            "eclipse"};
        for (int i = 0; i < 3; i++)
            ck_assert_double_le(sdp, 1.01 * bound_of(other[i], chain, PAIR_22));
        /* The slopes that attain the most leave little room. */
        ck_assert_double_le(sdp, 1.3 * found[4]);
        lip_chain_free(chain);
        lip_network_free(network);
    }
}
END_TEST

/* However layers are put together, lipsdp converges, and nothing is below its
 * lower bound of the optimum but what is not of its kind. */
START_TEST(lipsdp_converges)
{
    uint64_t seed = seed_of_run + 200 + (uint64_t)_i;
    struct lip_bound_options options = {.norm = PAIR_22, .tolerance = 0.01};
    for (int t = 0; t < 60; t++) {
        struct drawn what = {.pairs = t % 3};
        struct lip_network *network = drawn_graph(&seed, what, NULL);
        struct lip_chain *chain = chain_of(network);
        struct lip_bound bound;
        ck_assert_int_eq(lip_method_run(&bound, lip_method_find("lipsdp"),
                                        chain, &options, NULL),
                         LIP_OK);
        ck_assert_msg(chain->zero || bound.state == LIP_BOUND_CONVERGED,
                      "graph %d: %g, optimum at least %g", t, bound.upper_bound,
                      bound.optimum_at_least);
        static const char *const other[] = {"closed-form", "eclipse-fast",
                                            "eclipse"};
        for (int i = 0; i < 3; i++) {
            double value = bound_or_nan(other[i], chain, PAIR_22);
            ck_assert_msg(!(bound.upper_bound > 1.01 * value),
                          "graph %d: %g, %s %g", t, bound.upper_bound, other[i],
                          value);
        }
        lip_chain_free(chain);
        lip_network_free(network);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("property/graphs");
    TCase *tc = tcase_create("graphs");
    printf("seed %d\n", (int)seed_of_run);
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, no_bound_is_below_what_is_found, 0, 2);
    tcase_add_loop_test(tc, no_bound_is_below_what_slopes_attain, 0, 2);
    tcase_add_test(tc, residual_networks);
    tcase_add_loop_test(tc, lipsdp_converges, 0, 2);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
