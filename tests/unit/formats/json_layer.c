/* SPDX-License-Identifier: MIT
 *
 * Layer objects: every known type, members in any order, and the refusals with
 * their pointers. */
#include "formats/json_parts.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;
static struct lip_layer layer;

static const unsigned char *inputs;

static enum lip_status take(const char *text)
{
    struct lip_json json;
    ctx = (struct lip_ctx){.budget = &budget};
    lip_budget_init(&budget, 0);
    memset(&layer, 0, sizeof layer);
    inputs = NULL;
    lip_json_init(&json, (const unsigned char *)text, strlen(text), 0, "",
                  &ctx);
    return lip_json_layer(&layer, &inputs, NULL, &json);
}

static void done(void)
{
    lip_layer_clear(&layer);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}

START_TEST(dense_in_any_order)
{
    static const char *const texts[] = {
        "{\"type\":\"dense\",\"weight\":[[1,2]],\"bias\":[3],\"name\":\"a\"}",
        "{\"weight\":[[1,2]],\"bias\":[3],\"name\":\"a\",\"type\":\"dense\"}",
        "{\"bias\":[3],\"type\":\"dense\",\"name\":\"a\",\"weight\":[[1,2]]}",
        "{\"n\\u0061me\":\"\\u0061\",\"bias\":[3],\"\\u0077eight\":[[1,2]],"
        "\"type\":\"\\u0064ense\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ck_assert_msg(take(texts[i]) == LIP_OK, "%s: %s", texts[i],
                      ctx.error.detail);
        ck_assert_ptr_eq(layer.kind, &lip_layer_dense);
        ck_assert_str_eq(layer.name, "a");
        ck_assert(lip_tensor_at(&layer.weight, 1) == 2);
        ck_assert(lip_tensor_at(&layer.bias, 0) == 3);
        done();
    }
    ck_assert_int_eq(
        take("{\"type\":\"dense\",\"weight\":[[1]],\"bias\":null}"), LIP_OK);
    ck_assert_ptr_null(layer.bias.data);
    done();
}
END_TEST

START_TEST(every_activation)
{
    char text[200];
    for (size_t i = 0; lip_activations[i]; i++) {
        const struct lip_activation *a = lip_activations[i];
        snprintf(text, sizeof text, "{\"type\":\"%s\"}", a->name);
        ck_assert_int_eq(take(text), LIP_OK);
        ck_assert_ptr_eq(layer.kind, &lip_layer_activation);
        ck_assert_ptr_eq(layer.activation, a);
        for (size_t k = 0; a->parameter[k].name; k++) {
            ck_assert(layer.parameter[k] == a->parameter[k].fallback);
            snprintf(text, sizeof text, "{\"%s\":%.17g,\"type\":\"%s\"}",
                     a->parameter[k].name, a->parameter[k].max, a->name);
            ck_assert_int_eq(take(text), LIP_OK);
            ck_assert(layer.parameter[k] == a->parameter[k].max);
            done();
        }
        done();
    }
    ck_assert_int_eq(take("{\"type\":\"flatten\"}"), LIP_OK);
    ck_assert_ptr_eq(layer.kind, &lip_layer_flatten);
    ck_assert_int_eq(take("{\"slope\":[0.5,-1],\"type\":\"prelu\"}"), LIP_OK);
    ck_assert(lip_tensor_at(&layer.weight, 1) == -1);
    done();
}
END_TEST

START_TEST(joint_layers)
{
    static const struct {
        const char *text;
        size_t group;
    } sorts[] = {{"{\"type\":\"groupsort\",\"group\":3}", 3},
                 {"{\"group\":0,\"type\":\"groupsort\"}", 0},
                 {"{\"type\":\"groupsort\"}", 0},
                 {"{\"type\":\"max-min\"}", 2}};
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++) {
        ck_assert_int_eq(take(sorts[i].text), LIP_OK);
        ck_assert_ptr_eq(layer.kind, &lip_layer_group_sort);
        ck_assert_uint_eq(layer.group, sorts[i].group);
        done();
    }
    ck_assert_int_eq(take("{\"type\":\"householder\",\"angles\":[1,0.5]}"),
                     LIP_OK);
    ck_assert_ptr_eq(layer.kind, &lip_layer_householder);
    ck_assert_uint_eq(layer.weight.rank, 1);
    ck_assert(lip_tensor_at(&layer.weight, 1) == 0.5);
    done();
}
END_TEST

