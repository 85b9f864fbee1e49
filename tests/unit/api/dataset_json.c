/* SPDX-License-Identifier: MIT
 *
 * Data inside JSON: the numbers, and where a fault is. */
#include "api/dataset.h"

#include "tests/support/suite.h"
#include "tests/support/upload.h"

#include <string.h>

static enum lip_status read(struct lip_data **out, const char *text,
                            struct lip_ctx *ctx)
{
    return api_dataset_read_json(out, text, strlen(text), 100,
                                 "/dataset/inline", API_TASK_TOLD, ctx);
}

START_TEST(numbers)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct lip_data *data;
    ck_assert_int_eq(
        read(&data,
             " {\"y\": [ [1, 2.5],[-3,4e0] ] , \"x\":[[1,2,3],[4,5,0.1]]}",
             &ctx),
        LIP_OK);
    ck_assert_uint_eq(data->rows, 2);
    ck_assert_uint_eq(data->features, 3);
    ck_assert_uint_eq(data->targets, 2);
    ck_assert_float_eq(data->x[3], 4);
    ck_assert_float_eq(data->x[5], 0.1F);
    ck_assert_float_eq(data->y[1], 2.5F);
    ck_assert_float_eq(data->y[2], -3);
    lip_data_free(data);
}
END_TEST

START_TEST(faults_have_their_place)
{
    static const struct {
        const char *text, *where, *says;
    } cases[] = {
        {"{\"x\":[[1,2],[3]],\"y\":[0,1]}", "/x/1", "fewer"},
        {"{\"x\":[[1,2],[3,4,5]],\"y\":[0,1]}", "/x/1/2", "more"},
        {"{\"x\":[[1],[2],[3]],\"y\":[0,1]}", "/x/2", "more rows"},
        {"{\"x\":[[1]],\"y\":[0,1]}", "/x", "1 rows"},
        {"{\"x\":[1],\"y\":[0]}", "/x/0", "rows"},
        {"{\"x\":[[1],2],\"y\":[0,1]}", "/x/1", "array"},
        {"{\"x\":[[[1]]],\"y\":[0]}", "/x/0/0", "number"},
        {"{\"x\":[[1,\"a\"]],\"y\":[0]}", "/x/0/1", "number"},
        {"{\"x\":[[1e999]],\"y\":[0]}", "/x/0/0", "finite"},
        {"{\"x\":{},\"y\":[0]}", "/x", "array"},
        {"{\"x\":[[1]],\"y\":[[0],1]}", "/y/1", "array"},
        {"{\"x\":[[1]],\"y\":[0,[1]]}", "/y/1", "number"},
        {"{\"x\":[[1]],\"y\":[[0],[1,2]]}", "/y/1", "Row 1"},
        {"{\"x\":[[1]],\"y\":[[]]}", "/y/0", "at least one"},
        {"{\"x\":[[1]],\"y\":3}", "/y", "array"},
        {"{\"x\":[[1]]}", "", "needs"},
        {"{\"y\":[1]}", "", "needs"},
        {"{\"x\":[[1]],\"y\":[0],\"z\":1}", "", "\"z\""},
        {"{\"x\":[[1]],\"y\":[0],\"task\":\"sort\"}", "/task", "regression"},
        {"{\"x\":[[1]],\"y\":[0],\"task\":7}", "/task", "string"},
        {"[]", "", "object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lip_budget budget;
        struct lip_ctx ctx = {.budget = &budget};
        struct lip_data *data;
        char where[64] = "/dataset/inline";
        lip_budget_init(&budget, 0);
        strcat(where, cases[i].where);
        ck_assert_int_eq(read(&data, cases[i].text, &ctx), LIP_INVALID);
        ck_assert_ptr_null(data);
        ck_assert_msg(strstr(ctx.error.detail, cases[i].says) != NULL,
                      "\"%s\" has no \"%s\"", ctx.error.detail, cases[i].says);
        ck_assert_int_eq(ctx.error.place, LIP_AT_POINTER);
        ck_assert_str_eq(ctx.error.where, where);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
}
END_TEST

START_TEST(what_is_no_set_is_refused)
{
    static const char *const texts[] = {
        "{\"x\":[],\"y\":[]}",
        "{\"x\":[[]],\"y\":[0]}",
        "{\"x\":[[1]],\"y\":[]}",
        "{\"x\":[[1e39]],\"y\":[0.5]}",
        "{\"x\":[[1]],\"y\":[-1]}",
        "{\"x\":[[1]],\"y\":[65536]}",
        "{\"x\":[[1]],\"y\":[0],\"y\":[0]}",
        "{\"x\":[[1]],\"y\":[0]",
        "{\"x\":[[NaN]],\"y\":[0]}",
        "{\"x\":[[1]],\"y\":[0]} 1",
    };
    struct lip_ctx ctx = {.budget = NULL};
    struct lip_data *data;
    ck_assert_int_ne(read(&data, texts[_i], &ctx), LIP_OK);
    ck_assert_ptr_null(data);
    ck_assert_uint_gt(strlen(ctx.error.detail), 10);
}
END_TEST

START_TEST(the_query_and_the_document_agree_on_the_task)
{
    struct bytes body = {0};
    bytes_text(&body, "{\"x\":[[1]],\"y\":[0],\"task\":\"regression\"}");
    upload_refused(&body, NULL, "task=classification", 422, "another task");
    bytes_clear(&body);
}
END_TEST

START_TEST(damage)
{
    struct bytes body = {0};
    bytes_text(&body,
               "{\"x\": [[1,2.5],[-3e1,4]],\"y\":%s,"
               "\"task\":\"regression\"}",
               _i ? "[[1],[0]]" : "[1,0]");
    upload_damaged(&body, NULL, "");
    bytes_clear(&body);
}
END_TEST

/* A hostile text does not get more memory than a small multiple of itself. */
START_TEST(memory_is_bounded_by_the_text)
{
    static const char *const fill[] = {"[", "[],", "[0],", "0,", ",", "[[],"};
    struct bytes body = {0};
    struct lip_data *data;
    struct api_problem problem;
    bytes_text(&body, "{\"y\":[0],\"x\":[");
    for (int i = 0; i < 50000; i++)
        bytes_text(&body, "%s", fill[_i]);
    struct api_query query = {.count = 0};
    static struct api_dataset_plan plan;
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct api_dataset_body upload = {body.data, body.size, NULL, &query};
    lip_budget_init(&budget, 0);
    ck_assert_int_eq(api_dataset_plan(&plan, &upload, &problem, &ctx), LIP_OK);
    ck_assert_uint_le(plan.memory, 25 * body.size);
    ck_assert_int_ne(upload_read(&data, &body, NULL, "", &problem), LIP_OK);
    bytes_clear(&body);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/dataset_json");
    TCase *tcase = tcase_create("json");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, faults_have_their_place);
    tcase_add_loop_test(tcase, what_is_no_set_is_refused, 0, 10);
    tcase_add_test(tcase, the_query_and_the_document_agree_on_the_task);
    tcase_add_loop_test(tcase, damage, 0, 2);
    tcase_add_loop_test(tcase, memory_is_bounded_by_the_text, 0, 6);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
