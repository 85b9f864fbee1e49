/* SPDX-License-Identifier: MIT
 *
 * ECLipsE-Fast: known values of small networks, slopes of any kind against
 * what is attained, and the order between the bounds. */
#include "tests/support/attained.h"
#include "tests/support/layers.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct lip_ctx none;

static struct lip_chain *chain_of(const char *activation, const size_t *width,
                                  size_t links, const double *const *weight)
{
    struct plain net;
    plain_zero(&net, activation, width, links);
    for (size_t i = 0; i < links; i++)
        memcpy(net.weight[i], weight[i],
               width[i] * width[i + 1] * sizeof(double));
    struct lip_chain *chain = plain_chain(&net, &none);
    plain_clear(&net);
    return chain;
}

static void equals(const struct lip_chain *chain, const char *method,
                   double value)
{
    double bound = bound_of(method, chain, PAIR_22);
    ck_assert_msg(bound >= value * (1 - 1e-15), "%s: %.17g below %.17g", method,
                  bound, value);
    ck_assert_msg(bound <= value * (1 + 1e-12), "%s: %.17g above %.17g", method,
                  bound, value);
}

/* |x| = relu(x) + relu(-x). */
START_TEST(absolute_value)
{
    static const double w1[] = {1, -1}, w2[] = {1, 1};
    struct lip_chain *chain = chain_of("relu", (const size_t[]){1, 2, 1}, 2,
                                       (const double *const[]){w1, w2});
    equals(chain, "eclipse-fast", sqrt(2));
    equals(chain, "spectral", 2);
    equals(chain, "naive", 2);
    equals(chain, "midpoint", 1);
    equals(chain, "absolute", 2);
    ck_assert_double_ge(bound_of("closed-form", chain, PAIR_22), 1);
    lip_chain_free(chain);
}
END_TEST

/* x = relu(x) - relu(-x): free slopes cannot see better than 2 in the sum of
 * absolute weights, yet no bound may fall below 1. */
START_TEST(identity_of_two)
{
    static const double w1[] = {1, -1}, w2[] = {1, -1};
    struct lip_chain *chain = chain_of("relu", (const size_t[]){1, 2, 1}, 2,
                                       (const double *const[]){w1, w2});
    for (size_t i = 0; lip_methods[i]; i++)
        if (!is_for_images(lip_methods[i]))
            ck_assert_double_ge(bound_of(lip_methods[i]->id, chain, PAIR_22),
                                1);
    lip_chain_free(chain);
}
END_TEST

/* max(x_1, x_2) = relu(x_1 - x_2) + relu(x_2) - relu(-x_2). */
START_TEST(maximum_of_two)
{
    static const double w1[] = {1, -1, 0, 1, 0, -1}, w2[] = {1, 1, -1};
    struct lip_chain *chain = chain_of("relu", (const size_t[]){2, 3, 1}, 2,
                                       (const double *const[]){w1, w2});
    equals(chain, "spectral", 3.2004125807650623);
    equals(chain, "eclipse-fast", 2.394700566540655);
    ck_assert_double_eq_tol(detail_of("midpoint", chain, "network"),
                            2.307313071569079, 1e-12);
    ck_assert_double_ge(bound_of("closed-form", chain, PAIR_22), 1);
    lip_chain_free(chain);
}
END_TEST

/* T(x) = 2 relu(x) - 4 relu(x - 1/2) composed k times, |T'| = 2. Between the
 * activations stands the product of two linear layers. */
START_TEST(tent_maps)
{
    static const double up[] = {1, 1}, down[] = {2, -4};
    static const double fast[] = {4.69041576, 22, 103.189147};
    static const double middle[] = {4.16227766, 17.32455532, 72.10960958};
    for (int k = 1; k <= 3; k++) {
        struct lip_layer layer[9];
        for (int i = 0; i < k; i++) {
            layer[3 * i] = make_dense(2, 1, up, NULL, &none);
            layer[3 * i + 1] = make_activation("relu");
            layer[3 * i + 2] = make_dense(1, 2, down, NULL, &none);
        }
        struct lip_network *network;
        struct lip_chain *chain;
        ck_assert_int_eq(make_network(&network, layer, 3 * (size_t)k, &none),
                         LIP_OK);
        ck_assert_int_eq(lip_chain_new(&chain, network, &none), LIP_OK);
        double product = pow(40, k / 2.0), truth = exp2(k);
        ck_assert_double_eq_tol(bound_of("spectral", chain, PAIR_22), product,
                                1e-10 * product);
        ck_assert_double_eq_tol(bound_of("eclipse-fast", chain, PAIR_22),
                                fast[k - 1], 1e-6);
        ck_assert_double_eq_tol(detail_of("midpoint", chain, "network"),
                                middle[k - 1], 1e-7);
        for (size_t i = 0; lip_methods[i]; i++)
            if (!is_for_images(lip_methods[i]))
                ck_assert_double_ge(
                    bound_of(lip_methods[i]->id, chain, PAIR_22), truth);
        lip_chain_free(chain);
        lip_network_free(network);
    }
}
END_TEST

