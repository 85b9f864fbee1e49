/* SPDX-License-Identifier: MIT
 *
 * Kernels in phases: nothing is lost, and columns are those of the operator. */
#include "training/phases.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"
#include "tests/support/whole.h"
#include "training/project.h"

#include <math.h>
#include <string.h>

static struct lip_trainable layer_of(long kernel, long stride, long dilation)
{
    struct lip_image in = {2, 3, 31, 29};
    struct lip_trainable layer = {.kind = lip_trainable_find("conv"),
                                  .units = 4,
                                  .kernel = {1, {kernel}},
                                  .stride = {1, {stride}},
                                  .padding = {1, {3}},
                                  .dilation = {1, {dilation}}};
    ck_assert_int_eq(lip_trainable_plan(&layer, &in, NULL), LIP_OK);
    return layer;
}

START_TEST(there_and_back)
{
    float kernel[4 * 3 * 25], back[4 * 3 * 25], p[4 * 3 * 81 * 2];
    for (long t = 0; t < 27; t++) {
        struct lip_trainable layer =
            layer_of(1 + 2 * (t % 3), 1 + t / 3 % 3, 1 + t / 9);
        size_t count =
            lip_phases_rows(&layer.window) * lip_phases_cols(&layer.window);
        ck_assert_uint_le(count, sizeof p / sizeof *p);
        train_fill(kernel, layer.weights, 1, 3);
        lip_phases_gather(p, kernel, &layer.window);
        lip_phases_scatter(back, p, &layer.window);
        ck_assert_mem_eq(back, kernel, layer.weights * sizeof *back);
    }
}
END_TEST

/* The image is large enough for a place that all taps of a class meet. */
START_TEST(columns_of_the_operator)
{
    float kernel[4 * 3 * 25], p[4 * 3 * 81 * 2];
    for (long t = 0; t < 12; t++) {
        struct lip_trainable layer =
            layer_of(3 + 2 * (t % 2), 1 + t / 2 % 3, 1 + t / 6);
        struct lip_norm_pair pair = {LIP_NORM_1, LIP_NORM_1};
        double norm, whole;
        train_fill(kernel, layer.weights, 1, 3);
        lip_phases_gather(p, kernel, &layer.window);
        ck_assert_int_eq(
            lip_float_norm(&norm, p, lip_phases_rows(&layer.window),
                           lip_phases_cols(&layer.window), pair, NULL),
            LIP_OK);
        whole = whole_norm(&layer, kernel, pair);
        ck_assert_msg(fabs(norm - whole) <= 1e-9 * norm, "%g, not %g", norm,
                      whole);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/phases");
    TCase *tc = tcase_create("phases");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, there_and_back);
    tcase_add_test(tc, columns_of_the_operator);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
