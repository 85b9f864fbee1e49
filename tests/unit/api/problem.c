/* SPDX-License-Identifier: MIT
 *
 * Properties: the catalogue is well formed; each library failure becomes the
 * problem that the contract names; a document says all that is known of a
 * problem and nothing that could act on a reader. */
#include "api/problem.h"

#include "tests/support/suite.h"

#include <jansson.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void setup(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static void teardown(void)
{
    ck_assert_uint_eq(budget.used, 0);
}

static json_t *document(const struct api_problem *problem, const char *instance)
{
    struct api_text t;
    size_t size;
    api_text_init(&t, 10000, &ctx);
    api_problem_write(&t, problem, instance);
    char *text = api_text_take(&t, &size);
    ck_assert_ptr_nonnull(text);
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(root);
    lip_free(text);
    return root;
}

START_TEST(test_catalogue)
{
    for (int i = 0; i < API_PROBLEM_COUNT; i++) {
        const char *name = api_problem_name(i);
        ck_assert_int_ge(api_problem_status(i), 400);
        ck_assert_int_le(api_problem_status(i), 599);
        ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz-"),
                          strlen(name));
        ck_assert_uint_gt(strlen(api_problem_title(i)), 0);
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(name, api_problem_name(j));
    }
}
END_TEST

START_TEST(test_from_error)
{
    static const struct {
        enum lip_status status;
        const char *name;
        int http;
        unsigned retry;
    } row[] = {
        {LIP_MALFORMED, "malformed-body", 400, 0},
        {LIP_UNSUPPORTED, "unsupported-model", 422, 0},
        {LIP_INVALID, "invalid-model", 422, 0},
        {LIP_TOO_LARGE, "model-too-large", 413, 0},
        {LIP_NO_MEMORY, "overloaded", 503, 1},
        {LIP_CANCELLED, "time-limit", 422, 0},
        {LIP_TIMEOUT, "time-limit", 422, 0},
        {LIP_UNPROVEN, "unproven", 422, 0},
        {LIP_OK, "internal", 500, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct lip_error error = {.status = row[i].status, .detail = "Text."};
        struct api_problem p;
        api_problem_from_error(&p, &error);
        ck_assert_str_eq(api_problem_name(p.code), row[i].name);
        ck_assert_int_eq(api_problem_status(p.code), row[i].http);
        ck_assert_uint_eq(p.retry_after, row[i].retry);
        ck_assert_str_eq(p.detail, "Text.");
    }
}
END_TEST

/* A failure that nobody explained is not the client's. */
START_TEST(test_from_nothing)
{
    struct lip_error error = {.status = LIP_INVALID};
    struct api_problem p;
    api_problem_from_error(&p, &error);
    ck_assert_int_eq(p.code, API_PROBLEM_INTERNAL);
}
END_TEST

START_TEST(test_document)
{
    struct api_problem p;
    api_problem_set(&p, API_PROBLEM_INVALID_OPTION, "No \x1b[31m%s", "norm");
    json_t *d = document(&p, "id-1");
    ck_assert_uint_eq(json_object_size(d), 5);
    const char *type, *title, *detail, *instance;
    int status;
    ck_assert_int_eq(json_unpack(d, "{s:s,s:s,s:i,s:s,s:s}", "type", &type,
                                 "title", &title, "status", &status, "detail",
                                 &detail, "instance", &instance),
                     0);
    ck_assert_str_eq(type, "urn:lipschitzd:problem:invalid-option");
    ck_assert_str_eq(title, "An option is not valid");
    ck_assert_int_eq(status, 422);
    ck_assert_str_eq(detail, "No ?[31mnorm");
    ck_assert_str_eq(instance, "id-1");
    json_decref(d);
}
END_TEST

static void ck_place(enum lip_place place, bool in_query, const char *where,
                     const char *name, const json_t *expected)
{
    struct api_problem p;
    api_problem_set_at(&p, API_PROBLEM_INVALID_MODEL, place, where, "Wrong.");
    p.in_query = in_query;
    json_t *d = document(&p, NULL);
    ck_assert_ptr_null(json_object_get(d, "instance"));
    json_t *errors = json_object_get(d, "errors");
    ck_assert_uint_eq(json_array_size(errors), 1);
    json_t *error = json_array_get(errors, 0);
    ck_assert_uint_eq(json_object_size(error), 2);
    ck_assert(json_equal(json_object_get(error, name), expected));
    ck_assert_str_eq(json_string_value(json_object_get(error, "detail")),
                     "Wrong.");
    json_decref(d);
}

START_TEST(test_places)
{
    json_t *pointer = json_string("/layers/0"), *three = json_integer(3);
    json_t *text = json_string("3x");
    ck_place(LIP_AT_POINTER, false, "/layers/0", "pointer", pointer);
    ck_place(LIP_AT_TENSOR, false, "/layers/0", "tensor", pointer);
    ck_place(LIP_AT_POINTER, true, "3x", "parameter", text);
    ck_place(LIP_AT_LAYER, false, "3", "layer", three);
    ck_place(LIP_AT_BYTE, false, "3", "byte", three);
    ck_place(LIP_AT_BYTE, false, "3x", "byte", text);
    json_decref(pointer);
    json_decref(three);
    json_decref(text);
}
END_TEST

/* The longest sentences are cut, not overrun. */
START_TEST(test_long)
{
    char text[2000];
    struct api_problem p;
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    api_problem_set_at(&p, API_PROBLEM_BAD_REQUEST, LIP_AT_POINTER, text, "%s",
                       text);
    ck_assert_uint_eq(strlen(p.detail), sizeof p.detail - 1);
    ck_assert_uint_eq(strlen(p.where), sizeof p.where - 1);
    json_decref(document(&p, "x"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/problem");
    TCase *t = tcase_create("problem");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_catalogue);
    tcase_add_test(t, test_from_error);
    tcase_add_test(t, test_from_nothing);
    tcase_add_test(t, test_document);
    tcase_add_test(t, test_places);
    tcase_add_test(t, test_long);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
