/* SPDX-License-Identifier: MIT
 *
 * The activation layer: parameters within their range, one for all or one a
 * neuron, sizes passed through. */
#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

static struct lip_ctx ctx;

static void start(void)
{
    ctx = (struct lip_ctx){0};
}

static const double slope[] = {0.5, -1, 2};

static struct lip_layer make_prelu(size_t count)
{
    struct lip_layer layer = make_activation("prelu");
    layer.weight = make_tensor(LIP_F32, false, count, 0, slope, &ctx);
    return layer;
}

static void assert_refused(struct lip_layer layer, size_t inputs,
                           const char *words)
{
    lip_error_clear(&ctx);
    ck_assert_int_eq(layer.kind->infer(&layer, inputs, &ctx), LIP_INVALID);
    ck_assert_msg(strstr(ctx.error.detail, words), "%s", ctx.error.detail);
    lip_layer_clear(&layer);
}

START_TEST(sizes_pass_through)
{
    struct lip_layer layer = make_activation("relu");
    for (size_t inputs = 0; inputs < 3; inputs++) {
        ck_assert_int_eq(layer.kind->infer(&layer, inputs, &ctx), LIP_OK);
        ck_assert_uint_eq(layer.inputs, inputs);
        ck_assert_uint_eq(layer.outputs, inputs);
    }
}
END_TEST

START_TEST(parameters_outside_their_range_are_refused)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1e7};
    struct lip_layer layer = make_activation("leaky-relu");
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        layer.parameter[0] = bad[k];
        assert_refused(layer, 3, "negative_slope");
    }
    layer = make_activation("celu");
    layer.parameter[0] = -1;
    assert_refused(layer, 3, "alpha is -1");
    layer = make_activation("hard-tanh");
    layer.parameter[1] = NAN;
    assert_refused(layer, 3, "max_val");
    layer = make_activation("soft-shrink");
    layer.parameter[0] = -0.1;
    assert_refused(layer, 3, "lambda");
}
END_TEST

START_TEST(one_slope_a_neuron)
{
    struct lip_layer layer = make_prelu(3);
    ck_assert_int_eq(layer.kind->infer(&layer, 0, &ctx), LIP_OK);
    ck_assert_uint_eq(layer.inputs, 3);
    ck_assert_int_eq(layer.kind->infer(&layer, 3, &ctx), LIP_OK);
    double y[3], x[] = {-2, -2, -2};
    layer.kind->eval(y, &layer, x);
    ck_assert_double_eq(y[0], -1);
    ck_assert_double_eq(y[1], 2);
    ck_assert_double_eq(y[2], -4);
    lip_layer_clear(&layer);
}
END_TEST

/* Of images and sequences there may be one a channel. */
START_TEST(one_slope_a_channel)
{
    struct lip_layer layer = make_prelu(3);
    layer.in = (struct lip_shape){.rank = 3, .dim = {3, 1, 2}};
    ck_assert_int_eq(layer.kind->infer(&layer, 6, &ctx), LIP_OK);
    ck_assert_uint_eq(layer.outputs, 6);
    double y[6], x[] = {-2, -4, -2, -4, -2, -4};
    layer.kind->eval(y, &layer, x);
    for (int k = 0; k < 6; k++)
        ck_assert_double_eq(y[k], slope[k / 2] * x[k]);
    ck_assert_int_eq(layer.kind->infer(&layer, 6, &ctx), LIP_OK);
    lip_layer_clear(&layer);
    layer = make_prelu(2);
    layer.in = (struct lip_shape){.rank = 2, .dim = {3, 2}};
    assert_refused(layer, 6, "one for each channel");
}
END_TEST

/* The list of one becomes the plain parameter, for any number of neurons. */
START_TEST(one_slope_for_all)
{
    struct lip_layer layer = make_prelu(1);
    ck_assert_int_eq(layer.kind->infer(&layer, 2, &ctx), LIP_OK);
    ck_assert_ptr_null(layer.weight.data);
    ck_assert_double_eq(layer.parameter[0], 0.5);
    double y[2], x[] = {-2, 3};
    layer.kind->eval(y, &layer, x);
    ck_assert_double_eq(y[0], -1);
    ck_assert_double_eq(y[1], 3);
}
END_TEST

START_TEST(wrong_lists_are_refused)
{
    assert_refused(make_prelu(3), 4, "there are 3 slopes, but 4 numbers");
    struct lip_layer layer = make_prelu(3);
    layer.activation = lip_activation_find("relu");
    assert_refused(layer, 3, "relu has no weight");
    layer = make_prelu(3);
    layer.weight.dim[0] = 0;
    assert_refused(layer, 0, "must be a list");
    layer = make_activation("prelu");
    layer.weight =
        make_tensor(LIP_F64, false, 2, 2, (const double[]){1, 1, 1, 1}, &ctx);
    assert_refused(layer, 4, "must be a list");
    layer = make_activation("prelu");
    layer.weight =
        make_tensor(LIP_F64, false, 2, 0, (const double[]){1, 1e9}, &ctx);
    assert_refused(layer, 2, "slope is 1e+09");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/activation");
    TCase *tc = tcase_create("activation");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, sizes_pass_through);
    tcase_add_test(tc, parameters_outside_their_range_are_refused);
    tcase_add_test(tc, one_slope_a_neuron);
    tcase_add_test(tc, one_slope_a_channel);
    tcase_add_test(tc, one_slope_for_all);
    tcase_add_test(tc, wrong_lists_are_refused);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
