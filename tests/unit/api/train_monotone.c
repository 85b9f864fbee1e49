/* SPDX-License-Identifier: MIT
 *
 * Properties: directions are read, written and freed; what is no direction is
 * refused at its index; the model is held against the data before a job is
 * made of it. */
#include "tests/support/suite.h"
#include "tests/support/train_request.h"

#include <string.h>

#define MONOTONE "'constraint': {'lipschitz': 2, 'method': 'monotone'"

START_TEST(test_read)
{
    struct api_train_request out, again;
    train_request_good(&out, MONOTONE ", 'directions': [1, -1.0]}");
    ck_assert_uint_eq(out.options.directions, 2);
    ck_assert_int_eq(out.options.direction[0], 1);
    ck_assert_int_eq(out.options.direction[1], -1);
    ck_assert_int_eq(out.options.pair.input, LIP_NORM_1);
    ck_assert_int_eq(out.options.pair.output, LIP_NORM_INF);
    char *text = train_request_text(&out);
    ck_assert_ptr_nonnull(strstr(text, "directions"));
    api_train_clear(&out);
    json_t *json = json_loads(text, 0, NULL);
    struct api_problem problem = {.detail = ""};
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(api_train_read(&again, json, &problem, &ctx), LIP_OK);
    ck_assert_int_eq(again.options.direction[1], -1);
    api_train_clear(&again);
    json_decref(json);
    lip_free(text);
}
END_TEST

#define DIGITS                                                                 \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define EACH "'constraint': {'method': 'monotone', 'directions': [1, 0]"

/* Limits of inputs: the largest is the network's, and they are written. */
START_TEST(test_limits_of_inputs)
{
    struct api_train_request out;
    train_request_good(&out, EACH ", 'lipschitz_per_input': [0.5, 3]}");
    ck_assert_uint_eq(out.input_limits, 2);
    ck_assert_double_eq(out.input_limit[0], 0.5);
    ck_assert_double_eq(out.options.limit, 3);
    char *text = train_request_text(&out);
    ck_assert_ptr_nonnull(strstr(text, "\"lipschitz_per_input\":[0.5,3]"));
    ck_assert_ptr_null(strstr(text, "\"lipschitz\":"));
    lip_free(text);
    api_train_clear(&out);
    train_request_bad(EACH ", 'lipschitz_per_input': [0.5, 0]}",
                      "/constraint/lipschitz_per_input/1", "at least");
    train_request_bad(EACH ", 'lipschitz_per_input': []}",
                      "/constraint/lipschitz_per_input", "each input");
    train_request_bad(EACH ", 'lipschitz_per_input': [1, 1, 1]}",
                      "/constraint/lipschitz_per_input",
                      "3 limits for 2 inputs");
    train_request_bad(EACH ", 'lipschitz': 1, 'lipschitz_per_input': [1, 1]}",
                      "/constraint/lipschitz_per_input", "leave one");
    train_request_bad("'model': {'id': 'sha256:" DIGITS "'}, " EACH
                      ", 'lipschitz_per_input': [1, 1]}",
                      "/constraint/lipschitz_per_input", "stored model");
    train_request_bad("'constraint': {'lipschitz_per_input': [1, 1]}",
                      "/constraint/lipschitz_per_input", "no limits of inputs");
}
END_TEST

START_TEST(test_bad)
{
    train_request_bad(MONOTONE "}", "/constraint/directions", "each input");
    train_request_bad(MONOTONE ", 'directions': []}", "/constraint/directions",
                      "each input");
    train_request_bad(MONOTONE ", 'directions': [1, 0.5]}",
                      "/constraint/directions/1", "A direction is 1");
    train_request_bad(MONOTONE ", 'directions': ['up']}",
                      "/constraint/directions/0", "A direction is 1");
    train_request_bad("'constraint': {'lipschitz': 2, 'directions': [1, 1]}",
                      "/constraint/directions", "has no directions");
    train_request_bad(MONOTONE ", 'norm': 2, 'directions': [1, 1]}",
                      "/constraint/norm", "1 to inf.");
}
END_TEST

/* Generated data have a shape that is known early. */
START_TEST(test_data)
{
    train_request_bad(MONOTONE ", 'directions': [0, 0]}", "/constraint",
                      "inputs free");
    train_request_bad(MONOTONE ", 'directions': [0, 0, 1]}", "/constraint",
                      "3 directions for 2 inputs");
    train_request_bad(MONOTONE ", 'directions': [1, 1]}, 'model': {'layers': "
                               "[{'type': 'dense', 'units': 3}, {'type': "
                               "'tanh'}, {'type': 'dense', 'units': 2}]}",
                      "/constraint", "Layer 1 (tanh)");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/train_monotone");
    TCase *t = tcase_create("train_monotone");
    tcase_add_test(t, test_read);
    tcase_add_test(t, test_bad);
    tcase_add_test(t, test_limits_of_inputs);
    tcase_add_test(t, test_data);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
