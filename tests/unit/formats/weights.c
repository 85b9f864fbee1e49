/* SPDX-License-Identifier: MIT
 *
 * The chain rule: which names make a group, in which order groups come, what is
 * left over, and in which words that is said. */
#include "formats/weights.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static const double numbers[16] = {1, 2, 3, 4, 5, 6, 7, 8};

/* Arrays of these names and shapes; a shape of 0 columns is a list. */
struct shape {
    const char *name;
    size_t rows, cols;
};

enum { MOST = 6 };

static struct bytes file_of(const struct shape *shape)
{
    struct array array[MOST];
    struct bytes bytes = {0};
    size_t n = 0;
    for (; n < MOST && shape[n].name; n++)
        array[n] = (struct array){shape[n].name,
                                  shape[n].cols ? 2 : 1,
                                  {shape[n].rows, shape[n].cols},
                                  numbers};
    bytes_safetensors(&bytes, array, n, "F64");
    return bytes;
}

/* The layers' names and sizes as "fc1:3x2+b relu fc2:1x3". */
static void describe(char *out, size_t size, const struct lip_network *network)
{
    size_t used = 0;
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        const char *space = i ? " " : "";
        if (layer->activation)
            used += (size_t)snprintf(out + used, size - used, "%s%s", space,
                                     layer->activation->name);
        else
            used += (size_t)snprintf(
                out + used, size - used, "%s%s:%zux%zu%s", space, layer->name,
                layer->outputs, layer->inputs, layer->bias.data ? "+b" : "");
    }
}

