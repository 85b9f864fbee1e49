/* SPDX-License-Identifier: MIT
 *
 * Properties: the numbers of an inline data set arrive as they are, with as
 * many classes as the largest label says; rows of unequal length, labels that
 * are no whole numbers and values that are none are refused where they stand;
 * generators and ids are read. */
#include "tests/support/suite.h"
#include "tests/support/train_request.h"

#define OUT(units)                                                             \
    ", 'model': {'layers': [{'type': 'dense', 'units': " units "}]}"

START_TEST(test_inline)
{
    struct api_train_request out;
    train_request_good(
        &out, "'dataset': {'inline': {'x': [[0.5, -1], [2, 3], [4, "
              "5e3], [0, 0], [1, 1]], 'y': [0, 2, 1, 1, 0]}}" OUT("3"));
    const struct lip_data *data = out.inline_data;
    ck_assert_int_eq(out.source, API_DATA_INLINE);
    ck_assert_uint_eq(data->rows, 5);
    ck_assert_uint_eq(data->features, 2);
    ck_assert_uint_eq(data->classes, 3);
    ck_assert_float_eq(data->x[1], -1);
    ck_assert_float_eq(data->x[5], 5e3F);
    ck_assert_uint_eq(data->label[1], 2);
    api_train_clear(&out);
}
END_TEST

START_TEST(test_targets)
{
    struct api_train_request out;
    train_request_good(
        &out, "'task': 'regression', 'dataset': {'inline': {'x': [[1], [2], "
              "[3], [4], [5]], 'y': [[1, 2], [3, 4], [5, 6], [7, 8], [9, "
              "10]]}}" OUT("2"));
    ck_assert_uint_eq(out.inline_data->targets, 2);
    ck_assert_float_eq(out.inline_data->y[9], 10);
    api_train_clear(&out);
}
END_TEST

START_TEST(test_generated)
{
    struct api_train_request out;
    train_request_good(&out, "'dataset': {'generate': 'spirals', 'samples': "
                             "50, 'noise': 0, 'seed': 9}");
    ck_assert_str_eq(out.generator->name, "spirals");
    ck_assert_uint_eq(out.samples, 50);
    ck_assert_double_eq(out.noise, 0);
    ck_assert_uint_eq(out.data_seed, 9);
    api_train_clear(&out);
}
END_TEST

START_TEST(test_stored)
{
    static const char id[] = "sha256:0123456789abcdef0123456789abcdef0123456789"
                             "abcdef0123456789abcdef";
    struct api_train_request out;
    train_request_good(&out,
                       "'dataset': {'id': 'sha256:0123456789abcdef0123456789"
                       "abcdef0123456789abcdef0123456789abcdef'}");
    ck_assert_int_eq(out.source, API_DATA_STORED);
    ck_assert_str_eq(out.dataset_id, id);
    api_train_clear(&out);
}
END_TEST

#define INLINE(x, y) "'dataset': {'inline': {'x': " x ", 'y': " y "}}"

static const struct {
    const char *member, *pointer, *words;
} bad[] = {
    {"'dataset': 3", "/dataset", "object"},
    {"'dataset': {}", "/dataset/id", "64"},
    {"'dataset': {'generate': 'moons'}", "/dataset/generate", "two-moons"},
    {"'dataset': {'generate': 'circles', 'rows': 3}", "/dataset/rows",
     "samples"},
    {"'dataset': {'generate': 'circles', 'samples': 1}", "/dataset/samples",
     "2 to 1000000"},
    {"'dataset': {'generate': 'circles', 'noise': -1}", "/dataset/noise",
     "at least 0"},
    {"'dataset': {'inline': {'x': [[1]], 'y': [0]}, 'seed': 1}",
     "/dataset/seed", "inline"},
    {INLINE("[[1], [2]]", "[0]"), "/dataset/inline", "2 and 1"},
    {INLINE("[]", "[]"), "/dataset/inline", "rows"},
    {INLINE("[[1], [2, 3]]", "[0, 1]"), "/dataset/inline/x/1", "2, not 1"},
    {INLINE("[[1], [null]]", "[0, 1]"), "/dataset/inline/x/1/0", "number"},
    {INLINE("[[1], [1e300]]", "[0, 1]"), "/dataset/inline/x/1/0", "float32"},
    {INLINE("[[1], [2]]", "[0, -1]"), "/dataset/inline/y/1", "0 to 65535"},
    {INLINE("[[1], [2]]", "[0, 0.5]"), "/dataset/inline/y/1", "whole"},
    {INLINE("[[1], [2]]", "[0, 65536]"), "/dataset/inline/y/1", "65535"},
    {INLINE("[[1], [2]]", "['a', 'b']"), "/dataset/inline/y/0", "whole"},
    {"'task': 'regression', " INLINE("[[1], [2]]", "[0, 'b']"),
     "/dataset/inline/y/1", "number"},
    {"'task': 'regression', " INLINE("[[1], [2]]", "[[1, 2], [3]]"),
     "/dataset/inline/y/1", "1, not 2"},
};

START_TEST(test_bad)
{
    train_request_bad(bad[_i].member, bad[_i].pointer, bad[_i].words);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/train_data");
    TCase *t = tcase_create("train_data");
    tcase_add_test(t, test_inline);
    tcase_add_test(t, test_targets);
    tcase_add_test(t, test_generated);
    tcase_add_test(t, test_stored);
    tcase_add_loop_test(t, test_bad, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