START_TEST(element_types)
{
    ck_assert_int_eq(take("{\"dtype\":\"float32\",\"type\":\"dense\","
                          "\"weight\":[[0.1,1]],\"bias\":[3]}"),
                     LIP_OK);
    ck_assert_int_eq(layer.weight.dtype, LIP_F32);
    ck_assert_int_eq(layer.bias.dtype, LIP_F32);
    ck_assert(lip_tensor_at(&layer.weight, 0) == (double)0.1F);
    done();
    ck_assert_int_eq(take("{\"type\":\"dense\",\"weight\":[[0.1,1]],"
                          "\"bias\":[3.01],\"dtype\":\"bfloat16\","
                          "\"bias_dtype\":\"float64\"}"),
                     LIP_OK);
    ck_assert_int_eq(layer.weight.dtype, LIP_BF16);
    ck_assert_int_eq(layer.bias.dtype, LIP_F64);
    ck_assert(lip_tensor_at(&layer.bias, 0) == 3.01);
    done();
    ck_assert_int_eq(take("{\"type\":\"prelu\",\"slope\":[1,2],"
                          "\"dtype\":\"float16\"}"),
                     LIP_OK);
    ck_assert_int_eq(layer.weight.dtype, LIP_F16);
    done();
}
END_TEST

START_TEST(every_kind_by_all_its_names)
{
    static const struct {
        const char *type;
        const struct lip_layer_kind *kind;
    } names[] = {
        {"conv", &lip_layer_conv},
        {"Conv2d", &lip_layer_conv},
        {"conv1d", &lip_layer_conv},
        {"ConvTranspose2d", &lip_layer_conv_transpose},
        {"maxpool", &lip_layer_max_pool},
        {"max-pool2d", &lip_layer_max_pool},
        {"avg_pool", &lip_layer_average_pool},
        {"global-average-pool", &lip_layer_average_pool},
        {"GlobalAveragePool", &lip_layer_average_pool},
        {"batchnorm", &lip_layer_batch_norm},
        {"BatchNorm2d", &lip_layer_batch_norm},
        {"LayerNorm", &lip_layer_layer_norm},
        {"Upsample", &lip_layer_upsample},
    };
    char text[200];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, "{\"type\":\"%s\"}", names[i].type);
        ck_assert_msg(take(text) == LIP_OK, "%s", ctx.error.detail);
        ck_assert_ptr_eq(layer.kind, names[i].kind);
        done();
    }
    for (size_t i = 0; lip_layer_kinds[i]; i++) {
        const struct lip_layer_kind *kind = lip_layer_kinds[i];
        if (kind->weight_rank || kind == &lip_layer_activation)
            continue;
        snprintf(text, sizeof text, "{\"type\":\"%s\"}", kind->name);
        ck_assert_int_eq(take(text), LIP_OK);
        ck_assert_ptr_eq(layer.kind, kind);
        for (size_t k = 0; kind->parameter && kind->parameter[k].name; k++)
            ck_assert(layer.parameter[k] == kind->parameter[k].fallback);
        done();
    }
}
END_TEST

START_TEST(settings_tensors_and_parameters)
{
    ck_assert_msg(take("{\"padding\":[0,1,2,3],\"stride\":2,"
                       "\"weight\":[[[[1,2],[3,4]]],[[[5,6],[7,8]]]],"
                       "\"type\":\"conv\",\"bias\":[1,2],\"dtype\":"
                       "\"float32\"}") == LIP_OK,
                  "%s", ctx.error.detail);
    static const size_t dim[] = {2, 1, 2, 2};
    ck_assert_uint_eq(layer.weight.rank, 4);
    ck_assert_mem_eq(layer.weight.dim, dim, sizeof dim);
    ck_assert_int_eq(layer.weight.dtype, LIP_F32);
    ck_assert_double_eq(lip_tensor_at(&layer.weight, 6), 7);
    ck_assert_uint_eq(lip_layer_setting(&layer, "stride")->count, 1);
    ck_assert_int_eq(lip_layer_setting(&layer, "stride")->value[0], 2);
    ck_assert_uint_eq(lip_layer_setting(&layer, "padding")->count, 4);
    ck_assert_int_eq(lip_layer_setting(&layer, "padding")->value[3], 3);
    ck_assert_uint_eq(lip_layer_setting(&layer, "groups")->count, 0);
    done();
    ck_assert_int_eq(take("{\"type\":\"batch-norm\",\"mean\":[1],"
                          "\"variance\":[2],\"epsilon\":0.5,\"bias\":null,"
                          "\"weight\":null,\"variance_dtype\":\"float16\"}"),
                     LIP_OK);
    ck_assert_double_eq(layer.parameter[0], 0.5);
    ck_assert_double_eq(lip_tensor_at(&layer.mean, 0), 1);
    ck_assert_int_eq(layer.variance.dtype, LIP_F16);
    ck_assert_int_eq(layer.mean.dtype, LIP_F64);
    done();
    ck_assert_int_eq(take("{\"type\":\"affine\",\"weight\":3}"), LIP_OK);
    ck_assert_uint_eq(lip_tensor_count(&layer.weight), 1);
    done();
    ck_assert_int_eq(take("{\"type\":\"avg-pool\",\"kernel\":2,"
                          "\"include_padding\":true}"),
                     LIP_OK);
    ck_assert_int_eq(lip_layer_setting(&layer, "include_padding")->value[0], 1);
    done();
    ck_assert_int_eq(take("{\"type\":\"relu\",\"inputs\": [1,\"b\"]}"), LIP_OK);
    ck_assert_int_eq(inputs[1], '[');
    done();
}
END_TEST