START_TEST(names_and_order)
{
    static const struct {
        struct shape shape[MOST];
        const char *layers;
    } cases[] = {
        {{{"0.weight", 3, 2}, {"0.bias", 3, 0}, {"2.weight", 1, 3}},
         "0:3x2+b relu 2:1x3"},
        {{{"W1", 3, 2}, {"b1", 3, 0}, {"W2", 1, 3}, {"b2", 1, 0}},
         "1:3x2+b relu 2:1x3+b"},
        {{{"w1", 3, 2}, {"w2", 1, 3}}, "1:3x2 relu 2:1x3"},
        {{{"fc10.weight", 1, 3}, {"fc2.weight", 3, 2}, {"fc2.bias", 3, 0}},
         "fc2:3x2+b relu fc10:1x3"},
        {{{"fc1/kernel", 3, 2}, {"fc1/bias", 3, 0}, {"fc2/kernel", 1, 3}},
         "fc1:3x2+b relu fc2:1x3"},
        {{{"fc1_w", 3, 2}, {"fc1_b", 3, 0}}, "fc1:3x2+b"},
        {{{"W_in", 3, 2}, {"b_in", 3, 0}, {"W_out", 1, 3}},
         "in:3x2+b relu out:1x3"},
        {{{"weight", 3, 2}, {"bias", 3, 0}}, ":3x2+b"},
        {{{"b1.weight", 3, 2}, {"b1.bias", 3, 0}, {"b2.weight", 1, 3}},
         "b1:3x2+b relu b2:1x3"},
        {{{"layers.0.W", 3, 2},
          {"layers.0.b", 3, 0},
          {"layers.11.W", 1, 2},
          {"layers.9.W", 2, 3}},
         "layers.0:3x2+b relu layers.9:2x3 relu layers.11:1x2"},
        {{{"arr_0", 3, 2}, {"arr_1", 1, 3}}, "arr_0:3x2 relu arr_1:1x3"},
        {{{"weight.b", 3, 2}, {"bias.b", 3, 0}}, "b:3x2+b"},
        {{{"encoder.weight.0", 3, 2}, {"encoder.bias.0", 3, 0}},
         "encoder.0:3x2+b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lip_ctx ctx = {.deadline = 0};
        struct lip_network *network;
        struct bytes bytes = file_of(cases[i].shape);
        char layers[200] = "";
        read_bytes(&network, &bytes, NULL, &ctx);
        ck_assert_msg(network != NULL, "%zu: %s", i, ctx.error.detail);
        describe(layers, sizeof layers, network);
        ck_assert_str_eq(layers, cases[i].layers);
        lip_network_free(network);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(refusals)
{
    static const struct {
        struct shape shape[MOST];
        struct refusal refusal;
    } cases[] = {
        {{{"a.weight", 3, 2}, {"running_mean", 3, 0}},
         {LIP_INVALID, LIP_AT_TENSOR, "running_mean", "no weight to go with"}},
        {{{"a.weight", 3, 2}, {"b.bias", 3, 0}},
         {LIP_INVALID, LIP_AT_TENSOR, "b.bias", "no weight to go with"}},
        {{{"a.bias", 3, 0}, {"b.weight", 3, 2}},
         {LIP_INVALID, LIP_AT_TENSOR, "a.bias", "no weight to go with"}},
        {{{"a.weight", 3, 2}, {"a.kernel", 3, 2}},
         {LIP_INVALID, LIP_AT_TENSOR, "a.weight", "a.kernel"}},
        {{{"a.W", 3, 2}, {"a.b", 3, 0}, {"a.bias", 3, 0}},
         {LIP_INVALID, LIP_AT_TENSOR, "a.bias", "both be the bias"}},
        {{{"1.weight", 3, 2}, {"W1", 3, 3}},
         {LIP_INVALID, LIP_AT_TENSOR, "W1", "\"1.weight\""}},
        {{{"fc1.weight", 3, 2}, {"fc01.weight", 3, 3}},
         {LIP_INVALID, LIP_AT_TENSOR, "fc1.weight", "same place"}},
        {{{"a.weight", 3, 2}, {"a.bias", 3, 1}},
         {LIP_INVALID, LIP_AT_TENSOR, "a.bias", "one dimension"}},
        {{{"a.weight", 3, 2}, {"c.weight", 3, 0}},
         {LIP_INVALID, LIP_AT_TENSOR, "c.weight", "two"}},
        {{{"a.weight", 3, 2}, {"a.bias", 4, 0}},
         {LIP_INVALID, LIP_AT_TENSOR, "a.bias", "4 numbers"}},
        {{{"a.weight", 3, 2}, {"a.bias", 2, 0}},
         {LIP_INVALID, LIP_AT_TENSOR, "a.bias", "layout=io"}},
        {{{"a.weight", 3, 2}, {"b.weight", 1, 4}},
         {LIP_INVALID, LIP_AT_TENSOR, "b.weight",
          "\"b.weight\" follows \"a.weight\""}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = file_of(cases[i].shape);
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(convolutions_are_named)
{
    static const struct refusal refusal = {
        LIP_UNSUPPORTED, LIP_AT_TENSOR, "conv.weight",
        "metadata, under \"lipschitzd.layers\""};
    struct bytes bytes = {0};
    bytes_safetensors_raw(&bytes,
                          "{\"conv.weight\":{\"dtype\":\"F32\",\"shape\":[1,1,"
                          "1,1],\"data_offsets\":[0,4]}}",
                          "\0\0\0", 4);
    must_refuse(&bytes, &refusal, NULL);
    bytes_clear(&bytes);
}
END_TEST

/* layout=io reads every weight as its transpose; biases keep their size. */
START_TEST(layout_io)
{
    static const struct shape shape[MOST] = {
        {"1.w", 2, 3}, {"1.b", 3, 0}, {"2.w", 3, 1}};
    static const struct shape wrong[MOST] = {{"1.w", 2, 3}, {"1.b", 2, 0}};
    static const struct refusal refusal = {LIP_INVALID, LIP_AT_TENSOR, "1.b",
                                           "Leave out layout=io"};
    struct lip_read_options options = {.weight_is_inputs_by_outputs = true};
    struct lip_ctx ctx = {.deadline = 0};
    struct lip_network *network;
    struct bytes bytes = file_of(shape);
    double y, x[] = {1, 10};
    ck_assert_int_eq(read_bytes(&network, &bytes, &options, &ctx), LIP_OK);
    ck_assert_int_eq(lip_network_eval(&y, network, x, &ctx), LIP_OK);
    /* hidden: 1 + 40 + 1, 2 + 50 + 2, 3 + 60 + 3; times 1, 2, 3 */
    ck_assert_double_eq(y, 42 + 2 * 54 + 3 * 66);
    lip_network_free(network);
    bytes_clear(&bytes);
    bytes = file_of(wrong);
    must_refuse(&bytes, &refusal, &options);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(chosen_activation)
{
    static const struct shape shape[MOST] = {{"W1", 3, 2}, {"W2", 1, 3}};
    struct lip_read_options options = {
        .activation = lip_activation_find("leaky-relu"), .parameter = {0.2}};
    struct lip_ctx ctx = {.deadline = 0};
    struct lip_network *network;
    struct bytes bytes = file_of(shape);
    ck_assert_int_eq(read_bytes(&network, &bytes, &options, &ctx), LIP_OK);
    ck_assert_ptr_eq(network->layer[1].activation, options.activation);
    ck_assert(network->layer[1].parameter[0] == 0.2);
    lip_network_free(network);
    options.max_layers = 2;
    static const struct refusal refusal = {LIP_TOO_LARGE, LIP_NOWHERE, "",
                                           "2 layers"};
    must_refuse(&bytes, &refusal, &options);
    bytes_clear(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("weights");
    TCase *tests = tcase_create("weights");
    tcase_add_test(tests, names_and_order);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, convolutions_are_named);
    tcase_add_test(tests, layout_io);
    tcase_add_test(tests, chosen_activation);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
