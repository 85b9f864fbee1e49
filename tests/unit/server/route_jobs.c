/* SPDX-License-Identifier: MIT
 *
 * Jobs over HTTP, with the server in this process and the test in the place of
 * the runner: what is shown, what is waited for, what a stream brings, and
 * that nobody who waits holds up anybody else, the end least of all. */
#include "server/http.h"
#include "server/jobs/feed.h"
#include "server/jobs/hub.h"
#include "server/jobs/job_store.h"
#include "server/listen.h"
#include "server/log.h"
#include "server/workers.h"
#include "tests/support/contract.h"
#include "tests/support/http_client.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RESULT                                                                 \
    "{\"model\":{\"id\":\"sha256:"                                             \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","      \
    "\"inputs\":1,\"outputs\":1,\"parameters\":1,\"layers\":[{\"type\":"       \
    "\"dense\"}]},\"norm\":{\"input\":2,\"output\":2},\"bounds\":[],"          \
    "\"seconds\":0.1}"

enum { FEEDS = 256 };

static struct lipd_config config;
static struct lipd_service service;
static struct lipd_workers *workers;
static struct lipd_http *http;
static unsigned port;
static char folder[64];

#define OP(call, ...)                                                          \
    do {                                                                       \
        struct api_problem problem_;                                           \
        ck_assert_msg(                                                         \
            service.jobs->ops->call(service.jobs, __VA_ARGS__, &problem_),     \
            "%s", problem_.detail);                                            \
    } while (0)

static void set(const char *name, const char *value)
{
    char complaint[256];
    ck_assert(
        lipd_config_set(&config, name, value, complaint, sizeof complaint));
}

