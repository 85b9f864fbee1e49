/* SPDX-License-Identifier: MIT
 *
 * More than there is room for: told at once, with when to come again; what was
 * accepted is not harmed. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct daemon daemon_;

START_TEST(a_full_queue_is_503_and_not_ready)
{
    struct http_client busy[3];
    struct http_answer answer;
    daemon_start(&daemon_,
                 (const char *[]){"--workers", "1", "--queue", "2", NULL});
    http_send_wide(&busy[0], daemon_.port, 500, 6);
    ck_assert(daemon_metric_reaches(&daemon_, "workers_busy", 1, 20));
    http_send_wide(&busy[1], daemon_.port, 40, 2);
    http_send_wide(&busy[2], daemon_.port, 40, 2);
    ck_assert(daemon_metric_reaches(&daemon_, "queue_depth", 2, 20));
    http_post(&answer, daemon_.port, "/bound", TINY_BOUND);
    ck_assert(http_is_problem(&answer, 503, "overloaded"));
    ck_assert_int_ge(atoi(http_field(&answer, "Retry-After")), 1);
    http_clear(&answer);
    http_get(&answer, daemon_.port, "/readyz");
    ck_assert_int_eq(answer.status, 503);
    ck_assert(http_has(&answer, "\"code\":\"queue-full\""));
    http_clear(&answer);
    http_get(&answer, daemon_.port, "/healthz");
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    ck_assert(daemon_metric(&daemon_, "rejects_total{reason=\"queue_full\"}") >=
              1);
    /* The one at work leaves; those that wait are served. */
    http_close(&busy[0]);
    for (int i = 1; i < 3; i++) {
        ck_assert(http_read(&answer, &busy[i], false));
        ck_assert_int_eq(answer.status, 200);
        http_clear(&answer);
        http_close(&busy[i]);
    }
    /* Not before a second without a refusal. */
    int status = 0;
    for (int i = 0; i < 100 && status != 200; i++, usleep(100000)) {
        http_get(&answer, daemon_.port, "/readyz");
        status = answer.status;
        http_clear(&answer);
    }
    ck_assert_int_eq(status, 200);
    daemon_end(&daemon_);
}
END_TEST

/* One may wait for each worker; whether a second may, its wait tells. */
START_TEST(who_would_wait_too_long_is_refused)
{
    struct http_client client[3];
    struct http_answer answer;
    daemon_start(&daemon_, (const char *[]){"--workers", "1", "--max-wait",
                                            "0.0001", NULL});
    http_send_wide(&client[0], daemon_.port, 100, 3); /* to learn from */
    ck_assert(http_read(&answer, &client[0], false));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    http_close(&client[0]);
    http_send_wide(&client[1], daemon_.port, 500, 6);
    ck_assert(daemon_metric_reaches(&daemon_, "workers_busy", 1, 20));
    http_send_wide(&client[2], daemon_.port, 40, 2);
    ck_assert(daemon_metric_reaches(&daemon_, "queue_depth", 1, 20));
    http_post(&answer, daemon_.port, "/bound", TINY_BOUND);
    ck_assert(http_is_problem(&answer, 503, "overloaded"));
    ck_assert_int_ge(atoi(http_field(&answer, "Retry-After")), 1);
    http_clear(&answer);
    http_close(&client[1]);
    ck_assert(http_read(&answer, &client[2], false));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    http_close(&client[2]);
    daemon_end(&daemon_);
}
END_TEST

START_TEST(announced_memory_is_booked_before_it_is_sent)
{
    struct http_client waiting, refused;
    struct http_answer answer;
    daemon_start(&daemon_,
                 (const char *[]){"--max-memory", "40M", "--max-body", "8M",
                                  "--max-request-memory", "30M", NULL});
    http_open(&waiting, daemon_.port);
    http_say(&waiting, "POST /bound HTTP/1.1\r\nHost: a\r\n"
                       "Content-Length: 8000000\r\n\r\n");
    ck_assert(daemon_metric_reaches(&daemon_, "reserved_bytes", 8000000, 10));
    http_open(&refused, daemon_.port);
    http_say(&refused, "POST /bound HTTP/1.1\r\nHost: a\r\n"
                       "Content-Length: 8000000\r\n\r\n");
    ck_assert(http_read(&answer, &refused, false));
    ck_assert(http_is_problem(&answer, 503, "overloaded"));
    http_clear(&answer);
    http_close(&refused);
    http_post(&answer, daemon_.port, "/bound", TINY_BOUND);
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    http_close(&waiting);
    daemon_end(&daemon_);
}
END_TEST

