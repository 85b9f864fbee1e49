/* SPDX-License-Identifier: MIT
 *
 * The reshape layer: shapes that fit, -1, and those that do not. */
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

static const struct shape {
    long dim[4];
    const char *says; /* NULL: accepted */
} shapes[] = {
    {{2, 6, 0}, NULL},
    {{-1, 3, 0}, NULL},
    {{2, 2, 3, 0}, NULL},
    {{5, 2, 0}, "holds 10"},
    {{-1, 5, 0}, "divide"},
    {{-1, -1, 0}, "only one"},
    {{1L << 20, 1L << 20, 0}, "holds no numbers, or more"},
};

START_TEST(shapes_must_hold_the_numbers)
{
    const struct shape *s = &shapes[_i];
    double weight[24] = {1};
    struct lip_layer layer[] = {make_dense(12, 2, weight, NULL, &ctx),
                                make_reshape(s->dim)};
    struct lip_network *network;
    enum lip_status status = make_network(&network, layer, 2, &ctx);
    if (s->says) {
        ck_assert_int_ne(status, LIP_OK);
        ck_assert_msg(strstr(ctx.error.detail, s->says), "%s",
                      ctx.error.detail);
    } else {
        ck_assert_int_eq(status, LIP_OK);
        ck_assert_uint_eq(lip_shape_count(&network->layer[1].out), 12);
        ck_assert_int_gt(
            lip_layer_setting(&network->layer[1], "shape")->value[0], 0);
    }
    lip_network_free(network);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/reshape");
    TCase *tc = tcase_create("reshape");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_loop_test(tc, shapes_must_hold_the_numbers, 0,
                        (int)(sizeof shapes / sizeof *shapes));
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
