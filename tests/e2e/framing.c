/* SPDX-License-Identifier: MIT
 *
 * The HTTP library's lenient parser and our checks around it, with raw bytes:
 * smuggling, absurd lengths, limits before the body, what is refused on the
 * way. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct daemon daemon_;

static void setup(void)
{
    daemon_start(&daemon_, (const char *[]){"--max-body", "1M", NULL});
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

/* Every one of these is refused with 400, and the connection ends, so that
 * nothing after it is taken for a request. */
static const char *const smuggled[] = {
    "POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n"
    "Host: a\r\n\r\n",
    "POST /bound HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    "Content-Length: 4\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n"
    "\r\n",
    "POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
    "Content-Length: 40\r\n\r\n{}GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
    "Content-Length: 2\r\n\r\n{}",
    "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
    "Content-Length: 30\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /bound HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n{}",
    "POST /bound HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n"
    "\r\n0\r\n\r\n",
    "POST /bound HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /bound HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "0\r\n\r\n",
    "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\n{}",
};

START_TEST(what_two_parsers_could_read_differently_is_refused)
{
    struct http_client client;
    struct http_answer answer;
    http_open(&client, daemon_.port);
    ck_assert(http_say(&client, smuggled[_i]));
    ck_assert(http_read(&answer, &client, false));
    ck_assert_int_eq(answer.status, 400);
    if (http_has(&answer, "urn:"))
        ck_assert(http_is_problem(&answer, 400, "bad-request"));
    http_clear(&answer);
    ck_assert(http_ended(&client));
    http_close(&client);
}
END_TEST

/* The library answers these itself, as HTML and not always well formed: only
 * status and end are held. */
static const struct {
    const char *text;
    int status, other;
} refused[] = {
    {"GET /healthz HTTP/1.1\r\n\r\n", 400, 400}, /* no Host */
    {"POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, 400},
    {"POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length: "
     "99999999999999999999999999\r\n\r\n",
     413, 400},
    {"POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n", 400, 400},
    {"POST /bound HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "zz\r\n{}\r\n",
     400, 400},
    {"POST /bound HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "-1\r\n{}\r\n",
     400, 400},
    {"POST /bound HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "fffffffffffffffff\r\n{}\r\n",
     413, 400},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 400},
};

START_TEST(malformed_requests_end_the_connection)
{
    struct http_client client;
    struct http_answer answer;
    http_open(&client, daemon_.port);
    ck_assert(http_say(&client, refused[_i].text));
    client.patience = 20;
    if (http_read(&answer, &client, true)) {
        ck_assert_msg(answer.status == refused[_i].status ||
                          answer.status == refused[_i].other,
                      "%s: %d", refused[_i].text, answer.status);
        http_clear(&answer);
    }
    while (client.size || !http_ended(&client)) {
        free(client.pending);
        client.pending = NULL;
        client.size = 0;
    }
    http_close(&client);
}
END_TEST

/* A head of up to the limit passes, one beyond is refused by the library. */
START_TEST(long_heads)
{
    static char text[1 << 20];
    static const struct {
        size_t size;
        bool in_target;
        int status;
    } cases[] = {{20000, false, 200},
                 {400000, false, 431},
                 {20000, true, 200},
                 {400000, true, 414}};
    struct http_client client;
    struct http_answer answer;
    for (int i = 0; i < 4; i++) {
        size_t size = (size_t)sprintf(
            text, "%s",
            cases[i].in_target ? "GET /healthz?x="
                               : "GET /healthz HTTP/1.1\r\nHost: a\r\nX: ");
        memset(text + size, 'a', cases[i].size);
        size += cases[i].size;
        size +=
            (size_t)sprintf(text + size, "%s\r\n\r\n",
                            cases[i].in_target ? " HTTP/1.1\r\nHost: a" : "");
        http_open(&client, daemon_.port);
        http_send(&client, text, size);
        bool answered = http_read(&answer, &client, true);
        if (answered)
            ck_assert_int_eq(answer.status, cases[i].status);
        else
            ck_assert_int_ne(cases[i].status, 200);
        http_clear(&answer);
        http_close(&client);
    }
}
END_TEST