/* A limit on the body that could never be booked is lowered, and told. */
START_TEST(the_body_limit_fits_the_memory)
{
    struct http_answer answer;
    char text[] = "{}";
    struct http_client client;
    daemon_start(&daemon_, (const char *[]){"--max-memory", "9M", NULL});
    http_open(&client, daemon_.port);
    http_say(&client, "POST /bound HTTP/1.1\r\nHost: a\r\n"
                      "Content-Length: 4000000\r\n\r\n");
    ck_assert(http_read(&answer, &client, false));
    ck_assert(http_is_problem(&answer, 413, "body-too-large"));
    ck_assert(http_has(&answer, "2097152"));
    http_clear(&answer);
    http_close(&client);
    http_post(&answer, daemon_.port, "/bound", text);
    ck_assert_int_lt(answer.status, 500);
    http_clear(&answer);
    daemon_end(&daemon_);
}
END_TEST

START_TEST(connections_from_one_address_are_bounded)
{
    struct http_client client[8];
    struct http_answer answer;
    int served = 0;
    daemon_start(&daemon_, (const char *[]){"--connections-per-ip", "4", NULL});
    usleep(200000);
    for (int i = 0; i < 8; i++) {
        http_open(&client[i], daemon_.port);
        client[i].patience = 5;
        http_say(&client[i], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        served += http_read(&answer, &client[i], false);
        http_clear(&answer);
    }
    ck_assert_int_eq(served, 4);
    for (int i = 0; i < 8; i++)
        http_close(&client[i]);
    /* A place is free as soon as the daemon has seen one of them go. */
    bool again = false;
    for (int i = 0; i < 100 && !again; i++, usleep(100000)) {
        if (!http_dial(&client[0], daemon_.port))
            continue;
        http_say(&client[0], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        again = http_read(&answer, &client[0], false);
        http_clear(&answer);
        http_close(&client[0]);
    }
    ck_assert(again);
    daemon_end(&daemon_);
}
END_TEST

/* Beyond the limit connections wait, and are served when others go. */
START_TEST(open_connections_are_bounded)
{
    enum { LIMIT = 8, COUNT = 24 };
    struct http_client client[COUNT];
    struct http_answer answer;
    daemon_start(&daemon_, (const char *[]){"--connections", "8",
                                            "--header-timeout", "2", NULL});
    for (int i = 0; i < COUNT; i++) {
        http_open(&client[i], daemon_.port);
        http_say(&client[i], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    int answered = 0;
    for (int i = 0; i < COUNT; i++) {
        client[i].patience = 20;
        answered += http_read(&answer, &client[i], false);
        http_clear(&answer);
        http_close(&client[i]);
    }
    ck_assert_int_eq(answered, COUNT);
    daemon_end(&daemon_);
}
END_TEST

/* Of few descriptors those that work needs are kept. */
START_TEST(idle_connections_leave_room_for_work)
{
    enum { IDLE = 180 };
    struct http_client client, idle[IDLE];
    struct http_answer answer;
    char data[100], head[100];
    const struct rlimit few = {200, 200};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, NULL});
    http_open(&client, daemon_.port);
    http_say(&client, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert(http_read(&answer, &client, false));
    http_clear(&answer);
    for (int i = 0; i < IDLE; i++)
        http_open(&idle[i], daemon_.port);
    usleep(300000);
    snprintf(head, sizeof head,
             "POST /models HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
             strlen(TINY_BOUND));
    http_say(&client, head);
    http_say(&client, TINY_BOUND);
    ck_assert(http_read(&answer, &client, false));
    ck_assert_msg(answer.status == 201, "%s", answer.body);
    http_clear(&answer);
    http_close(&client);
    for (int i = 0; i < IDLE; i++)
        http_close(&idle[i]);
    ck_assert(daemon_logged(&daemon_, "\"descriptors\"", "200 files"));
    daemon_end(&daemon_);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/overload");
    TCase *tcase = tcase_create("overload");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_full_queue_is_503_and_not_ready);
    tcase_add_test(tcase, who_would_wait_too_long_is_refused);
    tcase_add_test(tcase, announced_memory_is_booked_before_it_is_sent);
    tcase_add_test(tcase, the_body_limit_fits_the_memory);
    tcase_add_test(tcase, connections_from_one_address_are_bounded);
    tcase_add_test(tcase, open_connections_are_bounded);
    tcase_add_test(tcase, idle_connections_leave_room_for_work);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
