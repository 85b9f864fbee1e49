/* SPDX-License-Identifier: MIT
 *
 * The dense layer: shapes it takes, shapes it refuses, products by hand. */
#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <string.h>

static struct lip_ctx ctx;

static void start(void)
{
    ctx = (struct lip_ctx){0};
}

static const double w[] = {1, -2, 3, 4, 0, -1}; /* 3 x 2 */
static const double b[] = {0.5, 0, -1};

static void assert_refused(struct lip_layer layer, size_t inputs,
                           const char *words)
{
    lip_error_clear(&ctx);
    ck_assert_int_eq(layer.kind->infer(&layer, inputs, &ctx), LIP_INVALID);
    ck_assert_msg(strstr(ctx.error.detail, words), "%s", ctx.error.detail);
    lip_layer_clear(&layer);
}

START_TEST(wrong_shapes_are_refused)
{
    assert_refused((struct lip_layer){.kind = &lip_layer_dense}, 0, "missing");
    assert_refused(make_dense(3, 0, w, NULL, &ctx), 0, "1 dimensions");
    assert_refused(make_dense(3, 2, w, NULL, &ctx), 5, "5 numbers come in");
    struct lip_layer layer = make_dense(3, 2, w, b, &ctx);
    layer.weight.dim[0] = 2;
    assert_refused(layer, 2, "3 numbers where the weight has 2 rows");
    layer = make_dense(3, 2, w, b, &ctx);
    layer.bias.rank = 2;
    layer.bias.dim[1] = 1;
    assert_refused(layer, 2, "the bias has 2 dimensions");
    for (size_t k = 0; k < 2; k++) {
        layer = make_dense(3, 2, w, NULL, &ctx);
        layer.weight.dim[k] = 0;
        assert_refused(layer, 0, "empty");
    }
}
END_TEST

START_TEST(sizes_come_from_the_weight)
{
    struct lip_layer layer = make_dense(3, 2, w, b, &ctx);
    ck_assert_int_eq(layer.kind->infer(&layer, 0, &ctx), LIP_OK);
    ck_assert_uint_eq(layer.inputs, 2);
    ck_assert_uint_eq(layer.outputs, 3);
    lip_layer_clear(&layer);
}
END_TEST

/* (1, 2) -> (-2.5, 11, -3), in both storage orders and all types. */
START_TEST(products_by_hand)
{
    for (int d = LIP_F64; d <= LIP_BF16; d++)
        for (int column_major = 0; column_major < 2; column_major++) {
            enum lip_dtype dtype = (enum lip_dtype)d;
            struct lip_layer layer = {.kind = &lip_layer_dense};
            layer.weight = make_tensor(dtype, column_major, 3, 2, w, &ctx);
            layer.bias = make_tensor(dtype, false, 3, 0, b, &ctx);
            ck_assert_int_eq(layer.kind->infer(&layer, 2, &ctx), LIP_OK);
            double y[3], x[] = {1, 2};
            layer.kind->eval(y, &layer, x);
            ck_assert_double_eq(y[0], -2.5);
            ck_assert_double_eq(y[1], 11);
            ck_assert_double_eq(y[2], -3);
            lip_layer_clear(&layer);
        }
}
END_TEST

/* Sides longer than the stretch that is widened at a time: w_ij = i + j and
 * x_j = j mod 7 give whole numbers, summed here in whole numbers. */
static double expected(size_t i, size_t cols)
{
    size_t sum = 0;
    for (size_t j = 0; j < cols; j++)
        sum += (i + j) * (j % 7);
    return (double)sum;
}

START_TEST(long_sides)
{
    enum { ROWS = 1100, COLS = 1301 };
    static double value[ROWS * COLS], x[COLS], y[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < COLS; j++)
            value[i * COLS + j] = (double)(i + j);
    for (size_t j = 0; j < COLS; j++)
        x[j] = (double)(j % 7);
    for (int column_major = 0; column_major < 2; column_major++) {
        struct lip_layer layer = {.kind = &lip_layer_dense};
        layer.weight =
            make_tensor(LIP_F32, column_major, ROWS, COLS, value, &ctx);
        ck_assert_int_eq(layer.kind->infer(&layer, COLS, &ctx), LIP_OK);
        layer.kind->eval(y, &layer, x);
        for (size_t i = 0; i < ROWS; i++)
            ck_assert_double_eq(y[i], expected(i, COLS));
        lip_layer_clear(&layer);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/dense");
    TCase *tc = tcase_create("dense");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, wrong_shapes_are_refused);
    tcase_add_test(tc, sizes_come_from_the_weight);
    tcase_add_test(tc, products_by_hand);
    tcase_add_test(tc, long_sides);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
