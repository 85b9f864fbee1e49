/* SPDX-License-Identifier: MIT
 *
 * Softmax along the last axis, and its constant. */
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

#include <math.h>

START_TEST(rows_add_up_to_one)
{
    double x[6] = {1, 2, 3, 1000, -1000, 1000}, y[6];
    struct lip_network *n =
        shaped((long[]){2, 3, 0}, make_kind(&lip_layer_softmax));
    ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
    double sum = exp(1) + exp(2) + exp(3);
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq_tol(y[i], exp(x[i]) / sum, 1e-15);
    ck_assert_double_eq_tol(y[3], 0.5, 1e-15);
    ck_assert_double_eq_tol(y[4], 0, 1e-15);
    lip_network_free(n);
}
END_TEST

/* Two equal numbers: slope 1/2 is met in every norm. */
START_TEST(the_constant_holds_and_is_met)
{
    struct lip_network *two =
        shaped((long[]){2, 0}, make_kind(&lip_layer_softmax));
    struct lip_network *more =
        shaped((long[]){3, 4, 0}, make_kind(&lip_layer_softmax));
    for (int p = 0; p < LIP_NORM_COUNT; p++) {
        enum lip_norm norm = (enum lip_norm)p;
        double c = lip_layer_softmax.constant(&two->layer[1], norm);
        double low = shaped_steepest(two, norm, 0.05, 5000);
        ck_assert_double_le(low, c * (1 + 1e-9));
        ck_assert_double_gt(low, 0.99 * c);
        ck_assert_double_le(shaped_steepest(more, norm, 3, 5000), c);
    }
    lip_network_free(two);
    lip_network_free(more);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/softmax");
    TCase *tc = tcase_create("softmax");
    tcase_add_test(tc, rows_add_up_to_one);
    tcase_add_test(tc, the_constant_holds_and_is_met);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
