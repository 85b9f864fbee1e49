/* SPDX-License-Identifier: MIT
 *
 * Graphs of layers: a residual block by hand, and those that are refused. */
#include "tests/support/graph.h"
#include "tests/support/suite.h"

#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void start(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static const double one[] = {1, 2, 3, 4}; /* 2 x 2 */

/* x + W relu(x), and its id, which the order of sources changes. */
START_TEST(a_residual_block_adds_its_input)
{
    struct lip_layer layer[] = {make_activation("relu"),
                                make_dense(2, 2, one, NULL, &ctx),
                                make_kind(&lip_layer_add)};
    take_from(&layer[2], 2, (size_t[]){LIP_FROM_INPUT, 1}, &ctx);
    struct lip_network *network;
    ck_assert_msg(make_network(&network, layer, 3, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    ck_assert(!lip_network_is_chain(network));
    ck_assert_uint_eq(lip_network_sources(network, 2), 2);
    ck_assert_uint_eq(lip_network_source(network, 1, 0), 0);
    double y[2], x[] = {1, -1};
    ck_assert_int_eq(lip_network_eval(y, network, x, &ctx), LIP_OK);
    ck_assert_double_eq(y[0], 2);
    ck_assert_double_eq(y[1], 2);
    lip_network_free(network);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

/* What a chain says without words counts as much as what it says: sources that
 * name the layer before change neither function nor id. */
START_TEST(a_chain_may_name_its_sources)
{
    char id[2][LIP_DIGEST_TEXT];
    for (int k = 0; k < 2; k++) {
        struct lip_layer layer[] = {make_dense(2, 2, one, NULL, &ctx),
                                    make_activation("relu"),
                                    make_dense(2, 2, one, NULL, &ctx)};
        if (k) {
            take_from(&layer[0], 1, (size_t[]){LIP_FROM_INPUT}, &ctx);
            take_from(&layer[2], 1, (size_t[]){1}, &ctx);
        }
        struct lip_network *network;
        ck_assert_int_eq(make_network(&network, layer, 3, &ctx), LIP_OK);
        ck_assert(lip_network_is_dense(network));
        memcpy(id[k], network->id, sizeof id[k]);
        lip_network_free(network);
    }
    ck_assert_str_eq(id[0], id[1]);
}
END_TEST

static const struct refusal {
    size_t count, source[2];
    bool sum; /* the last layer is a sum */
    const char *says;
} refusals[] = {
    {2, {LIP_FROM_INPUT, 2}, true, "circle"},
    {2, {LIP_FROM_INPUT, 7}, true, "circle"},
    {1, {LIP_FROM_INPUT}, true, "leads nowhere"},
    {2, {0, 1}, false, "at most 1"},
    {2, {0, LIP_FROM_INPUT}, true, "must be the same"},
};

START_TEST(bad_graphs_are_refused)
{
    const struct refusal *r = &refusals[_i];
    struct lip_layer layer[] = {
        make_dense(1, 2, one, NULL, &ctx), make_activation("relu"),
        make_kind(r->sum ? &lip_layer_add : &lip_layer_flatten)};
    if (strcmp(r->says, "must be the same") == 0)
        layer[1].kind = &lip_layer_flatten, layer[1].activation = NULL;
    take_from(&layer[2], r->count, r->source, &ctx);
    if (strcmp(r->says, "must be the same") == 0)
        layer[2].source[0] = 1;
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, 3, &ctx), LIP_INVALID);
    ck_assert_msg(strstr(ctx.error.detail, r->says), "%s", ctx.error.detail);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/validate");
    TCase *tc = tcase_create("validate");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, a_residual_block_adds_its_input);
    tcase_add_test(tc, a_chain_may_name_its_sources);
    tcase_add_loop_test(tc, bad_graphs_are_refused, 0,
                        (int)(sizeof refusals / sizeof *refusals));
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