START_TEST(refusals)
{
    static const struct {
        const char *text;
        enum lip_status status;
        const char *where, *says;
    } cases[] = {
        {"{}", LIP_INVALID, "", "no \"type\""},
        {"{\"type\":\"relu\",\"dtype\":\"float32\"}", LIP_INVALID, "/dtype",
         "no member"},
        {"{\"type\":\"householder\",\"angles\":[1],"
         "\"bias_dtype\":\"float32\"}",
         LIP_INVALID, "/bias_dtype", "no member"},
        {"{\"type\":\"dense\",\"dtype\":\"f32\"}", LIP_UNSUPPORTED, "/dtype",
         "bfloat16"},
        {"{\"type\":\"dense\",\"dtype\":\"float32\",\"dtype\":\"float32\"}",
         LIP_INVALID, "/dtype", "twice"},
        {"{\"type\":\"householder\"}", LIP_INVALID, "", "no \"angles\""},
        {"{\"type\":\"max-min\",\"group\":2}", LIP_INVALID, "/group", "twice"},
        {"{\"type\":\"groupsort\",\"group\":-1}", LIP_INVALID, "/group", ""},
        {"{\"type\":\"dense\",\"weight\":\"w\"}", LIP_INVALID, "/weight",
         "not a string"},
        {"[]", LIP_INVALID, "", "an object, not an array"},
        {"{\"type\":3}", LIP_INVALID, "/type", "a string, not a number"},
        {"{\"type\":\"conv3d\"}", LIP_UNSUPPORTED, "/type", "dense, flatten"},
        {"{\"type\":\"conv\",\"stride\":0}", LIP_INVALID, "/stride",
         "from 1 to"},
        {"{\"type\":\"conv\",\"stride\":[1,2,3]}", LIP_INVALID, "/stride/2",
         "at most 2"},
        {"{\"type\":\"conv\",\"padding\":[1,-1]}", LIP_INVALID, "/padding/1",
         "from 0 to"},
        {"{\"type\":\"conv\",\"padding\":\"same\"}", LIP_INVALID, "/padding",
         "a number, not a string"},
        {"{\"type\":\"conv\",\"dilation\":1.5}", LIP_INVALID, "/dilation",
         "whole number"},
        {"{\"type\":\"conv\",\"groups\":1e300}", LIP_INVALID, "/groups",
         "whole number"},
        {"{\"type\":\"conv\",\"groups\":[]}", LIP_INVALID, "/groups",
         "is empty"},
        {"{\"type\":\"conv\",\"groups\":true}", LIP_INVALID, "/groups",
         "not true or false"},
        {"{\"type\":\"conv\",\"stride\":1,\"stride\":1}", LIP_INVALID,
         "/stride", "twice"},
        {"{\"type\":\"conv\",\"kernel\":1}", LIP_INVALID, "/kernel",
         "no member"},
        {"{\"type\":\"global-average-pool\",\"kernel\":1}", LIP_INVALID,
         "/kernel", "twice"},
        {"{\"type\":\"batch-norm\",\"epsilon\":-1}", LIP_INVALID, "/epsilon",
         "between"},
        {"{\"type\":\"batch-norm\",\"mean\":[1],\"mean\":[1]}", LIP_INVALID,
         "/mean", "twice"},
        {"{\"type\":\"conv\",\"mean_dtype\":\"float32\"}", LIP_INVALID,
         "/mean_dtype", "no member"},
        {"{\"type\":\"relu\",\"inputs\":[],\"inputs\":[]}", LIP_INVALID,
         "/inputs", "twice"},
        {"{\"type\":\"conv\",\"weight\":[[[1,2],[3]]]}", LIP_INVALID,
         "/weight/0/1", "1 numbers"},
        {"{\"type\":\"activation\"}", LIP_UNSUPPORTED, "/type", "tanh"},
        {"{\"type\":\"relu\",\"type\":\"relu\"}", LIP_INVALID, "/type",
         "twice"},
        {"{\"name\":\"a\",\"name\":\"a\",\"type\":\"relu\"}", LIP_INVALID,
         "/name", "twice"},
        {"{\"type\":\"dense\"}", LIP_INVALID, "", "no \"weight\""},
        {"{\"type\":\"dense\",\"weight\":[[1]],\"weight\":[[1]]}", LIP_INVALID,
         "/weight", "twice"},
        {"{\"weight\":[[1]],\"weight\":[[1]],\"type\":\"dense\"}", LIP_INVALID,
         "/weight", "twice"},
        {"{\"type\":\"dense\",\"weight\":[[1]],\"bias\":null,\"bias\":[1]}",
         LIP_INVALID, "/bias", "twice"},
        {"{\"type\":\"dense\",\"units\":4}", LIP_INVALID, "/units",
         "no member \"units\""},
        {"{\"units\":4,\"type\":\"dense\"}", LIP_INVALID, "/units",
         "no member \"units\""},
        {"{\"type\":\"relu\",\"weight\":[[1]]}", LIP_INVALID, "/weight",
         "relu"},
        {"{\"type\":\"flatten\",\"weight\":[[1]]}", LIP_INVALID, "/weight",
         "flatten"},
        {"{\"type\":\"leaky-relu\",\"negative_slope\":\"x\"}", LIP_INVALID,
         "/negative_slope", "not a string"},
        {"{\"type\":\"leaky-relu\",\"negative_slope\":[1]}", LIP_INVALID,
         "/negative_slope", "not an array"},
        {"{\"type\":\"leaky-relu\",\"negative_slope\":1e300}", LIP_INVALID,
         "/negative_slope", "between"},
        {"{\"type\":\"leaky-relu\",\"negative_slope\":0,"
         "\"negative_slope\":0}",
         LIP_INVALID, "/negative_slope", "twice"},
        {"{\"type\":\"prelu\",\"slope\":[0.1,\"x\"]}", LIP_INVALID, "/slope/1",
         "not a string"},
        {"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,"
         "\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,"
         "\"p\":1,\"q\":1,\"type\":\"relu\"}",
         LIP_INVALID, "/q", "\"type\" first"},
        {"{\"weight\":[[1,2],[3]],\"type\":\"dense\"}", LIP_INVALID,
         "/weight/1", "1 numbers"},
        {"{\"type\":\"relu\"", LIP_MALFORMED, "14", "too early"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum lip_status status = take(cases[i].text);
        ck_assert_msg(status == cases[i].status &&
                          strcmp(ctx.error.where, cases[i].where) == 0 &&
                          strstr(ctx.error.detail, cases[i].says),
                      "%s: %d %s: %s", cases[i].text, status, ctx.error.where,
                      ctx.error.detail);
        done();
    }
}
END_TEST

/* The sentence lists all types and still fits. */
START_TEST(the_list_of_types_is_whole)
{
    size_t last = 0;
    ck_assert_int_eq(take("{\"type\":\"\\\"012345678901234567890123456789"
                          "0123456789\"}"),
                     LIP_UNSUPPORTED);
    for (size_t i = 0; lip_layer_kinds[i]; i++)
        if (lip_layer_kinds[i] != &lip_layer_activation)
            ck_assert_ptr_nonnull(
                strstr(ctx.error.detail, lip_layer_kinds[i]->name));
    for (size_t i = 0; lip_activations[i]; i++) {
        ck_assert_ptr_nonnull(
            strstr(ctx.error.detail, lip_activations[i]->name));
        last = strlen(ctx.error.detail);
    }
    ck_assert_int_eq(ctx.error.detail[last - 1], '.');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_layer");
    TCase *tests = tcase_create("json_layer");
    tcase_add_test(tests, joint_layers);
    tcase_add_test(tests, element_types);
    tcase_add_test(tests, dense_in_any_order);
    tcase_add_test(tests, every_activation);
    tcase_add_test(tests, every_kind_by_all_its_names);
    tcase_add_test(tests, settings_tensors_and_parameters);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, the_list_of_types_is_whole);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
