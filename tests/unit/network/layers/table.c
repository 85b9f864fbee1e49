/* SPDX-License-Identifier: MIT
 *
 * The table of layer kinds: complete rows, each name once. */
#include "network/network.h"

#include "tests/support/suite.h"

START_TEST(kinds_are_complete_and_named_once)
{
    size_t count = 0;
    for (; lip_layer_kinds[count]; count++) {
        const struct lip_layer_kind *kind = lip_layer_kinds[count];
        ck_assert(kind->name && kind->title);
        ck_assert(!kind->infer != !kind->infer_shape);
        ck_assert(kind->eval || kind->row);
        if (kind->role == LIP_ROLE_LINEAR && kind != &lip_layer_dense)
            ck_assert(kind->row);
        for (size_t k = 0; k < count; k++)
            ck_assert_str_ne(lip_layer_kinds[k]->name, kind->name);
        /* JSON has both in one field. */
        ck_assert_ptr_null(lip_activation_find(kind->name));
    }
    ck_assert_uint_gt(count, 6);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/table");
    TCase *tc = tcase_create("table");
    tcase_add_test(tc, kinds_are_complete_and_named_once);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
