/* SPDX-License-Identifier: MIT
 *
 * Properties: every kind of the table can be named, with its parameters and
 * their defaults; what a kind does not have is refused at its pointer. */
#include "tests/support/suite.h"
#include "tests/support/train_request.h"

#include <stdio.h>

#define LAYERS(more)                                                           \
    "'model': {'layers': [{'type': 'dense', 'units': 4}, " more                \
    ", {'type': 'dense', 'units': 2}]}"

/* Only what a served network knows is taken whole, so that the kinds are read
 * against a stored data set, whose shape nobody knows yet. */
#define STORED                                                                 \
    "'dataset': {'id': 'sha256:0123456789abcdef0123456789abcdef0123456789abcd" \
    "ef0123456789abcdef'}, "

START_TEST(test_kinds)
{
    for (size_t i = 0; lip_trainable_kinds[i]; i++) {
        const struct lip_trainable_kind *kind = lip_trainable_kinds[i];
        struct api_train_request out;
        char member[600];
        snprintf(
            member, sizeof member,
            STORED
            "'constraint': {'method': 'none'}, " LAYERS("{'type': '%s'%s}"),
            kind->name,
            kind->matrix ? kind->windowed ? ", 'filters': 3" : ", 'units': 3"
                         : "");
        train_request_good(&out, member);
        ck_assert_ptr_eq(out.layer[1].kind, kind);
        for (size_t k = 0; kind->parameter[k].name; k++)
            ck_assert_double_eq(out.layer[1].parameter[k],
                                kind->parameter[k].fallback);
        api_train_clear(&out);
    }
}
END_TEST

START_TEST(test_values)
{
    struct api_train_request out;
    train_request_good(
        &out, LAYERS("{'type': 'leaky-relu', 'negative_slope': 0.25}, {'type': "
                     "'max-min'}, {'type': 'groupsort', 'group': 'all'}, "
                     "{'type': 'groupsort', 'group': 4}"));
    ck_assert_uint_eq(out.layers, 6);
    ck_assert_uint_eq(out.layer[0].units, 4);
    ck_assert_double_eq(out.layer[1].parameter[0], 0.25);
    ck_assert_uint_eq(out.layer[2].group, 2);
    ck_assert_uint_eq(out.layer[3].group, 0);
    ck_assert_uint_eq(out.layer[4].group, 4);
    api_train_clear(&out);
}
END_TEST

#define IMAGES(first)                                                          \
    STORED "'model': {'input': [2, 6, 8], 'layers': [" first                   \
           ", {'type': 'flatten'}, {'type': 'dense', 'units': 2}]}"

static void ck_setting(const struct lip_setting *setting, size_t count,
                       const long *value)
{
    ck_assert_uint_eq(setting->count, count);
    for (size_t k = 0; k < count; k++)
        ck_assert_int_eq(setting->value[k], value[k]);
}

START_TEST(test_windows)
{
    struct api_train_request out;
    train_request_good(
        &out, IMAGES("{'type': 'conv', 'filters': 4, 'kernel': 3, 'stride': "
                     "[2, 1], 'padding': [1, 2, 3, 4]}, {'type': 'max-pool'}"));
    ck_assert_uint_eq(out.input.axes, 2);
    ck_assert_uint_eq(out.input.channels, 2);
    ck_assert_uint_eq(out.input.height, 6);
    ck_assert_uint_eq(out.input.width, 8);
    ck_assert_uint_eq(out.layer[0].units, 4);
    ck_setting(&out.layer[0].kernel, 1, (const long[]){3});
    ck_setting(&out.layer[0].stride, 2, (const long[]){2, 1});
    ck_setting(&out.layer[0].padding, 4, (const long[]){1, 2, 3, 4});
    ck_setting(&out.layer[0].dilation, 0, NULL);
    ck_setting(&out.layer[1].kernel, 0, NULL);
    api_train_clear(&out);
}
END_TEST

static const struct {
    const char *member, *pointer, *words;
} bad[] = {
    {"'model': {}", "/model/layers", "1 to 256"},
    {"'model': 3", "/model", "object"},
    {"'model': {'layers': [], 'name': 1}", "/model/name", "layers"},
    {"'model': {'layers': [3]}", "/model/layers/0", "object"},
    {"'model': {'layers': [{}]}", "/model/layers/0/type", "dense"},
    {LAYERS("{'type': 'deconv'}"), "/model/layers/1/type", "groupsort"},
    {LAYERS("{'type': 'conv'}"), "/model/layers/1/filters", "65536"},
    {LAYERS("{'type': 'conv', 'units': 3}"), "/model/layers/1/units",
     "filters, kernel"},
    {LAYERS("{'type': 'conv', 'filters': 3, 'kernel': 2}"), "/model/layers/1",
     "\"input\""},
    {IMAGES("{'type': 'conv', 'filters': 3, 'kernel': [1, 2, 3]}"),
     "/model/layers/0/kernel", "up to 2"},
    {IMAGES("{'type': 'conv', 'filters': 3, 'kernel': 0}"),
     "/model/layers/0/kernel", "from 1"},
    {IMAGES("{'type': 'conv', 'filters': 3, 'kernel': 2, 'stride': ['a']}"),
     "/model/layers/0/stride/0", "whole"},
    {"'model': {'input': 3, 'layers': [{'type': 'dense', 'units': 2}]}",
     "/model/input", "channels"},
    {"'model': {'input': [3, 0], 'layers': [{'type': 'dense', 'units': 2}]}",
     "/model/input/1", "from 1"},
    {"'model': {'input': [1, 3], 'layers': [{'type': 'dense', 'units': 2}]}",
     "/model/input", "a row of the data set 2"},
    {"'model': {'input': [1, 2], 'layers': [{'type': 'dense', 'units': 2}]}",
     "/model/layers/0", "flatten"},
    {LAYERS("{'type': 'dense'}"), "/model/layers/1/units", "65536"},
    {LAYERS("{'type': 'dense', 'units': 70000}"), "/model/layers/1/units",
     "65536"},
    {LAYERS("{'type': 'relu', 'units': 3}"), "/model/layers/1/units", "type"},
    {LAYERS("{'type': 'relu', 'negative_slope': 0}"),
     "/model/layers/1/negative_slope", "Known are: type"},
    {LAYERS("{'type': 'leaky-relu', 'negative_slope': 2}"),
     "/model/layers/1/negative_slope", "at most 1"},
    {LAYERS("{'type': 'groupsort', 'group': 0}"), "/model/layers/1/group",
     "1 to"},
    {"'model': {'layers': [{'type': 'relu'}]}", "/model/layers", "dense"},
};

START_TEST(test_bad)
{
    train_request_bad(bad[_i].member, bad[_i].pointer, bad[_i].words);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/train_layers");
    TCase *t = tcase_create("train_layers");
    tcase_add_test(t, test_kinds);
    tcase_add_test(t, test_values);
    tcase_add_test(t, test_windows);
    tcase_add_loop_test(t, test_bad, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
