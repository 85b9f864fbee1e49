/* SPDX-License-Identifier: MIT
 *
 * The flatten layer and the table of layer kinds. */
#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <string.h>

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

START_TEST(kinds_are_complete_and_named_once)
{
    size_t count = 0;
    for (; lip_layer_kinds[count]; count++) {
        const struct lip_layer_kind *kind = lip_layer_kinds[count];
        ck_assert(kind->name && kind->title && kind->infer && kind->eval);
        for (size_t k = 0; k < count; k++)
            ck_assert_str_ne(lip_layer_kinds[k]->name, kind->name);
        /* JSON has both in one field. */
        ck_assert_ptr_null(lip_activation_find(kind->name));
    }
    ck_assert_uint_eq(count, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/flatten");
    TCase *tc = tcase_create("flatten");
    tcase_add_test(tc, numbers_pass_unchanged);
    tcase_add_test(tc, kinds_are_complete_and_named_once);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
