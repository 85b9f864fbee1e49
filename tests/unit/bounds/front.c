/* SPDX-License-Identifier: MIT
 *
 * The first layer by its inputs proves what the first layer by its neurons
 * does: same multipliers, same value, but for rounding; both refuse the same.
 */
#include "bounds/front.h"

#include "bounds/rule.h"
#include "tests/support/drawn.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"
#include "tests/support/unrolled.h"

#include <math.h>
#include <stdio.h>

static double pass(const struct lip_chain *chain, double c, bool front)
{
    struct lip_recursion rec;
    struct lip_big value = {0, 0};
    bool feasible;
    ck_assert_int_eq(lip_recursion_new(&rec, chain, NULL), LIP_OK);
    ck_assert(rec.front.used == lip_front_applies(chain));
    rec.front.used = rec.front.used && front;
    ck_assert_int_eq(
        lip_rule_pass(&value, &feasible, &rec, &lip_rule_scalar, c, NULL),
        LIP_OK);
    rec.front.used = true; /* or nothing is freed */
    lip_recursion_clear(&rec);
    return feasible ? lip_big_double(value) : NAN;
}

START_TEST(the_same_value)
{
    uint64_t seed = 40;
    int compared = 0;
    for (int t = 0; t < 300; t++) {
        struct drawn what = {.pairs = t % 2};
        struct lip_network *network = drawn_graph(&seed, what, NULL);
        struct lip_chain *chain = unrolled_chain(network, NULL);
        if (lip_front_applies(chain)) {
            double c = 1 + 0.2 * (t % 4);
            double a = pass(chain, c, true), b = pass(chain, c, false);
            ck_assert_msg(isnan(a) == isnan(b) || fabs(a - b) <= 1e-6 * b,
                          "graph %d: %g, %g", t, a, b);
            if (!isnan(a))
                ck_assert_double_eq_tol(a, b, 1e-6 * b);
            compared++;
        }
        lip_chain_free(chain);
        lip_network_free(network);
    }
    printf("%d chains begin with a wide layer\n", compared);
    ck_assert_int_ge(compared, 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/front");
    TCase *tc = tcase_create("front");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_same_value);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
