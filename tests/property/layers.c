/* SPDX-License-Identifier: MIT
 *
 * Soundness on graphs of every kind of layer that there is: no bound of any
 * method in l1, l2 or linf is below what random pairs of points show, and
 * constants of joint layers hold. */
#include "bounds/method.h"

#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/random_graph.h"
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

#include <math.h>

enum { GRAPHS = 15 };

static struct lip_ctx none;

/* Close pairs show slopes where the function bends, distant ones elsewhere. */
static double found(const struct lip_network *network, enum lip_norm p)
{
    double near = shaped_steepest(network, p, 0.05, 100);
    double middle = shaped_steepest(network, p, 1, 200);
    return fmax(fmax(near, middle), shaped_steepest(network, p, 10, 100));
}

static size_t check(const struct lip_network *network, uint64_t seed)
{
    struct lip_chain *chain;
    size_t bounds = 0;
    ck_assert_int_eq(lip_chain_new(&chain, network, &none), LIP_OK);
    for (int p = 0; p < LIP_NORM_COUNT; p++) {
        enum lip_norm norm = (enum lip_norm)p;
        double low = found(network, norm);
        for (size_t i = 0; lip_methods[i]; i++) {
            double bound = bound_or_nan(lip_methods[i]->id, chain,
                                        (struct lip_norm_pair){norm, norm});
            bounds += !isnan(bound);
            ck_assert_msg(!(bound < low * (1 - 1e-9)),
                          "%s, l%s, seed %llu: %.17g below %.17g",
                          lip_methods[i]->id, lip_norm_name(norm),
                          (unsigned long long)seed, bound, low);
        }
    }
    lip_chain_free(chain);
    return bounds;
}

/* Loops of the test, so that each has a time of its own. */
START_TEST(no_bound_is_below_what_is_found)
{
    size_t bounds = 0;
    for (uint64_t k = 0; k < GRAPHS; k++) {
        uint64_t start = 1000 + GRAPHS * (uint64_t)_i + k, seed = start;
        struct lip_network *network = random_graph(&seed, &none);
        bounds += check(network, start);
        lip_network_free(network);
    }
    ck_assert_uint_ge(bounds, 2 * GRAPHS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("property/layers");
    TCase *tests = tcase_create("layers");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, no_bound_is_below_what_is_found, 0, 4);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
