/* SPDX-License-Identifier: MIT
 *
 * Requests of POST /certify: what is read is what was sent; each fault is
 * refused at its place, and nothing is owned afterwards, whichever allocation
 * fails. */
#include "api/certify.h"

#include "tests/support/jansson_memory.h"
#include "tests/support/suite.h"

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
    ck_assert_int_eq(jansson_blocks(), 0);
}

static enum lip_status read_text(const char *text)
{
    lip_error_clear(&ctx);
    memset(&problem, 0, sizeof problem);
    return api_certify_read(&request, (const unsigned char *)text, strlen(text),
                            &problem, &ctx);
}

#define DIGEST "sha256:" DIGITS DIGITS DIGITS DIGITS
#define DIGITS "0123456789abcdef"
#define BY_ID "\"model\": {\"id\": \"" DIGEST "\"}"
#define LAYERS                                                                 \
    "\"model\": {\"layers\": [{\"type\": \"dense\", \"weight\": [[1, -2], "    \
    "[0.5, 3]]}]}"

START_TEST(all_members_are_read)
{
    ck_assert_msg(
        read_text("{" LAYERS ", \"inputs\": [[1, 2], [3, 4.5], [-1e-3, 0]], "
                  "\"labels\": [0, 1, 1], \"radii\": [0.1, 0], \"norm\": "
                  "{\"input\": 1, \"output\": \"inf\"}, \"time_limit\": 2.5, "
                  "\"logits\": false}") == LIP_OK,
        "%s", problem.detail);
    ck_assert_ptr_nonnull(request.network);
    ck_assert_str_eq(request.model_id, "");
    ck_assert_uint_eq(request.count, 3);
    ck_assert_uint_eq(request.columns, 2);
    const double x[] = {1, 2, 3, 4.5, -1e-3, 0};
    ck_assert_mem_eq(request.x, x, sizeof x);
    ck_assert_uint_eq(request.labels, 3);
    ck_assert_uint_eq(request.label[2], 1);
    ck_assert_uint_eq(request.radii, 2);
    ck_assert_double_eq(request.radius[0], 0.1);
    ck_assert_int_eq(request.norm.input, LIP_NORM_1);
    ck_assert_int_eq(request.norm.output, LIP_NORM_INF);
    ck_assert_double_eq(request.seconds, 2.5);
    ck_assert(!request.logits);
    api_certify_clear(&request);
}
END_TEST

START_TEST(defaults_are_as_documented)
{
    ck_assert_int_eq(read_text("{\"inputs\": [[1]], " BY_ID "}"), LIP_OK);
    ck_assert_ptr_null(request.network);
    ck_assert_str_eq(request.model_id, DIGEST);
    ck_assert_int_eq(request.norm.input, LIP_NORM_2);
    ck_assert_int_eq(request.norm.output, LIP_NORM_2);
    ck_assert_double_eq(request.seconds, 0);
    ck_assert(request.logits);
    ck_assert_uint_eq(request.labels + request.radii, 0);
    api_certify_clear(&request);
}
END_TEST

