/* SPDX-License-Identifier: MIT
 *
 * Proven norms of convolutions that learn: never below the norm of the whole
 * matrix, close to it; and kernels brought within a limit. */
#include "training/conv_norm.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"
#include "tests/support/whole.h"
#include "training/symbol.h"

#include <math.h>

static const struct lip_norm_pair spectral = {LIP_NORM_2, LIP_NORM_2};
static float kernel[6 * 3 * 25];

static struct lip_trainable layer_of(int i)
{
    static const long shape[][3] = {{3, 1, 1}, {5, 2, 2}, {4, 2, 1},
                                    {3, 3, 0}, {2, 3, 0}, {5, 1, 0}};
    struct lip_image in = {2, 3, 12, 11};
    struct lip_trainable layer = {.kind = lip_trainable_find("conv"),
                                  .units = 6,
                                  .kernel = {1, {shape[i][0]}},
                                  .stride = {1, {shape[i][1]}},
                                  .padding = {1, {shape[i][2]}}};
    static float bias[6];
    ck_assert_int_eq(lip_trainable_plan(&layer, &in, NULL), LIP_OK);
    train_fill(kernel, layer.weights, 0.3, (uint64_t)i);
    layer.bias = bias;
    return layer;
}

START_TEST(between_the_norm_and_little_more)
{
    for (int i = 0; i < 6; i++) {
        struct lip_trainable layer = layer_of(i);
        double norm, whole = whole_norm(&layer, kernel, spectral);
        ck_assert_int_eq(lip_conv_norm(&norm, kernel, &layer, NULL), LIP_OK);
        ck_assert_msg(norm >= whole * (1 - 1e-9) && norm <= whole * 1.02,
                      "%d: %.9g, not %.9g", i, norm, whole);
    }
}
END_TEST

START_TEST(within_the_limit)
{
    for (int i = 0; i < 6; i++) {
        struct lip_trainable layer = layer_of(i);
        float *work =
            lip_alloc(NULL, lip_symbol_room(&layer.window), sizeof *work);
        double norm, limit = whole_norm(&layer, kernel, spectral) / 3;
        ck_assert_int_eq(
            lip_conv_project(kernel, &layer.window, limit, work, NULL), LIP_OK);
        norm = whole_norm(&layer, kernel, spectral);
        ck_assert_msg(norm <= limit * 1.001 && norm >= limit * 0.7,
                      "%d: %g of %g", i, norm, limit);
        train_fill(kernel, layer.weights, 0.3, (uint64_t)i);
        ck_assert_int_eq(
            lip_conv_project_exactly(&norm, kernel, &layer, limit, work, NULL),
            LIP_OK);
        ck_assert_double_le(norm, limit);
        ck_assert_double_ge(norm, limit * 0.9);
        ck_assert_double_le(whole_norm(&layer, kernel, spectral),
                            norm * (1 + 1e-9));
        lip_free(work);
    }
}
END_TEST

START_TEST(infinite_numbers_are_refused)
{
    struct lip_trainable layer = layer_of(0);
    double norm;
    kernel[3] = INFINITY;
    ck_assert_int_eq(lip_conv_norm(&norm, kernel, &layer, NULL), LIP_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/conv_norm");
    TCase *tc = tcase_create("conv_norm");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, between_the_norm_and_little_more);
    tcase_add_test(tc, within_the_limit);
    tcase_add_test(tc, infinite_numbers_are_refused);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
