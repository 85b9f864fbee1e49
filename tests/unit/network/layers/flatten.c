/* SPDX-License-Identifier: MIT
 *
 * The flatten layer: sizes and numbers pass through. */
#include "tests/support/layers.h"
#include "tests/support/suite.h"

START_TEST(numbers_pass_unchanged)
{
    struct lip_layer layer = make_flatten();
    ck_assert_int_eq(layer.kind->infer(&layer, 0, NULL), LIP_OK);
    ck_assert_uint_eq(layer.outputs, 0);
    ck_assert_int_eq(layer.kind->infer(&layer, 3, NULL), LIP_OK);
    ck_assert_uint_eq(layer.outputs, 3);
    double y[4] = {0}, x[] = {1, 2, 3, 4};
    layer.kind->eval(y, &layer, x);
    ck_assert_double_eq(y[2], 3);
    ck_assert_double_eq(y[3], 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/flatten");
    TCase *tc = tcase_create("flatten");
    tcase_add_test(tc, numbers_pass_unchanged);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
