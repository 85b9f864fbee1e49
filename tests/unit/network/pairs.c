/* SPDX-License-Identifier: MIT
 *
 * The largest of several numbers in pairs, windows that overlap and are cut off
 * at borders among them. */
#include "network/chain.h"

#include "tests/support/graph.h"
#include "tests/support/shaped.h"
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

/* The largest of nine, at borders of four or six. */
START_TEST(overlapping_windows)
{
    long shape[] = {2, 5, 4, 0}, kernel[] = {3, 3}, stride[] = {2}, pad[] = {1};
    struct lip_layer pool = make_kind(&lip_layer_max_pool);
    double w[2 * 12];
    uint64_t seed = 4;
    for (int i = 0; i < 24; i++)
        w[i] = shaped_uniform(&seed);
    set(&pool, "kernel", 2, kernel);
    set(&pool, "stride", 1, stride);
    set(&pool, "padding", 1, pad);
    struct lip_layer layer[] = {make_reshape(shape), pool, make_flatten(),
                                make_dense(2, 12, w, NULL, &ctx)};
    struct lip_network *network;
    enum lip_status status = make_network(&network, layer, 4, &ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    struct lip_chain *chain = unrolled_chain(network, &ctx);
    ck_assert_uint_eq(chain->count, 5);
    unrolled_value(network, chain, &seed, 0);
    lip_chain_free(chain);
    lip_network_free(network);
    nothing_is_left();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pairs");
    TCase *tc = tcase_create("pairs");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, overlapping_windows);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