/* s(x + c) - s(x - c) has the slope 1.1996786 at 0 for c where s' is extreme:
 * a method that takes [0, 1] or an inner range for SiLU falls below. */
START_TEST(slopes_below_zero_and_above_one)
{
    static const double w1[] = {1, 1}, w2[] = {1, -1};
    static const struct {
        const char *activation;
        double attained;
    } row[] = {{"silu", 1.1996786402577338}, {"gelu", 1.25780829}};
    for (int r = 0; r < 2; r++) {
        struct lip_chain *chain =
            chain_of(row[r].activation, (const size_t[]){1, 2, 1}, 2,
                     (const double *const[]){w1, w2});
        for (size_t i = 0; lip_methods[i]; i++)
            if (!is_for_images(lip_methods[i]))
                ck_assert_double_ge(
                    bound_of(lip_methods[i]->id, chain, PAIR_22),
                    row[r].attained);
        lip_chain_free(chain);
    }
}
END_TEST

static void own_slopes(struct plain *net, double lo, double hi, uint64_t seed)
{
    for (size_t i = 0; i + 1 < net->links; i++) {
        net->slope[i] = calloc(net->width[i + 1], sizeof(double));
        for (size_t k = 0; k < net->width[i + 1]; k++)
            net->slope[i][k] = plain_uniform(&seed, lo, hi);
    }
}

/* Every kind of slopes, the whole class of methods: no bound below what is
 * attained by some choice of slopes; the closed forms never above the scalar
 * one, which itself is not above the product where slopes are [0, 1]. */
