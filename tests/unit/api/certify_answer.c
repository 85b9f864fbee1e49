/* SPDX-License-Identifier: MIT
 *
 * The answer of POST /certify: the numbers of a network whose radii are known,
 * radii not rounded up in the text, accuracies with strict inequality, and
 * refusals that name the place. */
#include "api/certify.h"

#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;
static struct api_certify_request request;
static struct api_problem problem;

static void setup(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static void teardown(void)
{
    ck_assert_uint_eq(budget.used, 0);
}

/* Inputs x; rows of three classes one unit apart from zero, so that the class
 * is the largest entry's and the radius in l2 half of sqrt 2 times its lead.
 * With a relu in front of it, which has constant 1. */
#define MODEL                                                                  \
    "\"model\": {\"layers\": [{\"type\": \"relu\"}, {\"type\": \"dense\", "    \
    "\"weight\": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}]}"

static enum lip_status read_text(const char *text)
{
    lip_error_clear(&ctx);
    memset(&problem, 0, sizeof problem);
    return api_certify_read(&request, (const unsigned char *)text, strlen(text),
                            &problem, &ctx);
}

/* The document; NULL on failure. */
static json_t *answer(const char *body, double max_bytes)
{
    struct api_text text;
    size_t size;
    json_t *json = NULL;
    ck_assert_msg(read_text(body) == LIP_OK, "%s", problem.detail);
    api_text_init(&text, 1 << 20, &ctx);
    if (api_certify_answer(&text, &request, max_bytes, 10, &problem, &ctx) ==
        LIP_OK) {
        char *document = api_text_take(&text, &size);
        ck_assert_ptr_nonnull(document);
        json = json_loadb(document, size, 0, NULL);
        ck_assert_ptr_nonnull(json);
        lip_free(document);
    }
    api_text_clear(&text);
    api_certify_clear(&request);
    return json;
}

static double number(const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);
    ck_assert_msg(json_is_number(value), "%s", name);
    return json_number_value(value);
}

START_TEST(radii_and_accuracies_are_right)
{
    json_t *json =
        answer("{" MODEL ", \"inputs\": [[3, 1, 0], [0, 2, 2], [0, 1, 5], "
               "[4, 0, 0]], \"labels\": [0, 1, 2, 1], \"radii\": [0, 1, 2.8]}",
               0);
    ck_assert_ptr_nonnull(json);
    static const double lead[] = {2, 0, 4, 4};
    static const int class[] = {0, 1, 2, 0};
    const json_t *list = json_object_get(json, "predictions");
    ck_assert_uint_eq(json_array_size(list), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *p = json_array_get(list, i);
        ck_assert_int_eq((int)number(p, "class"), class[i]);
        double r = number(p, "radius");
        ck_assert_double_le(r, lead[i] / sqrt(2));
        ck_assert_double_ge(r, lead[i] / sqrt(2) * (1 - 1e-9));
        ck_assert_uint_eq(json_array_size(json_object_get(p, "logits")), 3);
    }
    ck_assert_double_eq(number(json, "accuracy"), 0.75);
    /* A radius of 0 is not larger than 0. */
    static const double part[] = {0.5, 0.5, 0.25};
    list = json_object_get(json, "certified_accuracy");
    for (size_t i = 0; i < 3; i++)
        ck_assert_double_eq(number(json_array_get(list, i), "accuracy"),
                            part[i]);
    const json_t *proven = json_object_get(json, "lipschitz");
    ck_assert_double_ge(number(proven, "value"), 1);
    ck_assert(json_is_true(json_object_get(proven, "certified")));
    ck_assert_ptr_null(json_object_get(json, "network_lipschitz"));
    json_decref(json);
}
END_TEST

/* The whole network's bound is in the answer where there was time. */
START_TEST(time_gives_the_bound_of_the_whole)
{
    json_t *json = answer("{" MODEL ", \"inputs\": [[3, 1, 0]], \"logits\": "
                          "false, \"time_limit\": 1}",
                          0);
    ck_assert_ptr_nonnull(json);
    const json_t *whole = json_object_get(json, "network_lipschitz");
    ck_assert_double_ge(number(whole, "value"), 1);
    ck_assert_double_le(number(whole, "value"), 1 + 1e-6);
    const json_t *p = json_array_get(json_object_get(json, "predictions"), 0);
    ck_assert_ptr_null(json_object_get(p, "logits"));
    ck_assert_ptr_null(json_object_get(json, "accuracy"));
    json_decref(json);
}
END_TEST

