/* SPDX-License-Identifier: MIT
 *
 * What all layers have in common: tensors, settings, parameters by their names.
 */
#include "tests/support/graph.h"
#include "tests/support/suite.h"

static struct lip_budget budget;
static struct lip_ctx ctx;

static void start(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

START_TEST(parts_have_the_names_of_the_kind)
{
    struct lip_layer conv = make_kind(&lip_layer_conv);
    ck_assert_str_eq(lip_layer_tensor_name(&conv, LIP_PART_WEIGHT), "weight");
    ck_assert_ptr_null(lip_layer_tensor_name(&conv, LIP_PART_MEAN));
    ck_assert_ptr_eq(lip_layer_tensor(&conv, LIP_PART_VARIANCE),
                     &conv.variance);
    ck_assert_ptr_eq(lip_layer_tensor_const(&conv, LIP_PART_BIAS), &conv.bias);
    struct lip_layer prelu = make_activation("prelu");
    ck_assert_str_eq(lip_layer_tensor_name(&prelu, LIP_PART_WEIGHT),
                     prelu.activation->parameter[0].name);
    ck_assert_ptr_null(lip_layer_tensor_name(&prelu, LIP_PART_BIAS));
    ck_assert_ptr_eq(lip_layer_parameters(&prelu), prelu.activation->parameter);
    ck_assert_ptr_null(lip_layer_parameters(&conv));
    ck_assert(ctx.budget == &budget);
}
END_TEST

START_TEST(settings_go_by_name)
{
    struct lip_layer conv = make_kind(&lip_layer_conv);
    set(&conv, "groups", 1, (long[]){3});
    ck_assert_int_eq(lip_layer_setting(&conv, "groups")->value[0], 3);
    ck_assert_uint_eq(lip_layer_setting(&conv, "stride")->count, 0);
    ck_assert_str_eq(lip_layer_type(&conv), "conv");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layer");
    TCase *tc = tcase_create("layer");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, parts_have_the_names_of_the_kind);
    tcase_add_test(tc, settings_go_by_name);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