static void start(void)
{
    char complaint[512];
    struct lipd_address address;
    snprintf(folder, sizeof folder, "/tmp/lipschitzd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(lipd_service_init(&service, &config, NULL), LIP_OK);
    service.jobs = lipd_job_store_sqlite(folder, complaint, sizeof complaint);
    ck_assert_msg(service.jobs != NULL, "%s", complaint);
    service.hub = lipd_hub_start();
    workers = lipd_workers_start(&service);
    ck_assert(lipd_address_read(&address, "127.0.0.1:0", complaint,
                                sizeof complaint));
    int listener = lipd_listen(&address, complaint, sizeof complaint);
    ck_assert_int_ge(listener, 0);
    port = lipd_address_port(&address);
    http = lipd_http_start(&service, listener);
    ck_assert_ptr_nonnull(http);
}

static void setup(void)
{
    char complaint[256];
    lipd_log_level("error");
    lipd_config_read(&config, 0, NULL, NULL, complaint, sizeof complaint);
    set("workers", "1");
    set("streams", "256"); /* FEEDS */
    start();
}

static bool rests(double seconds)
{
    for (double end = lip_now() + seconds; lip_now() < end; usleep(1000))
        if (!lipd_http_in_flight(http))
            return true;
    return false;
}

/* What the daemon does when it drains; every request is out in that time. */
static void drain(double seconds)
{
    atomic_store(&service.state, LIPD_DRAINING);
    lipd_hub_stop(service.hub);
    bool rest = rests(seconds);
    ck_assert_msg(rest, "%zu in flight after %g s", lipd_http_in_flight(http),
                  seconds);
    ck_assert_uint_eq(lipd_http_with_workers(http), 0);
}

static int remove_entry(const char *path, const struct stat *status, int type,
                        struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static void teardown(void)
{
    drain(5);
    lipd_workers_stop(workers);
    lipd_http_stop(http);
    ck_assert_uint_eq(service.streams, 0);
    lipd_hub_free(service.hub);
    service.jobs->ops->close(service.jobs);
    lipd_service_clear(&service);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- the test as the runner */

static char job[LIPD_JOB_ID];

static const char *add_for(const char *tenant)
{
    bool again;
    struct lipd_job_wish wish = {
        .kind = "train", .request = "{}", .tenant = tenant, .digest = "digest"};
    OP(add, job, &again, &wish, 10000);
    lipd_hub_publish(service.hub, job);
    return job;
}

static const char *add(void)
{
    return add_for("");
}

static void claim(void)
{
    struct api_problem problem;
    struct lipd_job claimed;
    ck_assert_int_eq(
        service.jobs->ops->claim(service.jobs, &claimed, "me", 60, &problem),
        LIPD_CLAIMED);
    lipd_hub_publish(service.hub, claimed.id);
    lipd_job_clear(&claimed);
}

static void progress(int done)
{
    char text[64];
    bool cancel;
    snprintf(text, sizeof text,
             "{\"done\":%d,\"total\":1000,\"unit\":\"epoch\"}", done);
    OP(heartbeat, job, "me", 60, text, &cancel);
    lipd_hub_publish(service.hub, job);
}

static void finish(enum lipd_job_state state)
{
    const struct lipd_job_end end = {
        .state = state,
        .result = state == LIPD_JOB_SUCCEEDED ? RESULT : NULL,
        .error = state == LIPD_JOB_FAILED
                     ? "{\"type\":\"urn:lipschitzd:problem:internal\","
                       "\"title\":\"t\",\"status\":500,\"detail\":\"d\"}"
                     : NULL};
    OP(finish, job, "me", &end);
    lipd_hub_publish(service.hub, job);
}

/* --- the test as a client */

static char target[256];

static const char *at(const char *rest)
{
    snprintf(target, sizeof target, "/jobs/%s%s", job, rest);
    return target;
}

static void send_get(struct http_client *client, const char *path,
                     const char *version, const char *field)
{
    char head[512];
    snprintf(head, sizeof head, "GET %s HTTP/%s\r\nHost: a\r\n%s\r\n", path,
             version, field);
    http_open(client, port);
    ck_assert(http_say(client, head));
}

/* Receives until the text is there; false where it does not come in time or
 * the connection ends. NULL waits for the end, cleanly. */
static bool receives(struct http_client *client, const char *text,
                     double seconds)
{
    char buffer[16384];
    double end = lip_now() + seconds;
    for (;;) {
        struct pollfd p = {.fd = client->fd, .events = POLLIN};
        if (text && client->pending && strstr(client->pending, text))
            return true;
        if (poll(&p, 1, (int)(1000 * (end - lip_now())) + 1) <= 0)
            return false;
        ssize_t n = recv(client->fd, buffer, sizeof buffer, 0);
        if (n <= 0)
            return n == 0 && !text;
        client->pending =
            realloc(client->pending, client->size + (size_t)n + 1);
        memcpy(client->pending + client->size, buffer, (size_t)n);
        client->size += (size_t)n;
        client->pending[client->size] = '\0';
    }
}

static bool has(const struct http_client *client, const char *text)
{
    return client->pending && strstr(client->pending, text);
}

/* A stream without chunks, since the version has none. */
static void follow(struct http_client *client, const char *rest,
                   const char *field)
{
    send_get(client, at(rest), "1.0", field);
}

static void waits(size_t count)
{
    for (int i = 0; i < 5000 && lipd_http_with_workers(http) != count; i++)
        usleep(1000);
    ck_assert_uint_eq(lipd_http_with_workers(http), count);
    usleep(20000);
}

/* --- one job */

START_TEST(a_job_is_shown_through_its_life)
{
    struct http_answer answer;
    add();
    http_get(&answer, port, at(""));
    ck_assert_int_eq(answer.status, 200);
    ck_assert(http_has(&answer, job));
    ck_assert(http_has(&answer, "\"state\":\"queued\""));
    ck_assert(!http_has(&answer, "started"));
    ck_assert_str_eq(http_field(&answer, "Retry-After"), "1");
    contract_add("Job", answer.body);
    http_clear(&answer);
    claim();
    progress(10);
    http_get(&answer, port, at(""));
    ck_assert(http_has(&answer, "\"state\":\"running\",\"created\":\"20"));
    ck_assert(http_has(&answer, "\"progress\":{\"done\":10,\"total\":1000,"
                                "\"unit\":\"epoch\",\"eta_seconds\":"));
    contract_add("Job", answer.body);
    http_clear(&answer);
    finish(LIPD_JOB_SUCCEEDED);
    http_get(&answer, port, at("?wait=30"));
    ck_assert(http_has(&answer, "\"result\":" RESULT));
    ck_assert(!http_has(&answer, "eta"));
    ck_assert_str_eq(http_field(&answer, "Retry-After"), "");
    contract_add("Job", answer.body);
    http_clear(&answer);
    add();
    claim();
    finish(LIPD_JOB_FAILED);
    http_get(&answer, port, at(""));
    ck_assert(http_has(&answer, "\"error\":{\"type\""));
    contract_add("Job", answer.body);
    http_clear(&answer);
}
END_TEST

START_TEST(what_is_not_there_is_said)
{
    static const struct {
        const char *method, *path, *code;
        int status;
    } row[] = {
        {"GET", "/jobs/0", "not-found", 404},
        {"GET", "/jobs/0?wait=5", "not-found", 404},
        {"DELETE", "/jobs/0", "not-found", 404},
        {"GET", "/jobs/0/events", "not-found", 404},
        {"GET", "/jobs/0/else", "not-found", 404},
        {"GET", "/jobs?cursor=0", "invalid-option", 422},
        {"GET", "/jobs?cursor=0123456789abcdef0123456789abcdef", "not-found",
         404},
        {"GET", "/jobs?limit=0", "invalid-option", 422},
        {"GET", "/jobs?limit=101", "invalid-option", 422},
        {"GET", "/jobs?limit=2.5", "invalid-option", 422},
        {"GET", "/jobs?limit=", "invalid-option", 422},
        {"GET", "/jobs?sort=up", "invalid-option", 422},
        {"GET", "/jobs/0?wait=-1", "invalid-option", 422},
        {"GET", "/jobs/0?wait=nan", "invalid-option", 422},
        {"GET", "/jobs/0?wait=0x1", "invalid-option", 422},
        {"GET", "/jobs/0?wait=1&wait=1", "invalid-option", 422},
        {"GET", "/jobs/0/events?last_event_id=x", "bad-request", 400},
        {"GET", "/jobs/0/events?last_event_id=", "bad-request", 400},
        {"GET", "/jobs/0/events?last_event_id=99999999999999999999",
         "bad-request", 400},
        {"PUT", "/jobs/0", "method-not-allowed", 405},
        {"POST", "/jobs/0/events", "method-not-allowed", 405},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct http_answer answer;
        http_ask(&answer, port, row[i].method, row[i].path, NULL, NULL, 0);
        ck_assert_msg(http_is_problem(&answer, row[i].status, row[i].code),
                      "%s", row[i].path);
        contract_add("Problem", answer.body);
        http_clear(&answer);
    }
}
END_TEST

/* --- waiting */

START_TEST(a_wait_ends_when_the_state_changes)
{
    struct http_client client;
    struct http_answer answer;
    add();
    send_get(&client, at("?wait=60"), "1.1", "");
    waits(1);
    lipd_hub_publish(service.hub, job); /* news, but of no change */
    waits(1);
    double start = lip_now();
    claim();
    ck_assert(http_read(&answer, &client, false));
    ck_assert_double_lt(lip_now() - start, 1);
    ck_assert(http_has(&answer, "\"running\""));
    http_clear(&answer);
    /* The connection goes on. */
    snprintf(target, sizeof target,
             "GET /jobs/%s?wait=60 HTTP/1.1\r\nHost: a\r\n\r\n", job);
    http_say(&client, target);
    waits(1);
    progress(1);
    waits(1);
    finish(LIPD_JOB_FAILED);
    ck_assert(http_read(&answer, &client, false));
    ck_assert(http_has(&answer, "\"failed\""));
    http_clear(&answer);
    http_close(&client);
}
END_TEST

START_TEST(a_wait_ends_with_its_time)
{
    struct http_answer answer;
    add();
    double start = lip_now();
    http_get(&answer, port, at("?wait=0.3"));
    ck_assert_double_ge(lip_now() - start, 0.3);
    ck_assert_double_lt(lip_now() - start, 5);
    ck_assert_int_eq(answer.status, 200);
    ck_assert(http_has(&answer, "\"queued\""));
    http_clear(&answer);
}
END_TEST

enum { CROWD = 200 };

START_TEST(many_wait_and_nobody_is_held_up)
{
    static struct http_client client[CROWD];
    struct http_answer answer;
    add();
    for (int i = 0; i < CROWD; i++)
        send_get(&client[i], at("?wait=60"), "1.1", "");
    waits(CROWD);
    double start = lip_now();
    http_get(&answer, port, at(""));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    claim();
    for (int i = 0; i < CROWD; i++) {
        ck_assert(http_read(&answer, &client[i], false));
        ck_assert(http_has(&answer, "\"running\""));
        http_clear(&answer);
        http_close(&client[i]);
    }
    ck_assert_double_lt(lip_now() - start, 5);
}
END_TEST

START_TEST(who_leaves_does_not_wait)
{
    struct http_client client[3];
    add();
    send_get(&client[0], at("?wait=60"), "1.1", "");
    send_get(&client[1], at("?wait=60"), "1.1", "");
    follow(&client[2], "/events", "");
    ck_assert(receives(&client[2], "event: state", 5));
    waits(3);
    http_close(&client[0]);
    http_close(&client[2]);
    waits(1);
    ck_assert_uint_eq(service.streams, 0);
    http_close(&client[1]);
    ck_assert(rests(5));
}
END_TEST

START_TEST(draining_answers_those_who_wait)
{
    struct http_client client[20];
    struct http_answer answer;
    add();
    for (int i = 0; i < 20; i++)
        send_get(&client[i], at("?wait=60"), "1.1", "");
    waits(20);
    drain(1);
    for (int i = 0; i < 20; i++) {
        ck_assert(http_read(&answer, &client[i], false));
        ck_assert_int_eq(answer.status, 200);
        ck_assert(http_has(&answer, "\"queued\""));
        http_clear(&answer);
        http_close(&client[i]);
    }
    http_get(&answer, port, at("?wait=60"));
    ck_assert(http_is_problem(&answer, 503, "draining"));
    http_clear(&answer);
}
END_TEST

/* --- cancelling and listing */

static void expect_cancel(int status, const char *state)
{
    struct http_answer answer;
    http_ask(&answer, port, "DELETE", at(""), NULL, NULL, 0);
    ck_assert_int_eq(answer.status, status);
    ck_assert_msg(http_has(&answer, state), "%s", answer.body);
    contract_add("Job", answer.body);
    http_clear(&answer);
}

START_TEST(cancelling)
{
    struct http_client client;
    struct http_answer answer;
    bool cancel = false;
    add();
    send_get(&client, at("?wait=60"), "1.1", "");
    waits(1);
    expect_cancel(200, "\"cancelled\"");
    ck_assert(http_read(&answer, &client, false));
    ck_assert(http_has(&answer, "\"cancelled\""));
    http_clear(&answer);
    http_close(&client);
    expect_cancel(200, "\"cancelled\"");
    add();
    claim();
    expect_cancel(202, "\"running\"");
    OP(heartbeat, job, "me", 60, NULL, &cancel);
    ck_assert(cancel);
    finish(LIPD_JOB_CANCELLED);
    expect_cancel(200, "\"cancelled\"");
}
END_TEST

/* Another's job looks like none, whatever is asked of it, and is in no list. */
START_TEST(tenants_do_not_see_each_other)
{
    static const struct {
        const char *method, *path;
    } asked[] = {
        {"GET", ""}, {"GET", "/events"}, {"GET", "?wait=1"}, {"DELETE", ""}};
    const char *id = add_for("somebody else");
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        char path[100];
        snprintf(path, sizeof path, "/jobs/%s%s", id, asked[i].path);
        struct http_answer answer;
        http_ask(&answer, port, asked[i].method, path, NULL, NULL, 0);
        ck_assert_int_eq(answer.status, 404);
        http_clear(&answer);
    }
    struct http_answer list;
    http_get(&list, port, "/jobs");
    ck_assert_ptr_null(strstr(list.body, id));
    http_clear(&list);
}
END_TEST

START_TEST(the_list_has_every_job_once)
{
    enum { JOBS = 45 };
    char id[JOBS][LIPD_JOB_ID], path[128] = "/jobs?limit=20";
    struct http_answer answer;
    int seen = 0;
    for (int i = 0; i < JOBS; i++)
        snprintf(id[i], sizeof id[i], "%s", add());
    for (int page = 0; path[0]; page++) {
        http_get(&answer, port, path);
        ck_assert_int_eq(answer.status, 200);
        contract_add("JobList", answer.body);
        json_t *body = json_loads(answer.body, 0, NULL);
        json_t *jobs = json_object_get(body, "jobs");
        for (size_t i = 0; i < json_array_size(jobs); i++)
            ck_assert_str_eq(json_string_value(json_object_get(
                                 json_array_get(jobs, i), "id")),
                             id[JOBS - 1 - seen++]);
        const char *next = json_string_value(json_object_get(body, "next"));
        path[0] = '\0';
        if (next)
            snprintf(path, sizeof path, "/jobs?limit=20&cursor=%s", next);
        json_decref(body);
        http_clear(&answer);
        if (page == 0)
            add(); /* does not shift the pages */
    }
    ck_assert_int_eq(seen, JOBS);
}
END_TEST

/* --- streams */

START_TEST(a_stream_brings_all_and_ends_with_the_job)
{
    struct http_client client;
    add();
    claim();
    progress(1);
    follow(&client, "/events", "");
    ck_assert(receives(&client, "event: progress\ndata: {\"done\":1,", 5));
    ck_assert(has(&client, "\r\nContent-Type: text/event-stream\r\n"));
    ck_assert(has(&client, "\r\nCache-Control: no-store\r\n"));
    ck_assert(has(&client, "\r\n\r\nretry: 2000\n\nid: 1\nevent: state\n"));
    for (int i = 2; i < 10; i++) {
        char text[64];
        progress(i);
        snprintf(text, sizeof text, "data: {\"done\":%d,", i);
        ck_assert(receives(&client, text, 5));
    }
    finish(LIPD_JOB_SUCCEEDED);
    ck_assert(receives(&client, NULL, 5));
    ck_assert(has(&client, "\"succeeded\""));
    ck_assert_str_eq(client.pending + client.size - 2, "\n\n");
    http_close(&client);
    /* From the end on: the whole at once. */
    follow(&client, "/events", "");
    ck_assert(receives(&client, NULL, 5));
    ck_assert(has(&client, "\nid: 1\n") && has(&client, "\"succeeded\""));
    http_close(&client);
}
END_TEST

START_TEST(a_stream_is_taken_up_where_it_was_left)
{
    struct http_client client;
    struct http_answer answer;
    add();
    claim();
    for (int i = 1; i < 5; i++)
        progress(i);
    follow(&client, "/events?last_event_id=4", "");
    ck_assert(receives(&client, "\"done\":4", 5));
    ck_assert(has(&client, "retry: 2000\n\nid: 5\n"));
    http_close(&client);
    /* The field counts, not the address the browser was given. */
    follow(&client, "/events?last_event_id=1", "Last-Event-ID: 5\r\n");
    ck_assert(receives(&client, "\"done\":4", 5));
    ck_assert(has(&client, "retry: 2000\n\nid: 6\n"));
    finish(LIPD_JOB_FAILED);
    ck_assert(receives(&client, NULL, 5));
    ck_assert(has(&client, "\nid: 7\n"));
    http_close(&client);
    http_get(&answer, port, at("/events?last_event_id=7"));
    ck_assert_int_eq(answer.status, 204);
    http_clear(&answer);
}
END_TEST

/* More events than a page of the store has, and more than a socket holds. */
START_TEST(a_long_history_comes_whole)
{
    enum { EVENTS = 1000 };
    struct http_client client;
    char text[64];
    add();
    claim();
    for (int i = 1; i <= EVENTS; i++)
        progress(i);
    finish(LIPD_JOB_SUCCEEDED);
    follow(&client, "/events", "");
    ck_assert(receives(&client, NULL, 20));
    const char *from = client.pending;
    for (int i = 1; i <= EVENTS; i++) {
        snprintf(text, sizeof text, "\nid: %d\nevent: progress\n", i + 2);
        from = strstr(from, text);
        ck_assert_msg(from != NULL, "%s", text);
    }
    ck_assert_ptr_nonnull(strstr(from, "\"succeeded\""));
    http_close(&client);
}
END_TEST

/* HTTP/1.1: chunks, the last one empty, and the connection goes on. */
START_TEST(a_stream_in_chunks_leaves_the_connection_open)
{
    struct http_client client;
    add();
    send_get(&client, at("/events"), "1.1", "");
    ck_assert(receives(&client, "\nid: 1\n", 5));
    ck_assert(has(&client, "\r\nTransfer-Encoding: chunked\r\n"));
    expect_cancel(200, "cancelled");
    ck_assert(receives(&client, "\r\n0\r\n\r\n", 5));
    http_say(&client, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert(receives(&client, "alive", 5));
    http_close(&client);
}
END_TEST

START_TEST(head_has_no_stream)
{
    struct http_answer answer;
    add();
    http_ask(&answer, port, "HEAD", at("/events"), NULL, NULL, 0);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(http_field(&answer, "Content-Type"), "text/event-stream");
    http_clear(&answer);
    ck_assert(rests(2));
    ck_assert_uint_eq(service.streams, 0);
}
END_TEST

/* As many as may be, each gets its news; one more is told to come back; a
 * place that is given up is free again. */
START_TEST(streams_are_counted)
{
    enum { EXTRA = 44 };
    static struct http_client client[FEEDS + EXTRA];
    struct http_answer answer;
    add();
    claim();
    for (int i = 0; i < FEEDS; i++)
        follow(&client[i], "/events", "");
    waits(FEEDS);
    for (int i = 0; i < EXTRA; i++) {
        http_get(&answer, port, at("/events"));
        ck_assert(http_is_problem(&answer, 503, "overloaded"));
        http_clear(&answer);
    }
    double start = lip_now();
    progress(7);
    for (int i = 0; i < FEEDS; i++)
        ck_assert(receives(&client[i], "\"done\":7", 5));
    ck_assert_double_lt(lip_now() - start, 5);
    waits(FEEDS);
    for (int i = 0; i < EXTRA; i++)
        http_close(&client[i]);
    waits(FEEDS - EXTRA);
    for (int i = 0; i < EXTRA; i++)
        follow(&client[i], "/events", "");
    waits(FEEDS);
    finish(LIPD_JOB_SUCCEEDED);
    for (int i = 0; i < FEEDS; i++) {
        ck_assert(receives(&client[i], NULL, 5));
        ck_assert(has(&client[i], "\"succeeded\""));
        http_close(&client[i]);
    }
    ck_assert(rests(5));
}
END_TEST

START_TEST(draining_ends_every_stream)
{
    static struct http_client client[FEEDS];
    add();
    claim();
    for (int i = 0; i < FEEDS; i++)
        follow(&client[i], "/events", "");
    waits(FEEDS);
    drain(1);
    for (int i = 0; i < FEEDS; i++) {
        ck_assert(receives(&client[i], NULL, 1));
        ck_assert(has(&client[i], "\"running\""));
        http_close(&client[i]);
    }
}
END_TEST

/* While events come in and clients come and go. */
START_TEST(draining_in_the_middle_of_it)
{
    static struct http_client client[64];
    struct http_answer answer;
    add();
    claim();
    for (int i = 0; i < 64; i++) {
        if (i % 2)
            follow(&client[i], "/events", "");
        else
            send_get(&client[i], at("?wait=60"), "1.1", "");
        progress(i);
        if (i % 5 == 4)
            http_close(&client[i]);
    }
    drain(3);
    for (int i = 0; i < 64; i++) {
        if (i % 5 == 4)
            continue;
        if (i % 2) {
            ck_assert(receives(&client[i], NULL, 1));
        } else {
            ck_assert(http_read(&answer, &client[i], false));
            ck_assert(answer.status == 200 || answer.status == 503);
            http_clear(&answer);
        }
        http_close(&client[i]);
    }
}
END_TEST

/* --- clients that do not take what they are sent */

static void open_stuck(struct http_client *client)
{
    int small = 4096;
    add();
    claim();
    char text[4000];
    bool cancel;
    snprintf(text, sizeof text, "{\"pad\":\"%*s\"}", 3900, "x");
    for (int i = 0; i < 1990; i++)
        OP(heartbeat, job, "me", 60, text, &cancel);
    http_open(client, port);
    setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    snprintf(target, sizeof target,
             "GET /jobs/%s/events HTTP/1.1\r\nHost: a\r\n\r\n", job);
    http_say(client, target);
}

static void setup_impatient(void)
{
    char complaint[256];
    lipd_log_level("error");
    lipd_config_read(&config, 0, NULL, NULL, complaint, sizeof complaint);
    set("workers", "1");
    set("reply-timeout", "2");
    start();
}

START_TEST(a_client_that_is_stuck_is_cut)
{
    struct http_client client;
    open_stuck(&client);
    for (int i = 0; i < 5000 && !lipd_http_in_flight(http); i++)
        usleep(1000);
    sleep(1);
    ck_assert_uint_eq(lipd_http_in_flight(http), 1);
    ck_assert(rests(5));
    http_close(&client);
}
END_TEST

START_TEST(a_client_that_is_stuck_does_not_hold_up_the_end)
{
    struct http_client client;
    open_stuck(&client);
    sleep(1);
    ck_assert_uint_eq(lipd_http_in_flight(http), 1);
    drain(3);
    http_close(&client);
}
END_TEST

/* Neither the time for an answer nor silence ends a stream; a comment tells
 * that it is open. */
START_TEST(a_silent_stream_stays_open)
{
    struct http_client client;
    add();
    follow(&client, "/events", "");
    ck_assert(receives(&client, "\nid: 1\n", 5));
    ck_assert(!receives(&client, "\n: ", 13));
    ck_assert(receives(&client, "\n: ", 4));
    claim();
    ck_assert(receives(&client, "\nid: 2\n", 5));
    http_close(&client);
}
END_TEST

START_TEST(documents_follow_the_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/route_jobs");
    TCase *tcase = tcase_create("jobs");
    tcase_add_unchecked_fixture(tcase, contract_open, NULL);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_job_is_shown_through_its_life);
    tcase_add_test(tcase, what_is_not_there_is_said);
    tcase_add_test(tcase, a_wait_ends_when_the_state_changes);
    tcase_add_test(tcase, a_wait_ends_with_its_time);
    tcase_add_test(tcase, many_wait_and_nobody_is_held_up);
    tcase_add_test(tcase, who_leaves_does_not_wait);
    tcase_add_test(tcase, draining_answers_those_who_wait);
    tcase_add_test(tcase, cancelling);
    tcase_add_test(tcase, tenants_do_not_see_each_other);
    tcase_add_test(tcase, the_list_has_every_job_once);
    tcase_add_test(tcase, a_stream_brings_all_and_ends_with_the_job);
    tcase_add_test(tcase, a_stream_is_taken_up_where_it_was_left);
    tcase_add_test(tcase, a_long_history_comes_whole);
    tcase_add_test(tcase, a_stream_in_chunks_leaves_the_connection_open);
    tcase_add_test(tcase, head_has_no_stream);
    tcase_add_test(tcase, streams_are_counted);
    tcase_add_test(tcase, draining_ends_every_stream);
    tcase_add_test(tcase, draining_in_the_middle_of_it);
    suite_add_tcase(suite, tcase);
    TCase *stuck = tcase_create("stuck and silent");
    tcase_set_timeout(stuck, 90);
    tcase_add_checked_fixture(stuck, setup_impatient, teardown);
    tcase_add_test(stuck, a_client_that_is_stuck_is_cut);
    tcase_add_test(stuck, a_client_that_is_stuck_does_not_hold_up_the_end);
    tcase_add_test(stuck, a_silent_stream_stays_open);
    suite_add_tcase(suite, stuck);
    TCase *contract = tcase_create("contract");
    tcase_add_test(contract, documents_follow_the_contract);
    suite_add_tcase(suite, contract);
    return run_suite(suite);
}
