/* SPDX-License-Identifier: MIT
 *
 * Soundness against what real networks do: for every activation, every method
 * and every pair of norms, no bound is below a difference quotient or a
 * Jacobian that a search finds. */
#include "tests/support/attained.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lip_ctx none;
static uint64_t seed_of_run = 20240607;

static size_t activations(void)
{
    size_t count = 0;
    while (lip_activations[count])
        count++;
    return count;
}

static void check(const struct plain *net, uint64_t seed)
{
    struct lip_network *network = plain_network(net, &none);
    struct lip_chain *chain;
    double found[9];
    ck_assert_int_eq(lip_chain_new(&chain, network, &none), LIP_OK);
    attained_by_search(found, network, chain, 60, 1, seed);
    for (size_t i = 0; lip_methods[i]; i++)
        for (int p = 0; p < 9; p++) {
            struct lip_norm_pair pair = nth_pair(p);
            double bound = bound_or_nan(lip_methods[i]->id, chain, pair);
            ck_assert_msg(!(bound < found[p] * (1 - 1e-9)),
                          "%s, %s, %s->%s, seed %d: %.17g below %.17g",
                          net->activation, lip_methods[i]->id,
                          lip_norm_name(pair.input), lip_norm_name(pair.output),
                          (int)seed, bound, found[p]);
        }
    lip_chain_free(chain);
    lip_network_free(network);
}

/* One activation after the other, as loops of the test. */
START_TEST(every_activation)
{
    static const size_t shape[][6] = {
        {1, 1, 1, 1, 1, 1}, {3, 8, 7, 2, 5, 4}, {9, 4, 1, 6, 3, 1}};
    const char *name = lip_activations[_i]->name;
    for (uint64_t k = 0; k < 9; k++) {
        struct plain net;
        uint64_t seed = seed_of_run + 100 * (uint64_t)_i + k;
        plain_random(&net, name, shape[k % 3], 2 + k / 3, seed);
        if (lip_activations[_i]->per_neuron)
            for (size_t i = 0; i + 1 < net.links; i++) {
                uint64_t state = seed;
                net.slope[i] = calloc(net.width[i + 1], sizeof(double));
                for (size_t n = 0; n < net.width[i + 1]; n++)
                    net.slope[i][n] = plain_uniform(&state, -1.2, 1.2);
            }
        check(&net, seed);
        plain_clear(&net);
    }
}
END_TEST

/* f(x) = relu(x) - relu(x - 1): slope 1 between 0 and 1, flat elsewhere. Tools
 * that look at the sum of the weights, or from afar, answer 0. */
START_TEST(a_ramp)
{
    static const size_t width[] = {1, 2, 1};
    struct plain net;
    plain_zero(&net, "relu", width, 2);
    net.weight[0][0] = net.weight[0][1] = net.weight[1][0] = 1;
    net.weight[1][1] = -1;
    net.bias[0][1] = -1;
    for (size_t i = 0; lip_methods[i]; i++)
        for (int p = 0; p < 9; p++) {
            struct lip_ctx ctx = {0};
            struct lip_chain *chain = plain_chain(&net, &ctx);
            double bound = bound_or_nan(lip_methods[i]->id, chain, nth_pair(p));
            ck_assert_msg(!(bound < 1), "%s: %g", lip_methods[i]->id, bound);
            lip_chain_free(chain);
        }
    plain_clear(&net);
}
END_TEST

/* s(x + c) - s(x - c), c where the slope of s is extreme: the quotient that is
 * really there, near 0. */
START_TEST(slopes_that_leave_the_unit_interval)
{
    static const struct {
        const char *name;
        double c, least;
    } row[] = {{"silu", 2.39936, 1.1996786}, {"gelu", 1.41421356, 1.2578}};
    static const size_t width[] = {1, 2, 1};
    for (int r = 0; r < 2; r++) {
        struct plain net;
        double up, down, x = 1e-4, y = -1e-4;
        plain_zero(&net, row[r].name, width, 2);
        net.weight[0][0] = net.weight[0][1] = net.weight[1][0] = 1;
        net.weight[1][1] = -1;
        net.bias[0][0] = row[r].c;
        net.bias[0][1] = -row[r].c;
        struct lip_network *network = plain_network(&net, &none);
        lip_network_eval(&up, network, &x, &none);
        lip_network_eval(&down, network, &y, &none);
        double found = fabs(up - down) / 2e-4;
        ck_assert_double_ge(found, row[r].least - 1e-6);
        for (size_t i = 0; lip_methods[i]; i++)
            if (!is_for_images(lip_methods[i]))
                ck_assert_double_ge(
                    bound_of_plain(lip_methods[i]->id, &net, PAIR_22), found);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("property/attained");
    TCase *tc = tcase_create("attained");
    printf("seed %d\n", (int)seed_of_run);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, every_activation, 0, (int)activations());
    tcase_add_test(tc, a_ramp);
    tcase_add_test(tc, slopes_that_leave_the_unit_interval);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