START_TEST(many_fields_are_survived)
{
    static char text[1 << 20];
    struct http_client client;
    struct http_answer answer;
    size_t size = (size_t)sprintf(text, "GET /healthz HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 50000; i++)
        size += (size_t)sprintf(text + size, "a:%d\r\n", i % 10);
    size += (size_t)sprintf(text + size, "\r\n");
    http_open(&client, daemon_.port);
    http_send(&client, text, size);
    if (http_read(&answer, &client, true))
        ck_assert_int_eq(answer.status, 431);
    http_clear(&answer);
    http_close(&client);
    http_get(&answer, daemon_.port, "/healthz");
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
}
END_TEST

/* The limit is judged on the head: nothing of the body has been sent, and
 * with Expect the client is not told to go on. */
START_TEST(too_large_is_told_before_the_body)
{
    static const char *const expect[] = {"", "Expect: 100-continue\r\n"};
    struct http_client client;
    struct http_answer answer;
    char head[256];
    for (int i = 0; i < 2; i++) {
        snprintf(head, sizeof head,
                 "POST /bound HTTP/1.1\r\nHost: a\r\n%s"
                 "Content-Length: 1048577\r\n\r\n",
                 expect[i]);
        http_open(&client, daemon_.port);
        http_say(&client, head);
        ck_assert(http_read(&answer, &client, false));
        ck_assert(http_is_problem(&answer, 413, "body-too-large"));
        ck_assert(http_has(&answer, "1048576"));
        http_clear(&answer);
        ck_assert(http_ended(&client));
        http_close(&client);
    }
}
END_TEST

/* A client that sends all of it before it looks can do so and finds the answer:
 * the socket is read on for a moment rather than reset. */
START_TEST(too_large_is_read_by_clients_that_send_first)
{
    static char body[8 << 20];
    struct http_client client;
    struct http_answer answer;
    int read = 0;
    for (int i = 0; i < 5; i++) {
        http_open(&client, daemon_.port);
        http_say(&client, "POST /bound HTTP/1.1\r\nHost: a\r\n"
                          "Content-Length: 8388608\r\n\r\n");
        ck_assert(http_send(&client, body, sizeof body));
        if (http_read(&answer, &client, false)) {
            ck_assert_int_eq(answer.status, 413);
            read++;
        }
        http_clear(&answer);
        http_close(&client);
    }
    ck_assert_int_eq(read, 5);
}
END_TEST

START_TEST(expect_is_answered_when_the_body_is_wanted)
{
    struct http_client client;
    struct http_answer answer;
    char head[256];
    snprintf(head, sizeof head,
             "POST /bound HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
             "Content-Length: %zu\r\n\r\n",
             strlen(TINY_BOUND));
    http_open(&client, daemon_.port);
    http_say(&client, head);
    ck_assert(http_read(&answer, &client, true));
    ck_assert_int_eq(answer.status, 100);
    http_clear(&answer);
    http_say(&client, TINY_BOUND);
    ck_assert(http_read(&answer, &client, false));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    http_close(&client);
}
END_TEST

static void say_chunks(struct http_client *client, size_t count, size_t size)
{
    static char bytes[1 << 20];
    char line[32];
    memset(bytes, ' ', sizeof bytes);
    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof line, "%zx\r\n", size);
        if (!http_say(client, line) || !http_send(client, bytes, size) ||
            !http_say(client, "\r\n"))
            return;
    }
}

#define CHUNKED_POST                                                           \
    "POST /bound HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

