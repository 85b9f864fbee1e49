/* SPDX-License-Identifier: MIT
 *
 * Properties: whatever the shape of the data contradicts is refused at the
 * member that is to change, from the shape alone; what passes is a run that
 * can be set up. */
#include "tests/support/suite.h"
#include "tests/support/train_request.h"

#include <string.h>

#define STORED                                                                 \
    "'dataset': {'id': 'sha256:0123456789abcdef0123456789abcdef0123456789abcd" \
    "ef0123456789abcdef'}, "

static const struct lip_data images = {
    .rows = 1000, .features = 784, .classes = 10};
static const struct lip_data table = {.rows = 300, .features = 7, .targets = 1};

static enum lip_status check(const char *member, const struct lip_data *data,
                             size_t memory, struct api_problem *problem)
{
    struct api_train_request request;
    struct lip_budget budget;
    lip_budget_init(&budget, memory);
    struct lip_ctx ctx = {.budget = &budget};
    char text[1000] = STORED;
    strcat(text, member);
    *problem = (struct api_problem){.detail = ""};
    train_request_good(&request, text);
    enum lip_status status =
        api_train_check_data(&request, data, problem, &ctx);
    api_train_clear(&request);
    ck_assert_uint_eq(budget.used, 0);
    return status;
}

#define LAYERS(more) "'model': {'layers': [" more "]}"
#define DENSE(units) "{'type': 'dense', 'units': " units "}"

START_TEST(test_good)
{
    static const char *const member[] = {
        LAYERS(DENSE("10")),
        LAYERS(DENSE("16") ", {'type': 'max-min'}, " DENSE("12")),
        LAYERS(DENSE("10")) ", 'validation': {'split': 0}",
        LAYERS(DENSE("10")) ", 'constraint': {'norm': 'inf'}",
    };
    struct api_problem problem;
    for (size_t i = 0; i < sizeof member / sizeof *member; i++)
        ck_assert_msg(check(member[i], &images, 0, &problem) == LIP_OK, "%s",
                      problem.detail);
    ck_assert_int_eq(
        check("'task': 'regression', " LAYERS(DENSE("1")), &table, 0, &problem),
        LIP_OK);
    ck_assert_int_eq(
        check("'model': {'id': 'sha256:0123456789abcdef0123456789abcdef0123456"
              "789abcdef0123456789abcdef'}",
              &images, 0, &problem),
        LIP_OK);
}
END_TEST

static const struct {
    const char *member;
    const struct lip_data *data;
    const char *pointer, *words;
} bad[] = {
    {LAYERS(DENSE("1")), &table, "/task", "regression"},
    {"'task': 'regression', " LAYERS(DENSE("1")), &images, "/task", "classes"},
    {LAYERS(DENSE("9")), &images, "/model/layers/0", "10 classes"},
    {LAYERS(DENSE("16") ", {'type': 'relu'}, " DENSE("9")), &images,
     "/model/layers/2", "9 outputs"},
    {"'task': 'regression', " LAYERS(DENSE("2")), &table, "/model/layers/0",
     "2 outputs"},
    {LAYERS(DENSE("15") ", {'type': 'max-min'}, " DENSE("10")), &images,
     "/model/layers/1", "groups of 2"},
    {LAYERS(DENSE("16") ", {'type': 'softplus'}, " DENSE(
         "10")) ", 'constraint': {'lipschitz_per_layer': [2, 3], 'lipschitz': "
                "5.9}",
     &images, "/constraint/lipschitz_per_layer", "multiply to 6"},
    {LAYERS(DENSE("10")) ", 'validation': {'split': 0.0004}", &images,
     "/validation/split", "1000 rows"},
    {LAYERS(DENSE("16") ", {'type': 'householder'}, " DENSE(
         "10")) ", 'constraint': {'norm': 'inf'}",
     &images, "/model/layers/1", "householder"},
};

START_TEST(test_bad)
{
    struct api_problem problem;
    ck_assert_int_eq(check(bad[_i].member, bad[_i].data, 0, &problem),
                     LIP_INVALID);
    ck_assert_int_eq(problem.code, API_PROBLEM_INVALID_OPTION);
    ck_assert_str_eq(problem.where, bad[_i].pointer);
    ck_assert_msg(strstr(problem.detail, bad[_i].words) != NULL, "%s",
                  problem.detail);
}
END_TEST

/* 784 x 256 + 256 + 256 x 10 + 10 numbers, 48 bytes each, and 784 + 256 + 256 +
 * 10 between the layers, 8 bytes each in 32 + 256 rows. */
START_TEST(test_memory)
{
    static const char member[] =
        LAYERS(DENSE("256") ", {'type': 'relu'}, " DENSE("10"));
    struct api_problem problem;
    size_t bytes = 48 * (784 * 256 + 256 + 256 * 10 + 10) +
                   8 * (32 + 256) * (784 + 256 + 256 + 10);
    ck_assert_int_eq(check(member, &images, bytes, &problem), LIP_OK);
    ck_assert_int_eq(check(member, &images, bytes - 1, &problem),
                     LIP_TOO_LARGE);
    ck_assert_int_eq(problem.code, API_PROBLEM_MODEL_TOO_LARGE);
    ck_assert_str_eq(problem.where, "/model/layers");
    ck_assert_ptr_nonnull(strstr(problem.detail, "203530"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/train_check");
    TCase *t = tcase_create("train_check");
    tcase_add_test(t, test_good);
    tcase_add_loop_test(t, test_bad, 0, sizeof bad / sizeof *bad);
    tcase_add_test(t, test_memory);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
