/* SPDX-License-Identifier: MIT
 *
 * Graphs as chains: the chain's value is the network's at random points, where
 * slopes are what signs say; limits, and memory that ends. */
#include "network/unroll.h"

#include "tests/support/drawn.h"
#include "tests/support/graph.h"
#include "tests/support/plain.h"
#include "tests/support/shaped.h"
#include "tests/support/suite.h"
#include "tests/support/unrolled.h"

#include <math.h>
#include <stdlib.h>
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

START_TEST(a_chain_computes_what_the_network_does)
{
    uint64_t seed = 20;
    for (int t = 0; t < 400; t++) {
        struct drawn what = {.straight = true, .pairs = t % 2};
        struct lip_network *network = drawn_graph(&seed, what, &ctx);
        struct lip_chain *chain = unrolled_chain(network, &ctx);
        unrolled_value(network, chain, &seed, t);
        lip_chain_free(chain);
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

/* Over a limit the chain is there without matrices. */
START_TEST(a_limit_of_bytes)
{
    uint64_t seed = 6;
    struct lip_network *network =
        drawn_residual(&seed, "relu", 3, 5, 7, 2, 2, 1, &ctx);
    struct lip_chain *chain;
    double bytes = lip_chain_bytes(network);
    ck_assert_double_gt(bytes, 0);
    ck_assert_int_eq(lip_chain_new_within(&chain, network, bytes, &ctx),
                     LIP_OK);
    ck_assert(chain->unrolled);
    lip_chain_free(chain);
    ck_assert_int_eq(lip_chain_new_within(&chain, network, bytes - 1, &ctx),
                     LIP_OK);
    ck_assert(!chain->unrolled && chain->obstacle[0]);
    lip_chain_free(chain);
    lip_network_free(network);
    nothing_is_left();
}
END_TEST

/* Memory that ends anywhere: a chain without matrices, or the failure. */
START_TEST(memory_that_runs_out)
{
    uint64_t seed = 7;
    struct drawn what = {.pairs = true};
    for (int t = 0; t < 6; t++) {
        struct lip_network *network = drawn_graph(&seed, what, &ctx);
        struct lip_chain *chain;
        for (long left = 0; left < 200; left++) {
            atomic_store(&budget.fail_after, left);
            enum lip_status status = lip_chain_new(&chain, network, &ctx);
            atomic_store(&budget.fail_after, -1);
            ck_assert(status == LIP_OK || ctx.error.status == status);
            bool whole = status == LIP_OK && chain->unrolled;
            if (status == LIP_OK)
                lip_chain_free(chain);
            lip_error_clear(&ctx);
            if (whole)
                break;
        }
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unroll");
    TCase *tc = tcase_create("unroll");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_chain_computes_what_the_network_does);
    tcase_add_test(tc, a_limit_of_bytes);
    tcase_add_test(tc, memory_that_runs_out);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
