/* SPDX-License-Identifier: MIT
 *
 * OPTIONS, and pages of other origins, with the real daemon. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"
#include "tests/support/tokens.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static struct daemon daemon_;

static void start(const char *origins)
{
    daemon_start(&daemon_, (const char *[]){"--cors-origins", origins, NULL});
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

/* `fields`: more of the head, each ended by "\r\n". */
static void ask(struct http_answer *answer, const char *method,
                const char *target, const char *fields)
{
    http_ask_with(answer, daemon_.port, method, target, fields, NULL, 0);
}

static const char preflight[] =
    "Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n"
    "Access-Control-Request-Headers: authorization, content-type\r\n";

START_TEST(options_tells_the_methods_of_a_path)
{
    static const char *const known[][2] = {
        {"/bound", "POST, OPTIONS"},
        {"/healthz", "GET, HEAD, OPTIONS"},
        {"/models/x", "GET, HEAD, DELETE, OPTIONS"},
        {"/jobs/7/events", "GET, HEAD, OPTIONS"},
        {"*", "GET, HEAD, POST, DELETE, OPTIONS"}};
    struct http_answer answer;
    start("");
    for (int i = 0; i < 5; i++) {
        ask(&answer, "OPTIONS", known[i][0], preflight);
        ck_assert_int_eq(answer.status, 204);
        ck_assert_uint_eq(answer.size, 0);
        ck_assert_str_eq(http_field(&answer, "Allow"), known[i][1]);
        ck_assert_ptr_null(strstr(answer.head, "Access-Control"));
        ck_assert_ptr_null(strstr(answer.head, "Vary"));
        http_clear(&answer);
    }
    ask(&answer, "OPTIONS", "/nowhere", preflight);
    ck_assert(http_is_problem(&answer, 404, "not-found"));
    http_clear(&answer);
    ask(&answer, "OPTIONS", "/bound", "Content-Length: 3\r\n");
    ck_assert_int_eq(answer.status, 400);
    http_clear(&answer);
}
END_TEST

/* 204 has no body: the next answer begins where it ends. */
START_TEST(a_connection_goes_on_after_options)
{
    struct http_client client;
    struct http_answer answer;
    start("*");
    http_open(&client, daemon_.port);
    http_say(&client, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"
                      "OPTIONS /bound HTTP/1.1\r\nHost: a\r\n\r\n"
                      "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    static const int statuses[] = {204, 204, 200};
    for (int i = 0; i < 3; i++) {
        ck_assert(http_read(&answer, &client, false));
        ck_assert_int_eq(answer.status, statuses[i]);
        http_clear(&answer);
    }
    http_close(&client);
}
END_TEST

START_TEST(a_preflight_is_answered_for_pages_of_the_list)
{
    struct http_answer answer;
    start("https://a.example,https://b.example");
    ask(&answer, "OPTIONS", "/bound", preflight);
    ck_assert_int_eq(answer.status, 204);
    ck_assert_str_eq(http_field(&answer, "Access-Control-Allow-Origin"),
                     "https://a.example");
    ck_assert_str_eq(http_field(&answer, "Access-Control-Allow-Methods"),
                     "POST, OPTIONS");
    ck_assert_ptr_nonnull(strstr(
        http_field(&answer, "Access-Control-Allow-Headers"), "Authorization"));
    ck_assert_str_eq(http_field(&answer, "Vary"), "Origin");
    http_clear(&answer);
    ask(&answer, "OPTIONS", "/bound",
        "Origin: https://c.example\r\nAccess-Control-Request-Method: POST\r\n");
    ck_assert_int_eq(answer.status, 204);
    ck_assert_ptr_null(strstr(answer.head, "Access-Control"));
    http_clear(&answer);
    ask(&answer, "OPTIONS", "/bound",
        "Origin: https://a.example\r\nOrigin: https://b.example\r\n");
    ck_assert_ptr_null(strstr(answer.head, "Access-Control"));
    http_clear(&answer);
}
END_TEST

/* A preflight has no token; errors are for the page to read too. */
START_TEST(tokens_and_pages_go_together)
{
    struct http_answer answer;
    char file[100], token[TOKEN_SIZE], fields[300];
    daemon_prepare(&daemon_);
    snprintf(file, sizeof file, "%s/tokens", daemon_.directory);
    token_add(token, file, "one", "bound");
    daemon_run(&daemon_, (const char *[]){"--tokens", file, "--cors-origins",
                                          "https://a.example", "--data-dir",
                                          daemon_.directory, NULL});
    ask(&answer, "OPTIONS", "/jobs", preflight);
    ck_assert_int_eq(answer.status, 204);
    http_clear(&answer);
    ask(&answer, "GET", "/jobs", "Origin: https://a.example\r\n");
    ck_assert(http_is_problem(&answer, 401, "unauthorized"));
    ck_assert_str_eq(http_field(&answer, "Access-Control-Allow-Origin"),
                     "https://a.example");
    ck_assert_str_eq(http_field(&answer, "Cache-Control"), "no-store");
    http_clear(&answer);
    snprintf(fields, sizeof fields,
             "Origin: https://a.example\r\nAuthorization: Bearer %s\r\n",
             token);
    ask(&answer, "GET", "/jobs", fields);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(http_field(&answer, "Access-Control-Allow-Origin"),
                     "https://a.example");
    ck_assert_str_eq(http_field(&answer, "Cache-Control"), "private, no-store");
    http_clear(&answer);
}
END_TEST

START_TEST(a_list_that_is_none_is_refused)
{
    char command[300];
    snprintf(command, sizeof command,
             "'%s' --listen 127.0.0.1:0 --cors-origins https://a.example/ "
             "2>&1 | grep -q 'no origin'",
             daemon_program());
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_int_eq(pclose(pipe), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/cors");
    TCase *tcase = tcase_create("pages");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, options_tells_the_methods_of_a_path);
    tcase_add_test(tcase, a_connection_goes_on_after_options);
    tcase_add_test(tcase, a_preflight_is_answered_for_pages_of_the_list);
    tcase_add_test(tcase, tokens_and_pages_go_together);
    TCase *usage = tcase_create("usage");
    tcase_set_timeout(usage, 60);
    tcase_add_test(usage, a_list_that_is_none_is_refused);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, usage);
    return run_suite(suite);
}