START_TEST(above_what_is_attained)
{
    static const char *const activation[] = {
        "relu", "abs",  "silu", "gelu",        "leaky-relu", "mish",
        "selu", "tanh", "sin",  "soft-shrink", "prelu"};
    static const size_t shape[][5] = {
        {3, 5, 3, 2, 2}, {2, 4, 3, 2, 1}, {6, 4, 2, 3, 1}, {1, 3, 3, 3, 1}};
    for (uint64_t seed = 0; seed < 132; seed++) {
        struct plain net;
        double attained[9];
        const char *name = activation[seed % 11];
        size_t links = 2 + seed % 3;
        plain_random(&net, name, shape[seed % 4], links, seed);
        if (strcmp(name, "leaky-relu") == 0) {
            static const double slope[] = {-1, -0.5, 0.5, 0.99, -3, 0.01};
            net.has_parameter = true;
            net.parameter = slope[seed / 11 % 6];
        }
        if (strcmp(name, "prelu") == 0)
            own_slopes(&net, seed % 2 ? -2.5 : 0, seed % 3 ? 1 : 2.5, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        attained_by_slopes(attained, chain);
        double fast = bound_or_nan("eclipse-fast", chain, PAIR_22);
        double best = bound_or_nan("closed-form", chain, PAIR_22);
        ck_assert_msg(isfinite(fast) && isfinite(best), "seed %d, %s: skipped",
                      (int)seed, name);
        ck_assert_msg(best >= attained[4] * (1 - 1e-12),
                      "seed %d, %s: %g below %g", (int)seed, name, best,
                      attained[4]);
        ck_assert_double_le(best, fast);
        if (strcmp(name, "relu") == 0 || strcmp(name, "tanh") == 0)
            ck_assert_double_le(fast, bound_of("spectral", chain, PAIR_22) *
                                          (1 + 1e-10));
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* One hidden layer whose rows are independent: any pattern of slopes occurs,
 * so what is attained is the constant, and by rescaling of the input the bound
 * is exact for one neuron. */
START_TEST(one_neuron_is_exact)
{
    static const double slope[] = {-1, -0.7, -0.1, 0, 0.3, 0.9, -4, 6};
    for (size_t s = 0; s < sizeof slope / sizeof *slope; s++) {
        struct plain net;
        static const size_t width[] = {3, 1, 2};
        plain_random(&net, "leaky-relu", width, 2, s);
        net.has_parameter = true;
        net.parameter = slope[s];
        struct lip_chain *chain = plain_chain(&net, &none);
        double attained[9];
        attained_by_slopes(attained, chain);
        double fast = bound_of("eclipse-fast", chain, PAIR_22);
        ck_assert_double_ge(fast, attained[4] * (1 - 1e-14));
        ck_assert_msg(fast <= attained[4] * (1 + 1e-3), "slope %g: %g for %g",
                      slope[s], fast, attained[4]);
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* Slopes that are all but linear, in all neurons or in some: still proven, and
 * close to the linear network. */
START_TEST(nearly_linear_networks)
{
    static const double slope[] = {0.9, 0.999, 0.99999, 1 - 1e-9, 1, 1 + 1e-9};
    static const size_t width[] = {10, 60, 60, 60, 5};
    struct plain net;
    plain_random(&net, "identity", width, 4, 1);
    double linear = bound_of_plain("spectral", &net, PAIR_22);
    net.activation = "leaky-relu";
    net.has_parameter = true;
    double before = INFINITY;
    for (size_t s = 0; s < 5; s++) {
        net.parameter = slope[s];
        double fast = bound_of_plain("eclipse-fast", &net, PAIR_22);
        ck_assert_double_ge(fast, linear * (1 - 1e-12));
        ck_assert_double_le(fast, before * 1.01);
        before = fast;
    }
    ck_assert_double_le(before, linear * 1.01);
    net.activation = "prelu";
    net.has_parameter = false;
    for (int i = 0; i < 3; i++) {
        net.slope[i] = calloc(60, sizeof(double));
        for (int k = 0; k < 60; k++)
            net.slope[i][k] = k % 2 ? 1 : k % 3 ? 0.25 : -1;
    }
    double mixed = bound_of_plain("eclipse-fast", &net, PAIR_22);
    ck_assert_double_le(mixed, bound_of_plain("spectral", &net, PAIR_22));
    plain_clear(&net);
}
END_TEST

/* All slopes 1: the norm of the matrix product. */
START_TEST(linear_networks)
{
    static const size_t width[] = {4, 6, 5, 3};
    for (int way = 0; way < 2; way++) {
        struct plain net;
        plain_random(&net, way ? "prelu" : "identity", width, 3, 7);
        if (way)
            own_slopes(&net, 1, 1, 1);
        struct lip_chain *chain = plain_chain(&net, &none);
        ck_assert_uint_eq(chain->count, way ? 3 : 1);
        net.activation = "identity";
        for (int i = 0; i < 3; i++) {
            free(net.slope[i]);
            net.slope[i] = NULL;
        }
        struct lip_chain *merged = plain_chain(&net, &none);
        double attained[9];
        attained_by_slopes(attained, merged);
        static const char *const exact[] = {"eclipse-fast", "closed-form",
                                            "midpoint"};
        for (int m = 0; m < 3; m++) {
            double bound = bound_of(exact[m], chain, PAIR_22);
            ck_assert_double_ge(bound, attained[4] * (1 - 1e-13));
            /* Linear neurons get a finite multiplier: 2^-11 a layer. */
            ck_assert_msg(bound <= attained[4] * (1 + 2e-3), "%s: %g for %g",
                          exact[m], bound, attained[4]);
        }
        if (!way) /* naive takes the Frobenius norm */
            equals(chain, "spectral", attained[4]);
        lip_chain_free(chain);
        lip_chain_free(merged);
        plain_clear(&net);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/eclipse_fast");
    TCase *tc = tcase_create("eclipse_fast");
    tcase_add_test(tc, absolute_value);
    tcase_add_test(tc, identity_of_two);
    tcase_add_test(tc, maximum_of_two);
    tcase_add_test(tc, tent_maps);
    tcase_add_test(tc, slopes_below_zero_and_above_one);
    tcase_add_test(tc, above_what_is_attained);
    tcase_add_test(tc, one_neuron_is_exact);
    tcase_add_test(tc, linear_networks);
    tcase_add_test(tc, nearly_linear_networks);
    add_method_tests(tc, "eclipse-fast");
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
