/* SPDX-License-Identifier: MIT
 *
 * Numbers taken from given positions. */
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

static struct lip_layer make(size_t count, const double *index)
{
    struct lip_layer layer = make_kind(&lip_layer_gather);
    layer.weight = make_tensor(LIP_F64, false, count, 0, index, NULL);
    return layer;
}

START_TEST(positions_are_taken)
{
    static const double index[] = {5, -1, 0, 0, 3, 5};
    double x[6] = {1, 2, 3, 4, 5, 6}, y[6];
    struct lip_layer layer = make(6, index);
    set(&layer, "shape", 2, (long[]){3, 2});
    struct lip_network *n = shaped((long[]){2, 3, 0}, layer);
    shaped_out(n, (size_t[]){3, 2, 0});
    ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
    static const double want[] = {6, 0, 1, 1, 4, 6};
    for (size_t k = 0; k < 6; k++)
        ck_assert_double_eq(y[k], want[k]);
    shaped_rows_agree(n);
    lip_network_free(n);
    n = shaped((long[]){2, 3, 0}, make(4, index));
    shaped_out(n, (size_t[]){4, 0});
    lip_network_free(n);
}
END_TEST

START_TEST(refusals)
{
    static const long shape[] = {2, 3, 0};
    shaped_refused(shape, make(2, (double[]){0, 6}), "number 1 of the index");
    shaped_refused(shape, make(2, (double[]){-2, 0}), "number 0 of the index");
    shaped_refused(shape, make(2, (double[]){0.5, 0}), "whole number");
    shaped_refused(shape, make(2, (double[]){1e300, 0}), "whole number");
    shaped_refused(shape, make_kind(&lip_layer_gather), "index is missing");
    struct lip_layer layer = make(4, (double[]){0, 0, 0, 0});
    set(&layer, "shape", 2, (long[]){1L << 27, 1L << 27});
    shaped_refused(shape, layer, "do not fill");
    layer = make(4, (double[]){0, 0, 0, 0});
    set(&layer, "shape", 2, (long[]){3, 2});
    shaped_refused(shape, layer, "do not fill a shape of 3 x 2");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/gather");
    TCase *tc = tcase_create("gather");
    tcase_add_test(tc, positions_are_taken);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
