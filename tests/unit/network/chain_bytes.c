/* SPDX-License-Identifier: MIT
 *
 * Estimates are from shapes alone; they bound what is there. */
#include "network/chain.h"

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

/* Estimates are from shapes alone; they bound what is there. */
START_TEST(the_estimate_covers_the_matrices)
{
    uint64_t seed = 21;
    for (int t = 0; t < 100; t++) {
        struct drawn what = {.pairs = t % 2};
        struct lip_network *network = drawn_graph(&seed, what, &ctx);
        size_t before = atomic_load(&budget.used);
        struct lip_chain *chain = unrolled_chain(network, &ctx);
        size_t after = atomic_load(&budget.used);
        double bytes = 0;
        for (size_t i = 0; i < chain->count; i++)
            bytes += 8.0 * (double)chain->link[i].transposed.rows *
                     (double)chain->link[i].transposed.cols;
        double said = lip_chain_bytes(network);
        if (!lip_network_is_dense(network)) {
            ck_assert_double_ge(said, bytes);
            ck_assert_double_le((double)(after - before), said + 20000);
        }
        lip_chain_free(chain);
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chain_bytes");
    TCase *tc = tcase_create("chain_bytes");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_estimate_covers_the_matrices);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
