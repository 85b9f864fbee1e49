/* SPDX-License-Identifier: MIT
 *
 * Scaling and shifting by one number, one a channel, one a number. */
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

static struct lip_layer make(const size_t *weight, const size_t *bias)
{
    static const double w[] = {2, 3, -4, 5, 6, 7}, b[] = {1, -2, 3, 4, 5, 9};
    struct lip_layer layer = make_kind(&lip_layer_affine);
    if (weight)
        layer.weight = make_array(weight, w, NULL);
    if (bias)
        layer.bias = make_array(bias, b, NULL);
    return layer;
}

static void check(const size_t *weight, const size_t *bias, const double *want)
{
    double x[6] = {1, 2, 3, 4, 5, 6}, y[6];
    struct lip_network *n = shaped((long[]){2, 3, 0}, make(weight, bias));
    ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
    for (size_t k = 0; k < 6; k++)
        ck_assert_double_eq(y[k], want[k]);
    shaped_out(n, (size_t[]){2, 3, 0});
    shaped_rows_agree(n);
    lip_network_free(n);
}

#define DIM(...) ((size_t[]){__VA_ARGS__, 0})
#define NUMBERS(...) ((double[]){__VA_ARGS__})

START_TEST(each_has_its_factor)
{
    check(DIM(1), NULL, NUMBERS(2, 4, 6, 8, 10, 12));
    check(DIM(2), DIM(1), NUMBERS(3, 5, 7, 13, 16, 19));
    check(DIM(2, 1, 1), DIM(2), NUMBERS(3, 5, 7, 10, 13, 16));
    check(NULL, DIM(2), NUMBERS(2, 3, 4, 2, 3, 4));
    check(DIM(2, 3), DIM(6), NUMBERS(3, 4, -9, 24, 35, 51));
}
END_TEST

/* Numbers stored by columns mean what they say. */
START_TEST(storage_order_does_not_matter)
{
    double x[6] = {1, 1, 1, 1, 1, 1}, y[6], w[6] = {1, 2, 3, 4, 5, 6};
    struct lip_layer layer = make_kind(&lip_layer_affine);
    layer.weight = make_tensor(LIP_F32, true, 2, 3, w, NULL);
    struct lip_network *n = shaped((long[]){2, 3, 0}, layer);
    ck_assert_int_eq(lip_network_eval(y, n, x, NULL), LIP_OK);
    for (size_t k = 0; k < 6; k++)
        ck_assert_double_eq(y[k], w[k]);
    shaped_rows_agree(n);
    lip_network_free(n);
}
END_TEST

START_TEST(refusals)
{
    static const long shape[] = {2, 3, 0};
    shaped_refused(shape, make(DIM(3), NULL), "the weight has 3 numbers");
    shaped_refused(shape, make(NULL, DIM(3)), "the bias has 3 numbers");
    shaped_refused(shape, make(DIM(3, 2), NULL), "2 channels");
    shaped_refused(shape, make(NULL, NULL), "neither a weight nor a bias");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/affine");
    TCase *tc = tcase_create("affine");
    tcase_add_test(tc, each_has_its_factor);
    tcase_add_test(tc, storage_order_does_not_matter);
    tcase_add_test(tc, refusals);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