/* The text is a decimal below the radius, read with no rounding at all: 1/3 of
 * a unit is not a double. */
START_TEST(text_is_not_above_the_radius)
{
    struct api_text text;
    ck_assert_int_eq(
        read_text("{\"model\": {\"layers\": [{\"type\": \"dense\", "
                  "\"weight\": [[3], [0]]}]}, \"inputs\": [[0.1]], \"norm\": "
                  "\"inf\", \"logits\": false}"),
        LIP_OK);
    api_text_init(&text, 1 << 20, &ctx);
    ck_assert_int_eq(api_certify_answer(&text, &request, 0, 0, &problem, &ctx),
                     LIP_OK);
    size_t size;
    char *document = api_text_take(&text, &size);
    const char *at = strstr(document, "\"radius\":");
    ck_assert_ptr_nonnull(at);
    long double r = strtold(at + 9, NULL);
    ck_assert(r <= (long double)0.1);
    ck_assert(r > 0.0999999999L);
    lip_free(document);
    api_certify_clear(&request);
}
END_TEST

/* No input changes the class: the radius is a number all the same. */
START_TEST(no_infinity_in_the_text)
{
    json_t *json = answer(
        "{\"model\": {\"layers\": [{\"type\": \"dense\", \"weight\": [[1], "
        "[1]], \"bias\": [1, 0]}]}, \"inputs\": [[2]]}",
        0);
    ck_assert_ptr_nonnull(json);
    const json_t *p = json_array_get(json_object_get(json, "predictions"), 0);
    ck_assert_double_eq(number(p, "radius"), DBL_MAX);
    json_decref(json);
}
END_TEST

static void refused(const char *body, double max_bytes, const char *name,
                    const char *where)
{
    ck_assert_ptr_null(answer(body, max_bytes));
    ck_assert_msg(strcmp(api_problem_name(problem.code), name) == 0, "%s: %s",
                  api_problem_name(problem.code), problem.detail);
    ck_assert_str_eq(problem.where, where);
    ck_assert_uint_gt(strlen(problem.detail), 10);
}

START_TEST(faults_are_refused_at_their_place)
{
    refused("{" MODEL ", \"inputs\": [[1, 2]]}", 0, "invalid-option",
            "/inputs/0");
    refused("{" MODEL ", \"inputs\": [[1, 2, 3], [1, 2, 3]], \"labels\": [2, "
            "3]}",
            0, "invalid-option", "/labels/1");
    refused("{" MODEL ", \"inputs\": [[1, 2, 3]]}", 100, "model-too-large", "");
    refused("{\"model\": {\"layers\": [{\"type\": \"dense\", \"weight\": "
            "[[1], [2]]}, {\"type\": \"sigmoid\"}]}, \"inputs\": [[1]]}",
            0, "unsupported-model", "1");
    refused("{\"model\": {\"layers\": [{\"type\": \"dense\", \"weight\": "
            "[[1e300], [2]]}]}, \"inputs\": [[1], [1e300]]}",
            0, "unproven", "");
    ck_assert_ptr_nonnull(strstr(problem.detail, "input 1"));
}
END_TEST

START_TEST(failed_allocations_are_survived)
{
    for (long after = 0;; after++) {
        struct api_text text;
        ck_assert_int_eq(read_text("{" MODEL ", \"inputs\": [[1, 2, 3]]}"),
                         LIP_OK);
        api_text_init(&text, 1 << 20, &ctx);
        budget.fail_after = after;
        enum lip_status status =
            api_certify_answer(&text, &request, 0, 0, &problem, &ctx);
        budget.fail_after = -1;
        bool done = status == LIP_OK && !text.failed;
        api_text_clear(&text);
        api_certify_clear(&request);
        ck_assert_uint_eq(budget.used, 0);
        if (done)
            break;
        if (status != LIP_OK)
            ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certify_answer");
    TCase *test = tcase_create("certify_answer");
    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_test(test, radii_and_accuracies_are_right);
    tcase_add_test(test, time_gives_the_bound_of_the_whole);
    tcase_add_test(test, text_is_not_above_the_radius);
    tcase_add_test(test, no_infinity_in_the_text);
    tcase_add_test(test, faults_are_refused_at_their_place);
    tcase_add_test(test, failed_allocations_are_survived);
    suite_add_tcase(suite, test);
    return run_suite(suite);
}
