/* SPDX-License-Identifier: MIT
 *
 * The order that theory promises between the bounds of one network: what is
 * attained <= closed-form <= eclipse-fast <= spectral <= naive, midpoint <=
 * spectral, absolute >= the norm of the matrix product; equality without
 * signs. */
#include "tests/support/attained.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>

static struct lip_ctx none;

START_TEST(from_attained_to_naive)
{
    static const size_t shape[][5] = {
        {3, 6, 5, 4, 2}, {8, 20, 20, 20, 3}, {2, 50, 4, 30, 1}};
    for (uint64_t seed = 0; seed < 45; seed++) {
        struct plain net;
        double found[9];
        plain_random(&net, seed % 2 ? "relu" : "tanh", shape[seed % 3],
                     2 + seed % 3, seed);
        struct lip_network *network = plain_network(&net, &none);
        struct lip_chain *chain = plain_chain(&net, &none);
        attained_by_search(found, network, chain, 20, 1, seed);
        double naive = bound_of("naive", chain, PAIR_22);
        double spectral = bound_of("spectral", chain, PAIR_22);
        double fast = bound_of("eclipse-fast", chain, PAIR_22);
        double closed = bound_of("closed-form", chain, PAIR_22);
        double middle = bound_of("midpoint", chain, PAIR_22);
        const double more = 1 + 1e-9;
        ck_assert_double_le(found[4], closed * more);
        ck_assert_double_le(closed, fast);
        ck_assert_double_le(fast, spectral * more);
        ck_assert_double_le(spectral, naive * more);
        ck_assert_double_le(found[4], middle * more);
        ck_assert_double_le(middle, spectral * more);
        lip_chain_free(chain);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

/* A wider slope range cannot give a smaller bound: leaky-relu with a slope in
 * [0, 1] lies between identity and relu. */
START_TEST(wider_slopes_larger_bounds)
{
    static const size_t width[] = {4, 10, 10, 10, 3};
    static const double slope[] = {0.9, 0.6, 0.3, 0.1, 0, -0.2, -0.5, -1};
    for (uint64_t seed = 0; seed < 10; seed++)
        for (size_t i = 0; direct_methods[i]; i++) {
            struct plain net;
            double before = 0;
            const char *id = direct_methods[i];
            plain_random(&net, "leaky-relu", width, 4, seed);
            net.has_parameter = true;
            for (int s = 0; s < 8; s++) {
                net.parameter = slope[s];
                double now = bound_of_plain(id, &net, PAIR_22);
                /* The closed forms choose; a few percent either way. */
                ck_assert_msg(now >= before * 0.98,
                              "%s, seed %d, slope %g: "
                              "%g after %g",
                              id, (int)seed, slope[s], now, before);
                before = now;
            }
            plain_clear(&net);
        }
}
END_TEST

/* Without signs: absolute = closed-form = |W_l ... W_1|. */
START_TEST(equal_without_signs)
{
    static const size_t width[] = {4, 9, 8, 7, 2};
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct plain net;
        plain_random(&net, "relu", width, 2 + seed % 3, seed);
        for (size_t i = 0; i < net.links; i++)
            for (size_t k = 0; k < width[i] * width[i + 1]; k++)
                net.weight[i][k] = fabs(net.weight[i][k]);
        double closed = bound_of_plain("closed-form", &net, PAIR_22);
        double absolute = bound_of_plain("absolute", &net, PAIR_22);
        net.activation = "identity";
        double product = bound_of_plain("spectral", &net, PAIR_22);
        ck_assert_double_eq_tol(closed / product, 1, 1e-9);
        ck_assert_double_eq_tol(absolute / product, 1, 1e-10);
        plain_clear(&net);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("property/order");
    TCase *tc = tcase_create("order");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, from_attained_to_naive);
    tcase_add_test(tc, wider_slopes_larger_bounds);
    tcase_add_test(tc, equal_without_signs);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
