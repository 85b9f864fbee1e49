/* SPDX-License-Identifier: MIT
 *
 * The sweeper on socket pairs: what it cuts, what it notices, what it leaves
 * alone. */
#include "server/watch.h"

#include "server/service.h"
#include "tests/support/suite.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct lipd_watch *watch;
static struct lipd_connection *connection;
static struct lipd_request request;
static int ours, theirs;

static void setup(void)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ours = ends[0];
    theirs = ends[1];
    watch = lipd_watch_start();
    ck_assert_ptr_nonnull(watch);
    lipd_request_id(request.id, "the-id");
}

static void teardown(void)
{
    if (connection)
        lipd_watch_remove(watch, connection);
    lipd_watch_stop(watch);
}

static void add(double seconds)
{
    connection = lipd_watch_add(watch, ours, lip_now() + seconds);
    ck_assert_ptr_nonnull(connection);
}

/* What the client gets until the end of the connection; "" where nothing comes
 * within the time. */
static const char *received(double seconds)
{
    static char text[8192];
    size_t size = 0;
    struct pollfd p = {.fd = theirs, .events = POLLIN};
    while (poll(&p, 1, (int)(seconds * 1000)) > 0) {
        ssize_t n = recv(theirs, text + size, sizeof text - 1 - size, 0);
        if (n <= 0)
            break;
        size += (size_t)n;
    }
    text[size] = '\0';
    return text;
}

static bool ended(void)
{
    char byte;
    return recv(theirs, &byte, 1, MSG_DONTWAIT) == 0;
}

START_TEST(a_late_head_is_answered_and_cut)
{
    add(0.1);
    ck_assert_int_eq(strncmp(received(5), "HTTP/1.1 408 ", 13), 0);
    ck_assert(ended());
    ck_assert(!lipd_connection_enter(connection, LIPD_WORKING, 0, &request));
}
END_TEST

