/* SPDX-License-Identifier: MIT
 *
 * What networks are taken apart into, and what has no such form. */
#include "network/nodes.h"
#include "network/unroll.h"

#include "tests/support/graph.h"
#include "tests/support/suite.h"

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

START_TEST(layers_without_such_a_form)
{
    double w[160];
    for (int k = 0; k < 160; k++)
        w[k] = k;
    long shape[] = {1, 2, 2, 0};
    struct lip_layer sort = make_kind(&lip_layer_group_sort);
    struct lip_layer layer[] = {
        make_reshape(shape),
        make_conv((size_t[]){40, 1, 2, 2, 0}, w, NULL, &ctx), sort,
        make_flatten(), make_dense(1, 40, w, NULL, &ctx)};
    struct lip_network *network;
    struct lip_chain *chain;
    char reason[240];
    ck_assert_int_eq(make_network(&network, layer, 5, &ctx), LIP_OK);
    ck_assert(isinf(lip_unroll_bytes(network, reason)));
    ck_assert_msg(strstr(reason, "groupsort layer of large groups"), "%s",
                  reason);
    ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
    ck_assert(!chain->unrolled && chain->count == 0);
    ck_assert_str_eq(chain->obstacle, reason);
    ck_assert_double_eq(lip_chain_bytes(network), 0);
    lip_chain_free(chain);
    lip_network_free(network);
    nothing_is_left();
}
END_TEST

/* Stacks of activations are one node with composed slopes, unless the numbers
 * between them go elsewhere too. */
START_TEST(stacks_are_composed)
{
    double w[4] = {1, 2, 3, 4};
    for (int taken = 0; taken < 2; taken++) {
        struct lip_layer layer[] = {
            make_dense(2, 2, w, NULL, &ctx), make_activation("abs"),
            make_activation("leaky-relu"), make_kind(&lip_layer_add)};
        struct lip_network *network;
        struct lip_nodes nodes;
        take_from(&layer[3], 2, taken ? (size_t[]){1, 2} : (size_t[]){0, 2},
                  &ctx);
        ck_assert_int_eq(make_network(&network, layer, 4, &ctx), LIP_OK);
        ck_assert_int_eq(lip_nodes_new(&nodes, network, false, &ctx), LIP_OK);
        ck_assert_uint_eq(nodes.count, taken ? 5 : 4);
        ck_assert_uint_eq(nodes.node[nodes.output].level, taken ? 2 : 1);
        ck_assert_double_le(nodes.node[2].slopes[0].lo, -1);
        lip_nodes_clear(&nodes);
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

/* An activation in front of a pool goes behind it, where it is fewer neurons,
 * unless it falls somewhere or something else takes it, too. */
START_TEST(activations_go_behind_pools)
{
    double w[3] = {1, 2, 3};
    static const char *const name[] = {"relu", "abs"};
    for (int t = 0; t < 3; t++) {
        struct lip_layer pool = make_kind(&lip_layer_max_pool);
        set(&pool, "kernel", 1, (long[]){2});
        set(&pool, "stride", 1, (long[]){2});
        struct lip_layer layer[] = {make_reshape((long[]){1, 6, 0}),
                                    make_activation(name[t % 2]),
                                    pool,
                                    make_dense(1, 3, w, NULL, &ctx),
                                    make_flatten(),
                                    make_kind(&lip_layer_add)};
        size_t count = 4;
        if (t == 2) { /* the activation is taken twice */
            double v[6] = {1, 2, 3, 4, 5, 6};
            layer[4] = make_dense(1, 6, v, NULL, &ctx);
            take_from(&layer[4], 1, (size_t[]){1}, &ctx);
            take_from(&layer[5], 2, (size_t[]){3, 4}, &ctx);
            count = 6;
        }
        struct lip_network *network;
        struct lip_nodes nodes;
        enum lip_status status = make_network(&network, layer, count, &ctx);
        ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
        ck_assert_int_eq(lip_nodes_new(&nodes, network, false, &ctx), LIP_OK);
        bool first = nodes.node[1].kind == LIP_NODE_NEURONS;
        ck_assert(first == (t > 0));
        ck_assert_uint_eq(nodes.node[nodes.output].level, 2);
        lip_nodes_clear(&nodes);
        lip_network_free(network);
    }
    nothing_is_left();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nodes");
    TCase *tc = tcase_create("nodes");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, layers_without_such_a_form);
    tcase_add_test(tc, stacks_are_composed);
    tcase_add_test(tc, activations_go_behind_pools);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
