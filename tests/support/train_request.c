/* SPDX-License-Identifier: MIT
 *
 * Training requests in tests. */
#include "tests/support/train_request.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

json_t *train_json(const char *text)
{
    char *copy = lip_strdup(NULL, text);
    json_error_t error;
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    json_t *json = json_loads(copy, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(json != NULL, "%s: %s", copy, error.text);
    lip_free(copy);
    return json;
}

json_t *train_request_json(const char *member)
{
    json_t *json = train_json(
        "{'dataset': {'generate': 'two-moons', 'samples': 200},"
        " 'model': {'layers': [{'type': 'dense', 'units': 8}, {'type': "
        "'groupsort'}, {'type': 'dense', 'units': 2}]},"
        " 'constraint': {'lipschitz': 2}, 'epochs': 3, 'batch_size': 32}");
    if (!member)
        return json;
    char text[4096];
    snprintf(text, sizeof text, "{%s}", member);
    json_t *more = train_json(text);
    json_object_update(json, more);
    json_decref(more);
    return json;
}

void train_request_good(struct api_train_request *out, const char *member)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct api_problem problem = {.detail = ""};
    json_t *json = train_request_json(member);
    enum lip_status status = api_train_read(out, json, &problem, &ctx);
    ck_assert_msg(status == LIP_OK, "%s: %s", problem.where, problem.detail);
    json_decref(json);
}

void train_request_bad(const char *member, const char *pointer,
                       const char *words)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct api_train_request out;
    struct api_problem problem = {.detail = ""};
    json_t *json = train_request_json(member);
    ck_assert_msg(api_train_read(&out, json, &problem, &ctx) == LIP_INVALID,
                  "%s was taken", member);
    ck_assert_int_eq(problem.code, API_PROBLEM_INVALID_OPTION);
    ck_assert_int_eq(problem.place, LIP_AT_POINTER);
    ck_assert_msg(strcmp(problem.where, pointer) == 0, "%s: at %s: %s", member,
                  problem.where, problem.detail);
    ck_assert_msg(strstr(problem.detail, words) != NULL, "%s: %s", member,
                  problem.detail);
    json_decref(json);
}

char *train_request_text(const struct api_train_request *request)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct api_text text;
    size_t size;
    api_text_init(&text, 1 << 20, &ctx);
    api_train_write(&text, NULL, request);
    char *out = api_text_take(&text, &size);
    ck_assert_ptr_nonnull(out);
    return out;
}