START_TEST(a_late_body_is_answered_with_its_id)
{
    add(60);
    ck_assert(lipd_connection_enter(connection, LIPD_READING_BODY,
                                    lip_now() + 0.1, &request));
    const char *text = received(5);
    ck_assert_ptr_nonnull(strstr(text, "X-Request-Id: the-id\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "request-timeout"));
}
END_TEST

START_TEST(a_rested_connection_is_cut_in_silence)
{
    add(60);
    ck_assert(
        lipd_connection_enter(connection, LIPD_REPLYING, lip_now() + 60, NULL));
    ck_assert(lipd_connection_enter(connection, LIPD_READING_HEAD,
                                    lip_now() + 0.1, NULL));
    ck_assert_str_eq(received(5), "");
    ck_assert(ended());
}
END_TEST

START_TEST(an_answer_nobody_takes_is_cut)
{
    add(60);
    ck_assert(lipd_connection_enter(connection, LIPD_REPLYING, lip_now() + 0.1,
                                    NULL));
    ck_assert_str_eq(received(5), "");
    ck_assert(ended());
}
END_TEST

START_TEST(work_has_no_deadline_here)
{
    add(0.1);
    ck_assert(lipd_connection_enter(connection, LIPD_WORKING, 0, &request));
    ck_assert_str_eq(received(1.3), "");
    ck_assert(!ended());
    ck_assert(!atomic_load(&request.abandoned));
    ck_assert(
        lipd_connection_enter(connection, LIPD_REPLYING, lip_now() + 60, NULL));
}
END_TEST

START_TEST(who_left_is_noticed)
{
    add(60);
    ck_assert(lipd_connection_enter(connection, LIPD_WORKING, 0, &request));
    close(theirs);
    for (int i = 0; i < 500 && !atomic_load(&request.abandoned); i++)
        usleep(10000);
    ck_assert(atomic_load(&request.abandoned));
}
END_TEST

static _Atomic int leaves;

static void leave(struct lipd_request *left)
{
    ck_assert_ptr_eq(left, &request);
    ck_assert(atomic_load(&left->abandoned));
    atomic_fetch_add(&leaves, 1);
}

/* One that only waits is told that its client left; it has no deadline. */
START_TEST(who_left_a_waiting_request_is_told_of)
{
    request.leave = leave;
    add(60);
    ck_assert(lipd_connection_enter(connection, LIPD_WAITING, 0, &request));
    ck_assert_str_eq(received(1.3), "");
    ck_assert(!ended() && !leaves);
    close(theirs);
    for (int i = 0; i < 500 && !atomic_load(&leaves); i++)
        usleep(10000);
    ck_assert_int_ge(leaves, 1);
}
END_TEST

/* A stream that is not taken has its time; while draining, little of it. */
START_TEST(a_stream_is_hastened_by_the_end)
{
    static struct lipd_service service;
    request.service = &service;
    add(60);
    ck_assert(lipd_connection_enter(connection, LIPD_STREAMING, lip_now() + 60,
                                    &request));
    ck_assert_str_eq(received(2.2), "");
    ck_assert(!ended());
    atomic_store(&service.state, LIPD_DRAINING);
    ck_assert_str_eq(received(2.5), "");
    ck_assert(ended());
}
END_TEST

/* Of bytes and the end behind them only the bytes are seen: see watch.c. */
START_TEST(an_end_in_the_middle_of_a_body_is_noticed)
{
    char bytes[10];
    add(60);
    ck_assert(lipd_connection_enter(connection, LIPD_READING_BODY,
                                    lip_now() + 60, &request));
    ck_assert_int_eq(send(theirs, "{\"mod", 5, 0), 5);
    shutdown(theirs, SHUT_WR);
    /* Not while there is something to read. */
    ck_assert_str_eq(received(2.5), "");
    ck_assert(!ended());
    ck_assert_int_eq(recv(ours, bytes, sizeof bytes, 0), 5);
    ck_assert_str_eq(received(5), "");
    ck_assert(ended());
    ck_assert(!lipd_connection_enter(connection, LIPD_READING_BODY,
                                     lip_now() + 60, &request));
}
END_TEST

/* A second request in the pipe is no reason to think the client left. */
START_TEST(who_sends_on_is_still_there)
{
    add(60);
    ck_assert(lipd_connection_enter(connection, LIPD_WORKING, 0, &request));
    ck_assert_int_eq(send(theirs, "GET", 3, 0), 3);
    usleep(1300000);
    ck_assert(!atomic_load(&request.abandoned));
}
END_TEST

START_TEST(a_lingering_socket_takes_what_comes_then_ends)
{
    static char bytes[100000];
    add(60);
    lipd_connection_linger(connection);
    lipd_watch_remove(watch, connection);
    connection = NULL;
    close(ours);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(send(theirs, bytes, sizeof bytes, MSG_NOSIGNAL),
                         (ssize_t)sizeof bytes);
    ck_assert(ended());
    for (int i = 0; i < 500; i++) {
        if (send(theirs, bytes, 1, MSG_NOSIGNAL) < 0)
            return;
        usleep(20000);
    }
    ck_abort_msg("it lingers for ever");
}
END_TEST

START_TEST(many_come_and_go)
{
    struct lipd_connection *list[100];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 100; i++)
            list[i] = lipd_watch_add(watch, ours, lip_now() + 60);
        for (int i = 0; i < 100; i++)
            lipd_watch_remove(watch, list[(i * 37) % 100]);
    }
    connection = NULL;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/watch");
    TCase *tcase = tcase_create("sweeper");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_late_head_is_answered_and_cut);
    tcase_add_test(tcase, a_late_body_is_answered_with_its_id);
    tcase_add_test(tcase, a_rested_connection_is_cut_in_silence);
    tcase_add_test(tcase, an_answer_nobody_takes_is_cut);
    tcase_add_test(tcase, work_has_no_deadline_here);
    tcase_add_test(tcase, who_left_is_noticed);
    tcase_add_test(tcase, an_end_in_the_middle_of_a_body_is_noticed);
    tcase_add_test(tcase, who_left_a_waiting_request_is_told_of);
    tcase_add_test(tcase, a_stream_is_hastened_by_the_end);
    tcase_add_test(tcase, who_sends_on_is_still_there);
    tcase_add_test(tcase, a_lingering_socket_takes_what_comes_then_ends);
    tcase_add_test(tcase, many_come_and_go);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