START_TEST(a_chunked_body_is_read)
{
    struct http_client client;
    struct http_answer answer;
    char line[64];
    http_open(&client, daemon_.port);
    http_say(&client, CHUNKED_POST);
    for (const char *c = TINY_BOUND; *c; c++) {
        snprintf(line, sizeof line, "1;ext=%d\r\n%c\r\n", 1, *c);
        ck_assert(http_say(&client, line));
    }
    http_say(&client, "0\r\nTrailer: x\r\n\r\n");
    ck_assert(http_read(&answer, &client, false));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    /* And the connection goes on. */
    http_say(&client, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert(http_read(&answer, &client, false));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    http_close(&client);
}
END_TEST

START_TEST(chunks_over_the_limit_are_answered_at_their_end)
{
    struct http_client client;
    struct http_answer answer;
    http_open(&client, daemon_.port);
    http_say(&client, CHUNKED_POST);
    say_chunks(&client, 5, 1 << 20);
    http_say(&client, "0\r\n\r\n");
    ck_assert(http_read(&answer, &client, false));
    ck_assert(http_is_problem(&answer, 413, "body-too-large"));
    http_clear(&answer);
    http_close(&client);
}
END_TEST

START_TEST(chunks_without_end_are_cut)
{
    struct http_client client;
    http_open(&client, daemon_.port);
    http_say(&client, CHUNKED_POST);
    say_chunks(&client, 200, 1 << 20);
    char byte = 0;
    ck_assert(!http_send(&client, &byte, 1) || http_ended(&client));
    http_close(&client);
}
END_TEST

START_TEST(a_body_where_none_belongs)
{
    struct http_client client;
    struct http_answer answer;
    http_open(&client, daemon_.port);
    http_say(&client, "GET /healthz HTTP/1.1\r\nHost: a\r\n"
                      "Content-Length: 5\r\n\r\nhello");
    ck_assert(http_read(&answer, &client, false));
    ck_assert(http_is_problem(&answer, 400, "bad-request"));
    http_clear(&answer);
    ck_assert(http_ended(&client));
    http_close(&client);
}
END_TEST

START_TEST(no_body_where_one_belongs)
{
    struct http_answer answer;
    http_ask(&answer, daemon_.port, "POST", "/bound", NULL, NULL, 0);
    ck_assert(http_is_problem(&answer, 411, "length-required"));
    http_clear(&answer);
    http_ask(&answer, daemon_.port, "POST", "/bound", NULL, "", 0);
    ck_assert(http_is_problem(&answer, 400, "malformed-body"));
    http_clear(&answer);
}
END_TEST

START_TEST(too_many_parameters)
{
    char target[1024] = "/bound?";
    struct http_answer answer;
    for (int i = 0; i < 40; i++)
        snprintf(target + strlen(target), sizeof target - strlen(target),
                 "a%d=1&", i);
    http_post(&answer, daemon_.port, target, TINY_BOUND);
    ck_assert(http_is_problem(&answer, 400, "bad-request"));
    http_clear(&answer);
}
END_TEST

/* RFC 9112, 9.5: either side may close. A client that has sent what it had to
 * send may still wait for the answer. (One that breaks off is cut at once, or
 * at its deadline where the library has not seen the end.) */
START_TEST(a_client_that_closes_its_side)
{
    struct http_client client;
    struct http_answer answer;
    http_open(&client, daemon_.port);
    http_say(&client, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
    ck_assert(http_read(&answer, &client, false));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    ck_assert(http_ended(&client));
    http_close(&client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/framing");
    TCase *tcase = tcase_create("framing");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase,
                        what_two_parsers_could_read_differently_is_refused, 0,
                        sizeof smuggled / sizeof smuggled[0]);
    tcase_add_loop_test(tcase, malformed_requests_end_the_connection, 0,
                        sizeof refused / sizeof refused[0]);
    tcase_add_test(tcase, long_heads);
    tcase_add_test(tcase, many_fields_are_survived);
    tcase_add_test(tcase, too_large_is_told_before_the_body);
    tcase_add_test(tcase, too_large_is_read_by_clients_that_send_first);
    tcase_add_test(tcase, expect_is_answered_when_the_body_is_wanted);
    tcase_add_test(tcase, a_chunked_body_is_read);
    tcase_add_test(tcase, chunks_over_the_limit_are_answered_at_their_end);
    tcase_add_test(tcase, chunks_without_end_are_cut);
    tcase_add_test(tcase, a_body_where_none_belongs);
    tcase_add_test(tcase, no_body_where_one_belongs);
    tcase_add_test(tcase, too_many_parameters);
    tcase_add_test(tcase, a_client_that_closes_its_side);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
