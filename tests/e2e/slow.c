/* SPDX-License-Identifier: MIT
 *
 * Clients that are slow, silent or gone: deadlines are absolute, and nobody is
 * worked for who does not wait. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct daemon daemon_;

static void setup(void)
{
    daemon_start(&daemon_,
                 (const char *[]){"--header-timeout", "1", "--body-timeout",
                                  "1", "--body-rate", "1M", NULL});
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

/* Sends text again and again, each time after a pause, until the other side
 * hangs up; the seconds that took. */
static double drip(struct http_client *client, const char *text)
{
    double start = lip_now();
    while (http_say(client, text) && lip_now() - start < 30) {
        char byte;
        usleep(100000);
        if (client->size == 0 &&
            recv(client->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0)
            break;
    }
    return lip_now() - start;
}

START_TEST(a_dripped_head_is_cut)
{
    struct http_client client;
    struct http_answer answer;
    http_open(&client, daemon_.port);
    http_say(&client, "GET /healthz HTTP/1.1\r\nHost: a\r\n");
    double seconds = drip(&client, "X-Drip: 1\r\n");
    ck_assert(seconds > 0.5 && seconds < 10);
    ck_assert(http_read(&answer, &client, false));
    ck_assert(http_is_problem(&answer, 408, "request-timeout"));
    http_clear(&answer);
    http_close(&client);
    ck_assert(daemon_metric(&daemon_,
                            "rejects_total{reason=\"header_timeout\"}") >= 1);
}
END_TEST

START_TEST(a_silent_connection_is_cut)
{
    struct http_client client;
    http_open(&client, daemon_.port);
    client.patience = 10;
    double start = lip_now();
    struct http_answer answer;
    ck_assert(http_read(&answer, &client, false));
    ck_assert_int_eq(answer.status, 408);
    ck_assert(lip_now() - start < 5);
    http_clear(&answer);
    ck_assert(http_ended(&client));
    http_close(&client);
}
END_TEST

/* After an answer the connection may rest, then just ends. */
START_TEST(an_idle_connection_ends_without_a_word)
{
    struct http_client client;
    struct http_answer answer;
    http_open(&client, daemon_.port);
    http_say(&client, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert(http_read(&answer, &client, false));
    http_clear(&answer);
    usleep(400000);
    http_say(&client, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert(http_read(&answer, &client, false));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    client.patience = 10;
    ck_assert(http_ended(&client));
    http_close(&client);
}
END_TEST

START_TEST(a_dripped_body_is_cut)
{
    struct http_client client;
    struct http_answer answer;
    http_open(&client, daemon_.port);
    http_say(&client, "POST /bound HTTP/1.1\r\nHost: a\r\n"
                      "X-Request-Id: dripping\r\n"
                      "Content-Length: 100000\r\n\r\n");
    double seconds = drip(&client, "{");
    ck_assert(seconds > 0.5 && seconds < 10);
    ck_assert(http_read(&answer, &client, false));
    ck_assert(http_is_problem(&answer, 408, "request-timeout"));
    ck_assert_str_eq(http_field(&answer, "X-Request-Id"), "dripping");
    http_clear(&answer);
    http_close(&client);
    ck_assert(
        daemon_metric(&daemon_, "rejects_total{reason=\"body_timeout\"}") >= 1);
    ck_assert(daemon_metric_rests(&daemon_, "reserved_bytes", 10));
}
END_TEST

START_TEST(dripped_chunks_are_cut)
{
    struct http_client client;
    http_open(&client, daemon_.port);
    http_say(&client, "POST /bound HTTP/1.1\r\nHost: a\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n");
    double seconds = drip(&client, "1\r\n \r\n");
    ck_assert(seconds > 0.5 && seconds < 10);
    http_close(&client);
}
END_TEST

/* At twice the rate that is asked for, an upload may last. */
START_TEST(a_steady_upload_is_not_cut)
{
    static char blanks[200000];
    struct http_client client;
    struct http_answer answer;
    char head[128];
    size_t rounds = 40;
    memset(blanks, ' ', sizeof blanks);
    snprintf(head, sizeof head,
             "POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
             rounds * sizeof blanks + strlen(TINY_BOUND));
    http_open(&client, daemon_.port);
    http_say(&client, head);
    double start = lip_now();
    for (size_t i = 0; i < rounds; i++) {
        ck_assert(http_send(&client, blanks, sizeof blanks));
        /* What a busy machine holds up is made up for. */
        double ahead = start + 0.1 * (double)(i + 1) - lip_now();
        if (ahead > 0)
            usleep((useconds_t)(1e6 * ahead));
    }
    ck_assert(lip_now() - start > 3);
    ck_assert(http_say(&client, TINY_BOUND));
    ck_assert(http_read(&answer, &client, false));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    http_close(&client);
}
END_TEST

/* Ten megabytes at once grant ten seconds, but not to be silent in. */
START_TEST(a_fast_start_buys_no_long_pause)
{
    static char blanks[10 << 20];
    struct http_client client;
    struct http_answer answer;
    memset(blanks, ' ', sizeof blanks);
    http_open(&client, daemon_.port);
    http_say(&client, "POST /bound HTTP/1.1\r\nHost: a\r\n"
                      "Content-Length: 20000000\r\n\r\n");
    ck_assert(http_send(&client, blanks, sizeof blanks));
    double start = lip_now();
    client.patience = 20;
    ck_assert(http_read(&answer, &client, false));
    ck_assert(http_is_problem(&answer, 408, "request-timeout"));
    ck_assert_msg(lip_now() - start < 5, "%g s", lip_now() - start);
    http_clear(&answer);
    http_close(&client);
}
END_TEST

START_TEST(an_upload_that_breaks_off_leaves_nothing)
{
    struct http_client client[20];
    daemon_end(&daemon_); /* one that would wait half a minute for the rest */
    daemon_start(&daemon_, (const char *[]){NULL});
    for (int i = 0; i < 20; i++) {
        http_open(&client[i], daemon_.port);
        http_say(&client[i], "POST /bound HTTP/1.1\r\nHost: a\r\n"
                             "Content-Length: 100000\r\n\r\n{\"model\":");
    }
    ck_assert(daemon_metric_reaches(&daemon_, "requests_in_flight", 20, 20));
    ck_assert(daemon_metric(&daemon_, "reserved_bytes") > 20 * 100000);
    for (int i = 0; i < 20; i++)
        http_close(&client[i]);
    for (int i = 0; i < 500; i++) {
        if (daemon_metric(&daemon_, "requests_in_flight") <= 1 &&
            daemon_metric(&daemon_, "reserved_bytes") <= 0)
            return;
        usleep(10000);
    }
    ck_abort_msg("requests of clients that left are still there");
}
END_TEST

/* The end comes with the last bytes, as of a program that was killed. */
START_TEST(an_upload_that_ends_with_its_bytes_leaves_nothing)
{
    struct daemon daemon;
    struct http_client client;
    daemon_start(&daemon, (const char *[]){NULL});
    for (int i = 0; i < 40; i++) {
        http_open(&client, daemon.port);
        http_say(&client, "POST /bound HTTP/1.1\r\nHost: a\r\n");
        if (i % 2)
            http_say(&client, "Content-Length: 100000\r\n\r\n{\"model\":");
        http_close(&client);
    }
    bool left = false;
    for (int i = 0; i < 80 && !left; i++) {
        usleep(100000);
        left = daemon_metric(&daemon, "requests_in_flight") <= 1 &&
               daemon_metric(&daemon, "connections") <= 1;
    }
    ck_assert(left);
    daemon_end(&daemon);
}
END_TEST

/* More than the system keeps for a connection: it stays with the daemon. */
START_TEST(an_answer_that_nobody_takes_is_cut)
{
    struct daemon daemon;
    struct http_client client;
    struct http_answer answer;
    struct bytes model = {NULL, 0, 0};
    char data[80], target[200];
    daemon_prepare(&daemon);
    snprintf(data, sizeof data, "%s/data", daemon.directory);
    daemon_run(&daemon, (const char *[]){"--data-dir", data, "--reply-timeout",
                                         "1", NULL});
    bytes_wide_model(&model, 1024, 8);
    http_ask(&answer, daemon.port, "POST", "/models", NULL, model.data,
             model.size);
    bytes_clear(&model);
    ck_assert_int_eq(answer.status, 201);
    snprintf(target, sizeof target,
             "GET %s?format=safetensors HTTP/1.1\r\nHost: a\r\n\r\n",
             http_field(&answer, "Location"));
    http_clear(&answer);
    http_open(&client, daemon.port);
    http_say(&client, target);
    ck_assert(daemon_metric_reaches(
        &daemon, "rejects_total{reason=\"reply_timeout\"}", 1, 15));
    ck_assert(daemon_metric_rests(&daemon, "in_flight_bytes", 5));
    http_close(&client);
    daemon_end(&daemon);
}
END_TEST

/* Half a minute of work is dropped within seconds of the client leaving. */
START_TEST(work_for_a_client_that_left_is_cancelled)
{
    struct http_client client;
    http_send_wide(&client, daemon_.port, 600, 6);
    ck_assert(daemon_metric_reaches(&daemon_, "workers_busy", 1, 20));
    double start = lip_now();
    http_close(&client);
    while (daemon_metric(&daemon_, "workers_busy") > 0 &&
           lip_now() - start < 25)
        usleep(20000);
    ck_assert_msg(lip_now() - start < 10, "%g s", lip_now() - start);
    ck_assert(
        daemon_metric(&daemon_, "rejects_total{reason=\"client_gone\"}") >= 1);
}
END_TEST

/* Others are served while all workers compute. */
START_TEST(light_requests_do_not_wait_for_work)
{
    struct http_client busy[4];
    struct http_answer answer;
    for (int i = 0; i < 4; i++)
        http_send_wide(&busy[i], daemon_.port, 400, 6);
    ck_assert(daemon_metric_reaches(&daemon_, "workers_busy", 1, 20));
    double start = lip_now();
    for (int i = 0; i < 20; i++) {
        http_get(&answer, daemon_.port, "/healthz");
        ck_assert_int_eq(answer.status, 200);
        http_clear(&answer);
    }
    ck_assert_msg(lip_now() - start < 5, "%g s", lip_now() - start);
    for (int i = 0; i < 4; i++)
        http_close(&busy[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/slow");
    TCase *tcase = tcase_create("slow");
    tcase_set_timeout(tcase, 180);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_dripped_head_is_cut);
    tcase_add_test(tcase, a_silent_connection_is_cut);
    tcase_add_test(tcase, an_idle_connection_ends_without_a_word);
    tcase_add_test(tcase, a_dripped_body_is_cut);
    tcase_add_test(tcase, dripped_chunks_are_cut);
    tcase_add_test(tcase, a_steady_upload_is_not_cut);
    tcase_add_test(tcase, a_fast_start_buys_no_long_pause);
    tcase_add_test(tcase, an_upload_that_breaks_off_leaves_nothing);
    tcase_add_test(tcase, an_upload_that_ends_with_its_bytes_leaves_nothing);
    tcase_add_test(tcase, an_answer_that_nobody_takes_is_cut);
    tcase_add_test(tcase, work_for_a_client_that_left_is_cancelled);
    tcase_add_test(tcase, light_requests_do_not_wait_for_work);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
