/* SPDX-License-Identifier: MIT
 *
 * Finding layers by their names. */
#include "formats/layer_names.h"

#include "tests/support/suite.h"

#include <stdio.h>

START_TEST(names_are_found)
{
    static const char *const name[] = {"b", "", "a", "b", "c", "aa", "b", ""};
    struct lip_layer layer[8] = {{0}};
    struct lip_layer_names names;
    size_t index = 99;
    for (size_t i = 0; i < 8; i++)
        snprintf(layer[i].name, sizeof layer[i].name, "%s", name[i]);
    ck_assert_int_eq(lip_layer_names_new(&names, layer, 8, NULL), LIP_OK);
    ck_assert_uint_eq(lip_layer_names_find(&index, &names, "aa"), 1);
    ck_assert_uint_eq(index, 5);
    ck_assert_uint_eq(lip_layer_names_find(&index, &names, "b"), 2);
    ck_assert_uint_eq(index, 0);
    ck_assert_uint_eq(lip_layer_names_find(&index, &names, "c"), 1);
    ck_assert_uint_eq(index, 4);
    ck_assert_uint_eq(lip_layer_names_find(&index, &names, ""), 0);
    ck_assert_uint_eq(lip_layer_names_find(&index, &names, "d"), 0);
    lip_layer_names_clear(&names);
    ck_assert_uint_eq(lip_layer_names_find(&index, &names, "a"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formats/layer_names");
    TCase *tc = tcase_create("layer_names");
    tcase_add_test(tc, names_are_found);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
