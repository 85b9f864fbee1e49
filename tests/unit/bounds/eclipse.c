/* SPDX-License-Identifier: MIT
 *
 * ECLipsE: the optimum on one hidden layer, between the optimum and what else
 * is proven on more, what its own multipliers prove. */
#include "tests/support/attained.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

static struct lip_ctx none;

static struct lip_bound solve(const char *id, const struct lip_chain *chain,
                              double tolerance, size_t most)
{
    struct lip_bound_options options = {
        .norm = PAIR_22, .tolerance = tolerance, .max_iterations = most};
    struct lip_bound bound;
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(
        lip_method_run(&bound, lip_method_find(id), chain, &options, &ctx),
        LIP_OK);
    ck_assert_msg(!bound.skipped, "%s", bound.reason);
    return bound;
}

static const char *const activation[] = {"relu", "leaky-relu", "silu", "gelu",
                                         "tanh", "abs",        "elu"};
enum { ACTIVATIONS = sizeof activation / sizeof *activation };

/* With one hidden layer the layer problem is LipSDP-Neuron. */
START_TEST(the_optimum_of_one_hidden_layer)
{
    static const size_t width[][3] = {{4, 12, 3}, {9, 5, 1}, {1, 20, 7}};
    for (uint64_t seed = 0; seed < 3 * ACTIVATIONS; seed++) {
        struct plain net;
        plain_random(&net, activation[seed / 3], width[seed % 3], 2, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        double bound = bound_of("eclipse", chain, PAIR_22);
        struct lip_bound best = solve("lipsdp", chain, 1e-6, 0);
        ck_assert_int_eq(best.state, LIP_BOUND_CONVERGED);
        ck_assert_double_ge(bound, best.optimum_at_least);
        ck_assert_msg(bound <= best.upper_bound * (1 + 1e-7),
                      "%s: %.12g above %.12g", net.activation, bound,
                      best.upper_bound);
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* attained <= lipsdp <= eclipse; and not above eclipse-fast on any of these,
 * though that is not a theorem. */
START_TEST(order)
{
    static const size_t width[] = {3, 8, 9, 8, 2};
    for (uint64_t seed = 0; seed < 4 * ACTIVATIONS; seed++) {
        struct plain net;
        double found[9];
        plain_random(&net, activation[seed / 4], width, 4, seed);
        struct lip_network *network = plain_network(&net, &none);
        struct lip_chain *chain = plain_chain(&net, &none);
        attained_by_search(found, network, chain, 20, 1, seed);
        double bound = bound_of("eclipse", chain, PAIR_22);
        ck_assert_double_ge(bound, found[4] * (1 - 1e-12));
        ck_assert_double_ge(bound,
                            solve("lipsdp", chain, 1e-3, 0).optimum_at_least);
        ck_assert_msg(bound <= bound_of("eclipse-fast", chain, PAIR_22),
                      "%s, seed %d", net.activation, (int)seed);
        lip_chain_free(chain);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

/* Fewer steps than the optimum takes give a bound all the same, and say so. */
START_TEST(obeys_max_iterations)
{
    static const size_t width[] = {5, 20, 20, 20, 2};
    struct plain net;
    plain_random(&net, "relu", width, 4, 1);
    struct lip_chain *chain = plain_chain(&net, &none);
    struct lip_bound whole = solve("eclipse", chain, 0, 0);
    ck_assert_int_eq(whole.state, LIP_BOUND_NONE);
    ck_assert_uint_gt(whole.iterations, 60);
    ck_assert(isnan(whole.optimum_at_least));
    for (size_t most = 1; most < whole.iterations; most = 2 * most) {
        struct lip_bound b = solve("eclipse", chain, 0, most);
        ck_assert_int_eq(b.state, LIP_BOUND_ITERATION_LIMIT);
        ck_assert_uint_eq(b.iterations, most);
        ck_assert_double_ge(b.upper_bound, whole.upper_bound * 0.99);
        ck_assert_double_le(b.upper_bound,
                            1.5 * bound_of("eclipse-fast", chain, PAIR_22));
    }
    lip_chain_free(chain);
    plain_clear(&net);
}
END_TEST

/* Dead neurons, neurons of their own slopes, extreme scales. */
START_TEST(odd_networks)
{
    static const size_t width[] = {4, 9, 12, 8, 3};
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct plain net;
        uint64_t state = seed;
        plain_random(&net, activation[seed % ACTIVATIONS], width, 4, seed);
        for (size_t i = 0; i < 4; i++)
            for (size_t k = 0; k < width[i] * width[i + 1]; k++)
                net.weight[i][k] *=
                    seed % 3 == 0   ? plain_uniform(&state, 0, 1) < 0.6
                    : seed % 3 == 1 ? (i % 2 ? 1e-200 : 1e200)
                                    : exp2(plain_uniform(&state, -30, 30));
        if (seed % 3 == 0)
            memset(net.weight[1] + 9, 0, 9 * sizeof(double));
        struct lip_chain *chain = plain_chain(&net, &none);
        double bound = bound_or_nan("eclipse", chain, PAIR_22);
        struct lip_bound least = solve("lipsdp", chain, 0.1, 100);
        if (seed % 3 < 2)
            ck_assert_msg(bound > 0, "%s, seed %d: not proven", net.activation,
                          (int)seed);
        if (!isnan(bound) && !isnan(least.optimum_at_least))
            ck_assert_double_ge(bound, least.optimum_at_least);
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* Without signs and one output: within a few percent of |W_l ... W_1|. */
START_TEST(without_signs)
{
    static const size_t width[] = {4, 20, 20, 20, 1};
    struct plain net;
    plain_random(&net, "relu", width, 4, 1);
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < width[i] * width[i + 1]; k++)
            net.weight[i][k] = fabs(net.weight[i][k]);
    double bound = bound_of_plain("eclipse", &net, PAIR_22);
    net.activation = "identity";
    double product = bound_of_plain("spectral", &net, PAIR_22);
    ck_assert_double_ge(bound, product * (1 - 1e-12));
    ck_assert_double_le(bound, product * 1.03);
    plain_clear(&net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/eclipse");
    TCase *tc = tcase_create("eclipse");
    tcase_add_test(tc, the_optimum_of_one_hidden_layer);
    tcase_add_test(tc, order);
    tcase_add_test(tc, obeys_max_iterations);
    tcase_add_test(tc, odd_networks);
    tcase_add_test(tc, without_signs);
    add_method_tests(tc, "eclipse");
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
