/* SPDX-License-Identifier: MIT
 *
 * As few numbers cross a gap as that takes. */
#include "network/levels.h"

#include "tests/support/drawn.h"
#include "tests/support/suite.h"
#include "tests/support/unrolled.h"

#include <math.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void start(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static void nothing_is_left(void)
{
    size_t used = atomic_load(&budget.used);
    ck_assert_uint_eq(used, 0);
}

/* Of x + W2 relu(W1 x) the gap has the neurons of W1 and x; where W1 x is
 * narrower and is what goes on, that. */
START_TEST(few_numbers_cross)
{
    uint64_t seed = 3;
    struct lip_network *network =
        drawn_residual(&seed, "relu", 3, 5, 7, 1, 2, 1, &ctx);
    struct lip_chain *chain = unrolled_chain(network, &ctx);
    ck_assert_uint_eq(chain->count, 3);
    ck_assert_uint_eq(lip_chain_width(chain, 1), 7 + 3); /* the input */
    ck_assert_uint_eq(chain->gap[0].passes, 3);
    ck_assert_uint_eq(lip_chain_width(chain, 2), 5);
    ck_assert_uint_eq(chain->gap[1].passes, 0);
    lip_chain_free(chain);
    lip_network_free(network);
    network = drawn_residual(&seed, "relu", 9, 5, 7, 2, 2, 1, &ctx);
    chain = unrolled_chain(network, &ctx);
    ck_assert_uint_eq(chain->count, 4);
    ck_assert_uint_eq(lip_chain_width(chain, 1), 7 + 5);
    ck_assert_uint_eq(lip_chain_width(chain, 2), 7 + 5);
    ck_assert_uint_eq(chain->gap[1].passes, 5);
    lip_chain_free(chain);
    lip_network_free(network);
    nothing_is_left();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("levels");
    TCase *tc = tcase_create("levels");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, few_numbers_cross);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
