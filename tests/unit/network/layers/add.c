/* SPDX-License-Identifier: MIT
 *
 * Sums of layers with their signs. */
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

static const double weight[] = {1, 2, 3, 4, 5, 6};

static enum lip_status sum(double *y, size_t signs, const long *sign)
{
    struct lip_layer layer[] = {make_dense(3, 2, weight, NULL, &ctx),
                                make_activation("relu"),
                                make_kind(&lip_layer_add)};
    take_from(&layer[2], 3, (size_t[]){0, 1, 1}, &ctx);
    if (signs)
        set(&layer[2], "sign", signs, sign);
    struct lip_network *network;
    enum lip_status status = make_network(&network, layer, 3, &ctx);
    double x[] = {1, -1}; /* W x = (-1, -1, -1), relu: 0 */
    if (status == LIP_OK)
        status = lip_network_eval(y, network, x, &ctx);
    lip_network_free(network);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    return status;
}

START_TEST(signs_count)
{
    double y[3];
    ck_assert_int_eq(sum(y, 0, NULL), LIP_OK);
    ck_assert_double_eq(y[1], -1);
    ck_assert_int_eq(sum(y, 3, (long[]){-1, 1, 1}), LIP_OK);
    ck_assert_double_eq(y[1], 1);
}
END_TEST

START_TEST(signs_are_one_for_each)
{
    double y[3];
    ck_assert_int_eq(sum(y, 2, (long[]){-1, 1}), LIP_INVALID);
    ck_assert(strstr(ctx.error.detail, "2 signs for 3"));
    start();
    ck_assert_int_eq(sum(y, 3, (long[]){-1, 1, 0}), LIP_INVALID);
    ck_assert(strstr(ctx.error.detail, "1 or -1"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/add");
    TCase *tc = tcase_create("add");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, signs_count);
    tcase_add_test(tc, signs_are_one_for_each);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
