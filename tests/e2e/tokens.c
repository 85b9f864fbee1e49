/* SPDX-License-Identifier: MIT
 *
 * A daemon with tokens: reading them again, and where they must never show. */
#include "tests/support/tokens.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct daemon daemon_;
static char file[100], one[TOKEN_SIZE], two[TOKEN_SIZE];

static void setup(void)
{
    daemon_prepare(&daemon_);
    snprintf(file, sizeof file, "%s/tokens", daemon_.directory);
    token_add(one, file, "one", "bound");
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

static void run(void)
{
    daemon_run(&daemon_, (const char *[]){"--tokens", file, "--log-level",
                                          "debug", NULL});
}

static int bound_as(const char *token)
{
    struct http_answer answer;
    http_ask_as(&answer, daemon_.port, token, "POST", "/bound", NULL,
                TINY_BOUND, strlen(TINY_BOUND));
    int status = answer.status;
    http_clear(&answer);
    return status;
}

START_TEST(hangup_reads_the_tokens_again)
{
    run();
    ck_assert_int_eq(bound_as(one), 200);
    ck_assert_int_eq(bound_as(NULL), 401);
    token_add(two, file, "two", "bound");
    ck_assert_int_eq(bound_as(two), 401);
    daemon_signal(&daemon_, SIGHUP);
    ck_assert(daemon_logged(&daemon_, "\"tokens\"", "read again"));
    ck_assert_int_eq(bound_as(two), 200);
    ck_assert_int_eq(bound_as(one), 200);
    ck_assert_int_eq(truncate(file, 20), 0); /* not a line any more */
    daemon_signal(&daemon_, SIGHUP);
    ck_assert(daemon_logged(&daemon_, "\"tokens\"", "tokens before stay"));
    ck_assert_int_eq(bound_as(one), 200);
    ck_assert_int_eq(truncate(file, 0), 0);
    daemon_signal(&daemon_, SIGHUP);
    for (int i = 0; i < 100 && bound_as(one) != 401; i++)
        usleep(20000);
    ck_assert_int_eq(bound_as(one), 401);
}
END_TEST

START_TEST(no_token_is_ever_logged)
{
    run();
    ck_assert_int_eq(bound_as(one), 200);
    ck_assert_int_eq(bound_as("lip_not_a_token"), 401);
    ck_assert(daemon_logged(&daemon_, "/bound", "\"tenant\":\"one\""));
    ck_assert(daemon_logged(&daemon_, "/bound", "401"));
    ck_assert(!daemon_has_logged(&daemon_, one, ""));
    ck_assert(!daemon_has_logged(&daemon_, one + 4, ""));
    ck_assert(!daemon_has_logged(&daemon_, "lip_not_a_token", ""));
}
END_TEST

/* A body that could be large is not waited for. */
START_TEST(a_stranger_uploads_nothing)
{
    struct http_client client;
    struct http_answer answer;
    run();
    http_open(&client, daemon_.port);
    http_say(&client, "POST /bound HTTP/1.1\r\nHost: test\r\n"
                      "Content-Length: 1000000\r\n\r\n");
    ck_assert(http_read(&answer, &client, false));
    ck_assert(http_is_problem(&answer, 401, "unauthorized"));
    ck_assert_str_eq(http_field(&answer, "Connection"), "close");
    http_clear(&answer);
    http_close(&client);
}
END_TEST

START_TEST(two_authorizations_are_none)
{
    struct http_client client;
    struct http_answer answer;
    char head[500];
    run();
    snprintf(head, sizeof head,
             "GET /jobs HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer x\r\n"
             "Authorization: Bearer %s\r\n\r\n",
             one);
    http_open(&client, daemon_.port);
    http_say(&client, head);
    ck_assert(http_read(&answer, &client, false));
    ck_assert_int_eq(answer.status, 400);
    http_clear(&answer);
    http_close(&client);
}
END_TEST

START_TEST(the_environment_may_hold_the_lines)
{
    char line[300];
    FILE *lines = fopen(file, "r");
    ck_assert_ptr_nonnull(lines);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, lines));
    fclose(lines);
    setenv("LIPSCHITZD_TOKEN_LIST", line, 1);
    daemon_run(&daemon_, (const char *[]){NULL});
    ck_assert_int_eq(bound_as(one), 200);
    ck_assert_int_eq(bound_as(NULL), 401);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/tokens");
    TCase *tokens = tcase_create("tokens");
    tcase_set_timeout(tokens, 60);
    tcase_add_checked_fixture(tokens, setup, teardown);
    tcase_add_test(tokens, hangup_reads_the_tokens_again);
    tcase_add_test(tokens, no_token_is_ever_logged);
    tcase_add_test(tokens, a_stranger_uploads_nothing);
    tcase_add_test(tokens, two_authorizations_are_none);
    tcase_add_test(tokens, the_environment_may_hold_the_lines);
    suite_add_tcase(suite, tokens);
    return run_suite(suite);
}
