/* SPDX-License-Identifier: MIT
 *
 * Properties: the norms of linear layers are upper bounds and tight, whatever
 * the size of the numbers; other layers have none; nothing leaks where an
 * allocation fails or the time is up. */
#include "api/layer_norm.h"

#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <math.h>

static struct lip_budget budget;
static struct lip_ctx ctx;
static struct lip_network *network;

/* Two layers: diag(3, 4) times `scale` and (1 1). */
static void make(double scale)
{
    const double first[] = {3 * scale, 0, 0, 4 * scale}, second[] = {1, 1};
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
    struct lip_layer made[] = {
        make_dense(2, 2, first, second, &ctx),
        make_activation("relu"),
        make_dense(1, 2, second, NULL, &ctx),
    };
    ck_assert_int_eq(make_network(&network, made, 3, &ctx), LIP_OK);
}

/* NaN: none. */
static double norm_of(const struct api_layer *layer)
{
    return layer->norm.method ? lip_big_double(layer->norm.value) : NAN;
}

static void drop(void)
{
    lip_network_free(network);
    ck_assert_uint_eq(budget.used, 0);
}

START_TEST(test_values)
{
    /* sqrt(2) rounded down */
    static const double expected[LIP_NORM_COUNT] = {[LIP_NORM_1] = 1,
                                                    [LIP_NORM_2] =
                                                        1.4142135623730949,
                                                    [LIP_NORM_INF] = 2};
    struct api_layer layer[3];
    make(1);
    for (enum lip_norm p = LIP_NORM_1; p < LIP_NORM_COUNT; p++) {
        ck_assert_int_eq(
            api_layers_find(layer, network, p, API_NORMS_BEST, NULL, &ctx),
            LIP_OK);
        ck_assert_double_ge(norm_of(&layer[0]), 4);
        ck_assert_double_le(norm_of(&layer[0]), 4 * (1 + 1e-12));
        ck_assert(isnan(norm_of(&layer[1])));
        ck_assert_double_ge(norm_of(&layer[2]), expected[p]);
        ck_assert_double_le(norm_of(&layer[2]), expected[p] * (1 + 1e-12));
    }
    drop();
}
END_TEST

START_TEST(test_sizes)
{
    static const double scale[] = {1e300, 1e-300, 0x1p-1070, 0};
    struct api_layer layer[3];
    for (size_t i = 0; i < 4; i++) {
        make(scale[i]);
        ck_assert_int_eq(api_layers_find(layer, network, LIP_NORM_2,
                                         API_NORMS_BEST, NULL, &ctx),
                         LIP_OK);
        ck_assert_double_ge(norm_of(&layer[0]), 4 * scale[i]);
        ck_assert_double_le(norm_of(&layer[0]),
                            4 * scale[i] * (1 + 1e-12) + 0x1p-1074);
        drop();
    }
}
END_TEST

/* |W|_inf of a row of two largest doubles is no double. */
START_TEST(test_too_large_for_a_double)
{
    struct api_layer layer[2];
    const double huge[] = {1.7e308, 1.7e308};
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
    struct lip_layer made = make_dense(1, 2, huge, NULL, &ctx);
    ck_assert_int_eq(make_network(&network, &made, 1, &ctx), LIP_OK);
    ck_assert_int_eq(api_layers_find(layer, network, LIP_NORM_INF,
                                     API_NORMS_BEST, NULL, &ctx),
                     LIP_OK);
    ck_assert(isnan(norm_of(&layer[0])));
    drop();
}
END_TEST

START_TEST(test_time_is_up)
{
    struct api_layer layer[3];
    make(1);
    ctx.deadline = lip_now() - 1;
    ck_assert_int_eq(
        api_layers_find(layer, network, LIP_NORM_2, API_NORMS_BEST, NULL, &ctx),
        LIP_TIMEOUT);
    for (int i = 0; i < 3; i++)
        ck_assert(isnan(norm_of(&layer[i])));
    drop();
}
END_TEST

START_TEST(test_failing_allocations)
{
    struct api_layer layer[3];
    make(1);
    size_t before = budget.used;
    for (long n = 0;; n++) {
        lip_error_clear(&ctx);
        atomic_store(&budget.fail_after, n);
        enum lip_status s = api_layers_find(layer, network, LIP_NORM_2,
                                            API_NORMS_BEST, NULL, &ctx);
        atomic_store(&budget.fail_after, -1);
        ck_assert_uint_eq(budget.used, before);
        if (s == LIP_OK) {
            ck_assert_int_gt(n, 1);
            break;
        }
        ck_assert_int_eq(s, LIP_NO_MEMORY);
    }
    drop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/layer_norm");
    TCase *t = tcase_create("layer_norm");
    tcase_add_test(t, test_values);
    tcase_add_test(t, test_sizes);
    tcase_add_test(t, test_too_large_for_a_double);
    tcase_add_test(t, test_time_is_up);
    tcase_add_test(t, test_failing_allocations);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
