/* SPDX-License-Identifier: MIT
 *
 * The end: what was accepted is answered, then the daemon exits with 0. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct daemon daemon_;

static const int signals[] = {SIGTERM, SIGINT};

START_TEST(an_idle_daemon_ends_within_a_second)
{
    daemon_start(&daemon_, NULL);
    double start = lip_now();
    daemon_signal(&daemon_, signals[_i]);
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    ck_assert_msg(lip_now() - start < 2, "%g s", lip_now() - start);
    daemon_forget(&daemon_);
}
END_TEST

START_TEST(open_connections_do_not_hold_it_up)
{
    struct http_client client[50];
    struct http_answer answer;
    daemon_start(&daemon_, NULL);
    for (int i = 0; i < 50; i++) {
        http_open(&client[i], daemon_.port);
        if (i % 2)
            continue;
        http_say(&client[i], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        ck_assert(http_read(&answer, &client[i], false));
        http_clear(&answer);
    }
    double start = lip_now();
    daemon_end(&daemon_);
    ck_assert_msg(lip_now() - start < 3, "%g s", lip_now() - start);
    for (int i = 0; i < 50; i++)
        http_close(&client[i]);
}
END_TEST

/* A hundred requests are queued and computed when the signal comes. */
START_TEST(a_hundred_requests_in_flight_are_all_answered)
{
    enum { COUNT = 100 };
    struct http_client client[COUNT];
    struct http_answer answer;
    daemon_start(&daemon_, (const char *[]){"--drain-timeout", "120", NULL});
    for (int i = 0; i < COUNT; i++)
        http_send_wide(&client[i], daemon_.port, 40, 2);
    daemon_signal(&daemon_, SIGTERM);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_msg(http_read(&answer, &client[i], false),
                      "request %d was dropped", i);
        ck_assert_int_eq(answer.status, 200);
        ck_assert(http_has(&answer, "\"best\""));
        http_clear(&answer);
        http_close(&client[i]);
    }
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    ck_assert(daemon_logged(&daemon_, "\"stopped\"", ""));
    daemon_forget(&daemon_);
}
END_TEST

/* New work is refused, a moment after the signal. */
static void await_draining(void)
{
    for (double end = lip_now() + 20; lip_now() < end; usleep(20000)) {
        struct http_answer answer;
        http_post(&answer, daemon_.port, "/bound", TINY_BOUND);
        bool refused = answer.status == 503;
        http_clear(&answer);
        if (refused)
            return;
    }
    ck_abort_msg("new work is taken after the signal");
}

/* While it drains: not ready, alive, no new work; on connections that were
 * open and on new ones. */
