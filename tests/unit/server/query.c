/* SPDX-License-Identifier: MIT
 *
 * Parameters: what is read, what is refused, and that the sentence names it. */
#include "server/query.h"

#include "tests/support/suite.h"

#include <string.h>

static struct lipd_request request;
static struct api_problem problem;

/* "name=value" pairs that stay where they are. */
static void ask(const char *name, const char *value)
{
    size_t k = request.query.count++;
    request.query.item[k].name = name;
    request.query.item[k].value = value;
}

static void expect_refused(const char *name)
{
    ck_assert_int_eq(problem.code, API_PROBLEM_INVALID_OPTION);
    ck_assert(problem.in_query);
    ck_assert_str_eq(problem.where, name);
    ck_assert_ptr_nonnull(strstr(problem.detail, name));
}

START_TEST(known_ones_pass_in_any_order)
{
    ck_assert(lipd_query_only(&request, "limit cursor", &problem));
    ask("cursor", "");
    ask("limit", "3");
    ck_assert(lipd_query_only(&request, "limit cursor", &problem));
    ck_assert_str_eq(lipd_query_text(&request, "cursor"), "");
    ck_assert_ptr_null(lipd_query_text(&request, "other"));
}
END_TEST

START_TEST(unknown_ones_do_not)
{
    static const char *const bad[] = {"lim",          "limits", "Limit",
                                      "limit cursor", "r",      ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        request.query.count = 0;
        ask(bad[i], "");
        ck_assert(!lipd_query_only(&request, "limit cursor", &problem));
        expect_refused(bad[i]);
    }
}
END_TEST

START_TEST(twice_is_once_too_often)
{
    ask("limit", "1");
    ask("limit", "1");
    ck_assert(!lipd_query_only(&request, "limit cursor", &problem));
    expect_refused("limit");
}
END_TEST

static bool number(double *out, const char *text)
{
    request.query.count = 0;
    ask("x", text);
    return lipd_query_number(out, &request, "x", 0, 10, &problem);
}

START_TEST(numbers)
{
    static const char *const bad[] = {
        "",    " 1",  "1 ",   "-1",    "+1", "nan", "inf",
        "0x1", "1e0", "10.5", "1.1.1", ".",  "1,5", "99999999999999999"};
    double x = 7;
    ck_assert(lipd_query_number(&x, &request, "x", 0, 10, &problem));
    ck_assert_double_eq(x, 7);
    ck_assert(number(&x, "2.5") && x == 2.5);
    ck_assert(number(&x, "0") && x == 0);
    ck_assert(number(&x, "10") && x == 10);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(!number(&x, bad[i]), "%s", bad[i]);
        expect_refused("x");
    }
}
END_TEST

START_TEST(whole_numbers)
{
    double x = 0;
    ask("x", "3");
    ck_assert(lipd_query_whole(&x, &request, "x", 1, 5, &problem) && x == 3);
    request.query.item[0].value = "3.5";
    ck_assert(!lipd_query_whole(&x, &request, "x", 1, 5, &problem));
    expect_refused("x");
    request.query.item[0].value = "6";
    ck_assert(!lipd_query_whole(&x, &request, "x", 1, 5, &problem));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/query");
    TCase *tcase = tcase_create("query");
    tcase_add_test(tcase, known_ones_pass_in_any_order);
    tcase_add_test(tcase, unknown_ones_do_not);
    tcase_add_test(tcase, twice_is_once_too_often);
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, whole_numbers);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
