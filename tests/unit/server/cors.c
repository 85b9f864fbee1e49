/* SPDX-License-Identifier: MIT
 *
 * Which origins a list lets in, and which lists are none. */
#include "server/cors.h"

#include "tests/support/suite.h"

#include <string.h>

static const char *const good[] = {
    "",
    "*",
    "https://a.example",
    "http://localhost:3000",
    "https://a.example,https://b.example:8443",
    "https://a.example, https://b.example ,",
    "https://[::1]:3000",
    "HTTPS://A.example",
};

START_TEST(lists_that_are_taken)
{
    char complaint[300] = "";
    ck_assert_msg(lipd_cors_check(good[_i], complaint, sizeof complaint), "%s",
                  complaint);
}
END_TEST

static const char *const bad[] = {
    "a.example",
    "https://",
    "https://a.example/",
    "https://a.example/page",
    "https://user@a.example",
    "https://a.example:",
    "https://a.example:123456",
    "https://a.example:80x",
    "https://*.example",
    "https://a.example,*",
    "null",
    "ftp://a.example",
    "https://[::1",
    "https://[]",
    "https://a.example;https://b.example",
    "https://a.example\r\nX: y",
};

START_TEST(lists_that_are_refused_with_the_entry)
{
    char complaint[300] = "";
    ck_assert_msg(!lipd_cors_check(bad[_i], complaint, sizeof complaint), "%s",
                  bad[_i]);
    ck_assert_ptr_nonnull(strstr(complaint, "--cors-origins"));
}
END_TEST

static const struct {
    const char *list, *origin, *answer;
} cases[] = {
    {"", "https://a.example", NULL},
    {"*", NULL, NULL},
    {"*", "https://a.example", "*"},
    {"*", "null", "*"},
    {"https://a.example", "https://a.example", "https://a.example"},
    {"https://a.example", NULL, NULL},
    {"https://a.example", "", NULL},
    {"https://a.example", "null", NULL},
    {"https://a.example", "https://a.example.evil", NULL},
    {"https://a.example", "https://a.exampl", NULL},
    {"https://a.example", "http://a.example", NULL},
    {"https://a.example", "https://a.example:8443", NULL},
    {"https://a.example", "https://a.example,https://b.example", NULL},
    {"https://a.example, http://b.example:1", "http://b.example:1",
     "http://b.example:1"},
    {"HTTPS://A.Example", "https://a.example", "https://a.example"},
};

START_TEST(only_origins_of_the_list)
{
    const char *answer = lipd_cors_allow(cases[_i].list, cases[_i].origin);
    if (!cases[_i].answer)
        ck_assert_ptr_null(answer);
    else
        ck_assert_str_eq(answer, cases[_i].answer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/cors");
    TCase *tcase = tcase_create("origins");
    tcase_add_loop_test(tcase, lists_that_are_taken, 0,
                        sizeof good / sizeof good[0]);
    tcase_add_loop_test(tcase, lists_that_are_refused_with_the_entry, 0,
                        sizeof bad / sizeof bad[0]);
    tcase_add_loop_test(tcase, only_origins_of_the_list, 0,
                        sizeof cases / sizeof cases[0]);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