START_TEST(faults_are_refused_at_their_place)
{
    static const struct {
        const char *text, *name, *where;
    } fault[] = {
        {"", "malformed-body", NULL},
        {"[1]", "malformed-body", NULL},
        {"{" BY_ID ", \"inputs\": [[1]]", "malformed-body", NULL},
        {"{" BY_ID ", " BY_ID ", \"inputs\": [[1]]}", "malformed-body", NULL},
        {"{\"inputs\": [[1]]}", "invalid-model", "/model"},
        {"{\"model\": 3, \"inputs\": [[1]]}", "invalid-model", "/model"},
        {"{\"model\": {\"layers\": []}, \"inputs\": [[1]]}", "invalid-model",
         NULL},
        {"{\"model\": {\"id\": \"x\"}, \"inputs\": [[1]]}", "invalid-model",
         "/model/id"},
        {"{" BY_ID "}", "invalid-option", "/inputs"},
        {"{" BY_ID ", \"inputs\": []}", "invalid-option", "/inputs"},
        {"{" BY_ID ", \"inputs\": 3}", "invalid-option", "/inputs"},
        {"{" BY_ID ", \"inputs\": [[]]}", "invalid-option", "/inputs/0"},
        {"{" BY_ID ", \"inputs\": [[1, 2], [3]]}", "invalid-option",
         "/inputs/1"},
        {"{" BY_ID ", \"inputs\": [[1, 2], [3, \"a\"]]}", "invalid-option",
         "/inputs/1/1"},
        {"{" BY_ID ", \"inputs\": [[1, 2], [3, 1e999]]}", "invalid-option",
         "/inputs/1/1"},
        {"{" BY_ID ", \"inputs\": [[1, [2]]]}", "invalid-option",
         "/inputs/0/1"},
        {"{" BY_ID ", \"inputs\": [[1]], \"labels\": [0, 1]}", "invalid-option",
         "/labels"},
        {"{" BY_ID ", \"inputs\": [[1]], \"labels\": []}", "invalid-option",
         "/labels"},
        {"{" BY_ID ", \"inputs\": [[1]], \"labels\": [1.5]}", "invalid-option",
         "/labels/0"},
        {"{" BY_ID ", \"inputs\": [[1]], \"labels\": [-1]}", "invalid-option",
         "/labels/0"},
        {"{" BY_ID ", \"inputs\": [[1]], \"labels\": [4294967296]}",
         "invalid-option", "/labels/0"},
        {"{" BY_ID ", \"inputs\": [[1]], \"radii\": [1]}", "invalid-option",
         "/radii"},
        {"{" BY_ID ", \"inputs\": [[1]], \"labels\": [0], \"radii\": [1, -1]}",
         "invalid-option", "/radii/1"},
        {"{" BY_ID ", \"inputs\": [[1]], \"norm\": 3}", "invalid-option",
         "/norm"},
        {"{" BY_ID ", \"inputs\": [[1]], \"time_limit\": 0}", "invalid-option",
         "/time_limit"},
        {"{" BY_ID ", \"inputs\": [[1]], \"logits\": 1}", "invalid-option",
         "/logits"},
        {"{" BY_ID ", \"inputs\": [[1]], \"more\": 1}", "invalid-option",
         "/more"},
        {"{" BY_ID ", \"dataset\": 1}", "invalid-option", "/dataset"},
        {"{" BY_ID ", \"dataset\": {\"id\": \"y\"}}", "invalid-option",
         "/dataset/id"},
        {"{" BY_ID ", \"inputs\": [[1]], \"dataset\": {\"id\": \"" DIGEST
         "\"}}",
         "invalid-option", "/inputs"},
        {"{" BY_ID ", \"labels\": [1], \"dataset\": {\"id\": \"" DIGEST "\"}}",
         "invalid-option", "/labels"},
    };
    for (size_t i = 0; i < sizeof fault / sizeof *fault; i++) {
        const char *text = fault[i].text;
        ck_assert_msg(read_text(text) != LIP_OK, "%s", text);
        ck_assert_msg(
            strcmp(api_problem_name(problem.code), fault[i].name) == 0,
            "%s: %s, not %s: %s", text, api_problem_name(problem.code),
            fault[i].name, problem.detail);
        if (fault[i].where)
            ck_assert_msg(strcmp(problem.where, fault[i].where) == 0,
                          "%s: at \"%s\", not \"%s\": %s", text, problem.where,
                          fault[i].where, problem.detail);
        ck_assert_uint_gt(strlen(problem.detail), 10);
        ck_assert_uint_eq(budget.used, 0);
    }
}
END_TEST

START_TEST(data_sets_take_the_place_of_inputs)
{
    struct lip_data *data;
    ck_assert_int_eq(
        read_text("{" BY_ID ", \"dataset\": {\"id\": \"" DIGEST "\"}}"),
        LIP_OK);
    ck_assert_str_eq(request.dataset_id, DIGEST);
    ck_assert_int_eq(lip_data_new(&data, 2, 3, 2, 0, &ctx), LIP_OK);
    data->x[4] = 0.1F;
    data->label[1] = 1;
    ck_assert_int_eq(api_certify_take_data(&request, data, &problem, &ctx),
                     LIP_OK);
    ck_assert_uint_eq(request.count, 2);
    ck_assert_uint_eq(request.columns, 3);
    ck_assert_double_eq(request.x[4], (double)0.1F);
    ck_assert_uint_eq(request.labels, 2);
    ck_assert_uint_eq(request.label[1], 1);
    lip_data_free(data);
    api_certify_clear(&request);

    ck_assert_int_eq(
        read_text("{" BY_ID ", \"dataset\": {\"id\": \"" DIGEST "\"}}"),
        LIP_OK);
    ck_assert_int_eq(lip_data_new(&data, 2, 3, 0, 1, &ctx), LIP_OK);
    ck_assert_int_eq(api_certify_take_data(&request, data, &problem, &ctx),
                     LIP_INVALID);
    ck_assert_str_eq(problem.where, "/dataset");
    lip_data_free(data);
    api_certify_clear(&request);
}
END_TEST

START_TEST(failed_allocations_are_survived)
{
    for (long after = 0;; after++) {
        budget.fail_after = after;
        enum lip_status status =
            read_text("{" LAYERS ", \"inputs\": [[1, 2]], \"labels\": [0], "
                      "\"norm\": 1}");
        budget.fail_after = -1;
        if (status == LIP_OK)
            break;
        ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
        ck_assert_uint_eq(budget.used, 0);
    }
    api_certify_clear(&request);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certify_read");
    TCase *test = tcase_create("certify_read");
    jansson_count_memory();
    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_test(test, all_members_are_read);
    tcase_add_test(test, defaults_are_as_documented);
    tcase_add_test(test, faults_are_refused_at_their_place);
    tcase_add_test(test, data_sets_take_the_place_of_inputs);
    tcase_add_test(test, failed_allocations_are_survived);
    suite_add_tcase(suite, test);
    return run_suite(suite);
}