START_TEST(draining_is_seen_from_outside)
{
    struct http_client busy, other[4];
    struct http_answer answer;
    static const struct {
        const char *text;
        int status;
    } asked[] = {{"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", 503},
                 {"GET /v2/health/ready HTTP/1.1\r\nHost: a\r\n\r\n", 503},
                 {"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200},
                 {"POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                  "\r\n{}",
                  503}};
    daemon_start(&daemon_, (const char *[]){"--drain-timeout", "60", NULL});
    for (int i = 0; i < 2; i++)
        http_open(&other[i], daemon_.port);
    http_send_wide(&busy, daemon_.port, 200, 6);
    ck_assert(daemon_metric_reaches(&daemon_, "workers_busy", 1, 20));
    daemon_signal(&daemon_, SIGTERM);
    await_draining();
    for (int i = 0; i < 4; i++) {
        if (i >= 2)
            http_open(&other[i], daemon_.port);
        http_say(&other[i], asked[i].text);
        ck_assert(http_read(&answer, &other[i], false));
        ck_assert_int_eq(answer.status, asked[i].status);
        ck_assert_str_eq(http_field(&answer, "Connection"), "close");
        if (answer.status == 503) {
            if (i < 2)
                ck_assert(http_has(&answer, "\"code\":\"draining\""));
            else
                ck_assert(http_is_problem(&answer, 503, "draining"));
            ck_assert_str_ne(http_field(&answer, "Retry-After"), "");
        }
        http_clear(&answer);
        http_close(&other[i]);
    }
    ck_assert(http_read(&answer, &busy, false));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    http_close(&busy);
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    daemon_forget(&daemon_);
}
END_TEST

/* Work that outlasts the drain timeout is cancelled and told so. */
START_TEST(the_drain_timeout_cancels)
{
    struct http_client busy;
    struct http_answer answer;
    daemon_start(&daemon_, (const char *[]){"--drain-timeout", "0.5", NULL});
    http_send_wide(&busy, daemon_.port, 600, 6);
    ck_assert(daemon_metric_reaches(&daemon_, "workers_busy", 1, 20));
    double start = lip_now();
    daemon_signal(&daemon_, SIGTERM);
    ck_assert(http_read(&answer, &busy, false));
    ck_assert_int_eq(answer.status, 503);
    http_clear(&answer);
    http_close(&busy);
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    ck_assert_msg(lip_now() - start < 10, "%g s", lip_now() - start);
    daemon_forget(&daemon_);
}
END_TEST

START_TEST(a_second_signal_hurries)
{
    struct http_client busy;
    daemon_start(&daemon_, NULL);
    http_send_wide(&busy, daemon_.port, 600, 6);
    ck_assert(daemon_metric_reaches(&daemon_, "workers_busy", 1, 20));
    double start = lip_now();
    daemon_signal(&daemon_, SIGTERM);
    usleep(400000);
    daemon_signal(&daemon_, SIGTERM);
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    ck_assert_msg(lip_now() - start < 10, "%g s", lip_now() - start);
    http_close(&busy);
    daemon_forget(&daemon_);
}
END_TEST

/* A service manager kills what takes much longer than --drain-timeout. */
START_TEST(an_upload_that_stops_does_not_hold_up_the_end)
{
    struct http_client client;
    daemon_start(&daemon_, (const char *[]){"--drain-timeout", "0.5", NULL});
    http_open(&client, daemon_.port);
    http_say(&client, "POST /bound HTTP/1.1\r\nHost: a\r\n"
                      "Content-Length: 100\r\n\r\n{");
    ck_assert(daemon_metric_reaches(&daemon_, "requests_in_flight", 2, 10));
    double start = lip_now();
    daemon_signal(&daemon_, SIGTERM);
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    ck_assert_msg(lip_now() - start < 6, "%g s", lip_now() - start);
    http_close(&client);
    daemon_forget(&daemon_);
}
END_TEST

/* An upload under way at the signal is still taken and answered. */
START_TEST(an_upload_under_way_is_finished)
{
    struct http_client client;
    struct http_answer answer;
    char head[128];
    daemon_start(&daemon_, NULL);
    snprintf(head, sizeof head,
             "POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n{",
             strlen(TINY_BOUND));
    http_open(&client, daemon_.port);
    http_say(&client, head);
    ck_assert(daemon_metric_reaches(&daemon_, "requests_in_flight", 2, 10));
    daemon_signal(&daemon_, SIGTERM);
    await_draining();
    http_say(&client, TINY_BOUND + 1);
    ck_assert(http_read(&answer, &client, false));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    http_close(&client);
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    daemon_forget(&daemon_);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/shutdown");
    TCase *tcase = tcase_create("shutdown");
    tcase_set_timeout(tcase, 180);
    tcase_add_loop_test(tcase, an_idle_daemon_ends_within_a_second, 0, 2);
    tcase_add_test(tcase, open_connections_do_not_hold_it_up);
    tcase_add_test(tcase, a_hundred_requests_in_flight_are_all_answered);
    tcase_add_test(tcase, draining_is_seen_from_outside);
    tcase_add_test(tcase, the_drain_timeout_cancels);
    tcase_add_test(tcase, a_second_signal_hurries);
    tcase_add_test(tcase, an_upload_that_stops_does_not_hold_up_the_end);
    tcase_add_test(tcase, an_upload_under_way_is_finished);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
