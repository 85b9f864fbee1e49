/* SPDX-License-Identifier: MIT
 *
 * Layers joined along each axis: every number where it belongs. */
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

/* Two sources of 2 x 3 x 2 and, along `axis`, one of another length. */
START_TEST(numbers_go_to_their_place)
{
    size_t axis = (size_t)_i;
    double weight[96 * 12] = {0}, x[12];
    size_t dim[] = {2, 3, 2}, other[] = {2, 3, 2}, n = 1;
    other[axis]++;
    for (size_t k = 0; k < 3; k++)
        n *= other[k];
    for (size_t i = 0; i < n; i++) /* number i of it is x[i % 12] * (i + 1) */
        weight[i * 12 + i % 12] = (double)(i + 1);
    for (size_t i = 0; i < 12; i++)
        x[i] = (double)(100 + i);
    struct lip_layer layer[] = {
        make_reshape((long[]){2, 3, 2, 0}),
        make_dense(n, 12, weight, NULL, &ctx),
        make_reshape(
            (long[]){(long)other[0], (long)other[1], (long)other[2], 0}),
        make_kind(&lip_layer_concat)};
    take_from(&layer[1], 1, (size_t[]){LIP_FROM_INPUT}, &ctx);
    take_from(&layer[3], 3, (size_t[]){0, 2, 0}, &ctx);
    set(&layer[3], "axis", 1, (long[]){(long)axis - (_i % 2 ? 3 : 0)});
    struct lip_network *network;
    ck_assert_msg(make_network(&network, layer, 4, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    const struct lip_shape *out = &network->layer[3].out;
    ck_assert_uint_eq(out->dim[axis], 3 * dim[axis] + 1);
    double y[64];
    lip_network_eval(y, network, x, &ctx);
    for (size_t k = 0; k < network->outputs; k++) {
        size_t at[3] = {k / out->dim[2] / out->dim[1],
                        k / out->dim[2] % out->dim[1], k % out->dim[2]};
        size_t source = 0, length[] = {dim[axis], other[axis], dim[axis]};
        while (at[axis] >= length[source])
            at[axis] -= length[source++];
        const size_t *d = source == 1 ? other : dim;
        size_t i = (at[0] * d[1] + at[1]) * d[2] + at[2];
        double want = source == 1 ? x[i % 12] * (double)(i + 1) : x[i];
        ck_assert_double_eq(y[k], want);
    }
    lip_network_free(network);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

START_TEST(axes_must_be_there)
{
    double weight[4] = {0};
    struct lip_layer layer[] = {make_dense(2, 2, weight, NULL, &ctx),
                                make_kind(&lip_layer_concat)};
    take_from(&layer[1], 2, (size_t[]){0, 0}, &ctx);
    set(&layer[1], "axis", 1, (long[]){1});
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, 2, &ctx), LIP_INVALID);
    ck_assert(strstr(ctx.error.detail, "axis"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/concat");
    TCase *tc = tcase_create("concat");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, axes_must_be_there);
    tcase_add_loop_test(tc, numbers_go_to_their_place, 0, 3);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
