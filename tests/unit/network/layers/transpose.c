/* SPDX-License-Identifier: MIT
 *
 * Axes in another order, against loops. */
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

static struct lip_layer make(size_t count, const long *axes)
{
    struct lip_layer layer = make_kind(&lip_layer_transpose);
    set(&layer, "axes", count, axes);
    return layer;
}

/* y[k, i, j] = x[i, j, k] */
START_TEST(axes_move)
{
    struct lip_network *n =
        shaped((long[]){2, 3, 4, 0}, make(3, (long[]){2, 0, 1}));
    double x[24], y[24];
    for (size_t i = 0; i < 24; i++)
        x[i] = (double)i;
    shaped_out(n, (size_t[]){4, 2, 3, 0});
    ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 3; j++)
            for (size_t k = 0; k < 4; k++)
                ck_assert_double_eq(y[(k * 2 + i) * 3 + j],
                                    x[(i * 3 + j) * 4 + k]);
    shaped_rows_agree(n);
    lip_network_free(n);
}
END_TEST

START_TEST(each_axis_is_named_once)
{
    static const long shape[] = {2, 3, 4, 0};
    shaped_refused(shape, make(2, (long[]){1, 0}), "2 numbers");
    shaped_refused(shape, make(3, (long[]){1, 0, 1}), "names 1 twice");
    shaped_refused(shape, make(3, (long[]){1, 0, 3}), "names 3 as an axis");
    shaped_refused(shape, make(3, (long[]){1, 0, -1}), "at least 0");
    shaped_refused(shape, make(0, (long[]){0}), "has 0 numbers");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/transpose");
    TCase *tc = tcase_create("transpose");
    tcase_add_test(tc, axes_move);
    tcase_add_test(tc, each_axis_is_named_once);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
