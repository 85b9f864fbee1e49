/* SPDX-License-Identifier: MIT
 *
 * Training jobs over real HTTP with the real daemon and its processes: asked
 * for, followed, waited for, cancelled, refused, and carried over a restart. */
#include "tests/support/contract.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"

#include "base/context.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A second of work at most, and more than any test has time for. */
#define RUN(samples, epochs)                                                   \
    "{\"dataset\":{\"generate\":\"two-moons\",\"samples\":" samples "},"       \
    "\"model\":{\"layers\":[{\"type\":\"dense\",\"units\":16},"                \
    "{\"type\":\"relu\"},{\"type\":\"dense\",\"units\":2}]},"                  \
    "\"constraint\":{\"method\":\"projection\",\"norm\":2,\"lipschitz\":1},"   \
    "\"epochs\":" epochs "}"
#define SHORT RUN("200", "3")
#define LONG RUN("20000", "100000")

static struct daemon daemon_;
static char data[80], job[64];

static void run(const char *flag, const char *value)
{
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, "--jobs", "1",
                                          "--job-threads", "1", "--streams",
                                          "256", flag, value, NULL});
}

static void prepare(void)
{
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
}

static void setup(void)
{
    prepare();
    run(NULL, NULL);
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

/* POST /train with a header field or "". */
static void train(struct http_answer *answer, const char *field,
                  const char *body)
{
    http_post_with(answer, daemon_.port, "/train", field, body);
}

/* Accepted: its id goes to `job`. */
static void begin(const char *field, const char *body)
{
    struct http_answer answer;
    train(&answer, field, body);
    ck_assert_msg(answer.status == 202, "%s%s", answer.head, answer.body);
    ck_assert_str_ne(http_field(&answer, "Retry-After"), "");
    const char *location = http_field(&answer, "Location");
    ck_assert_int_eq(strncmp(location, "/jobs/", 6), 0);
    snprintf(job, sizeof job, "%s", location + 6);
    ck_assert(http_has(&answer, job));
    contract_add("Job", answer.body);
    http_clear(&answer);
}

static const char *at(const char *rest)
{
    static char target[256];
    snprintf(target, sizeof target, "/jobs/%s%s", job, rest);
    return target;
}

/* Asks and waits until the job is in this state. */
static json_t *wait_for(const char *state)
{
    for (double end = lip_now() + 60; lip_now() < end;) {
        struct http_answer answer;
        http_get(&answer, daemon_.port, at("?wait=5"));
        ck_assert_int_eq(answer.status, 200);
        contract_add("Job", answer.body);
        json_t *document = json_loads(answer.body, 0, NULL);
        http_clear(&answer);
        if (!strcmp(json_string_value(json_object_get(document, "state")),
                    state))
            return document;
        json_decref(document);
    }
    ck_abort_msg("the job %s is not %s", job, state);
    return NULL;
}

static void becomes(const char *state)
{
    json_decref(wait_for(state));
}

static void cancel(int status)
{
    struct http_answer answer;
    http_ask(&answer, daemon_.port, "DELETE", at(""), NULL, NULL, 0);
    ck_assert_msg(answer.status == status, "%s", answer.body);
    contract_add("Job", answer.body);
    http_clear(&answer);
}

/* --- streams */

static void follow(struct http_client *client, const char *rest)
{
    char head[512];
    snprintf(head, sizeof head, "GET %s HTTP/1.0\r\nHost: a\r\n\r\n", at(rest));
    http_open(client, daemon_.port);
    ck_assert(http_say(client, head));
}

/* The ids of a stream's events, which grow; the last one. */
static long last_id(const struct http_client *client)
{
    long last = 0;
    for (const char *at_ = client->pending; (at_ = strstr(at_, "\nid: "));
         at_++) {
        long id = strtol(at_ + 5, NULL, 10);
        ck_assert_int_gt(id, last);
        last = id;
    }
    return last;
}

static const char *after(const char *text, const char *part)
{
    const char *found = strstr(text, part);
    ck_assert_msg(found != NULL, "no %s in\n%s", part, text);
    return found + strlen(part);
}

START_TEST(a_run_from_beginning_to_end)
{
    struct http_client client;
    struct http_answer answer;
    char target[128];
    begin("", SHORT);
    follow(&client, "/events");
    ck_assert(http_receives(&client, NULL, 60));
    const char *text = after(client.pending, "\r\n\r\nretry: 2000\n\n");
    text = after(text, "{\"state\": \"queued\"}\n\n");
    text = after(text, "{\"state\": \"running\"}\n\n");
    text = after(text, "event: progress\ndata: {");
    text = after(text, "{\"state\": \"succeeded\"}\n\n");
    ck_assert_str_eq(text, "");
    ck_assert_int_ge(last_id(&client), 4);
    http_close(&client);
    json_t *document = wait_for("succeeded");
    json_t *result = json_object_get(document, "result");
    snprintf(target, sizeof target, "/models/%s",
             json_string_value(json_object_get(result, "model_id")));
    http_get(&answer, daemon_.port, target);
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    json_t *bound = json_object_get(result, "bound");
    ck_assert_double_le(
        json_number_value(json_object_get(bound, "upper_bound")), 1);
    json_decref(document);
    cancel(200);
}
END_TEST

/* --- the same request twice */

#define KEY(text) "Idempotency-Key: " text "\r\n"

START_TEST(a_key_makes_one_job)
{
    struct http_answer answer;
    char first[64];
    begin(KEY("a b-1"), SHORT);
    snprintf(first, sizeof first, "%s", job);
    begin(KEY("a b-1"), SHORT);
    ck_assert_str_eq(job, first);
    becomes("succeeded");
    begin(KEY("a b-1"), SHORT);
    ck_assert_str_eq(job, first);
    /* Another body, though it means the same. */
    train(&answer, KEY("a b-1"), SHORT " ");
    ck_assert(http_is_problem(&answer, 409, "idempotency-conflict"));
    contract_add("Problem", answer.body);
    http_clear(&answer);
    begin(KEY("a b-2"), SHORT);
    ck_assert_str_ne(job, first);
    begin("", SHORT);
    ck_assert_str_ne(job, first);
    /* The daemon dies; the key is kept. */
    daemon_signal(&daemon_, SIGKILL);
    daemon_wait(&daemon_);
    run(NULL, NULL);
    begin(KEY("a b-1"), SHORT);
    ck_assert_str_eq(job, first);
}
END_TEST

START_TEST(bad_keys)
{
    char longest[300] = "Idempotency-Key: ", *key = longest + strlen(longest);
    struct http_answer answer;
    static const char *const bad[] = {KEY(""), KEY("caf\xc3\xa9"), KEY("\x7f"),
                                      KEY("a") KEY("a")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        train(&answer, bad[i], SHORT);
        ck_assert_msg(http_is_problem(&answer, 400, "bad-request"), "%s",
                      bad[i]);
        http_clear(&answer);
    }
    memset(key, '~', 255);
    memcpy(key + 255, "\r\n", 3);
    begin(longest, SHORT);
    memcpy(key + 255, "~\r\n", 4);
    train(&answer, longest, SHORT);
    ck_assert(http_is_problem(&answer, 400, "bad-request"));
    http_clear(&answer);
}
END_TEST

/* --- what is refused, and where the fault lies */

#define ZERO_ID                                                                \
    "sha256:"                                                                  \
    "0000000000000000000000000000000000000000000000000000000000000000"
#define LIMIT "\"constraint\":{\"lipschitz\":1}"
#define LAYERS                                                                 \
    LIMIT ",\"model\":{\"layers\":[{\"type\":\"dense\",\"units\":2}]}"

START_TEST(refusals_name_the_place)
{
    static const struct {
        const char *body, *code, *place;
        int status;
    } row[] = {
        {"{", "malformed-body", "\"byte\":", 400},
        {"[]", "invalid-option", "", 422},
        {"{\"epochs\":0}", "invalid-option", "", 422},
        {"{\"dataset\":{\"id\":\"" ZERO_ID "\"}," LAYERS "}", "not-found",
         "\"/dataset/id\"", 404},
        {"{" LIMIT
         ",\"dataset\":{\"generate\":\"two-moons\"},\"model\":{\"id\":"
         "\"" ZERO_ID "\"}}",
         "not-found", "\"/model/id\"", 404},
        {"{\"dataset\":{\"inline\":{\"x\":[[1],[2]],\"y\":[0,7]}}," LAYERS "}",
         "invalid-option", "", 422},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct http_answer answer;
        train(&answer, "", row[i].body);
        ck_assert_msg(http_is_problem(&answer, row[i].status, row[i].code),
                      "%s", row[i].body);
        ck_assert_msg(http_has(&answer, row[i].place), "%s", answer.body);
        contract_add("Problem", answer.body);
        http_clear(&answer);
    }
}
END_TEST

START_TEST(only_json_and_not_too_much_of_it)
{
    static char large[9 << 20];
    struct http_answer answer;
    http_ask(&answer, daemon_.port, "POST", "/train", "text/csv", SHORT,
             strlen(SHORT));
    ck_assert(http_is_problem(&answer, 415, "unsupported-format"));
    http_clear(&answer);
    http_ask(&answer, daemon_.port, "POST", "/train",
             "Application/JSON; charset=utf-8", SHORT, strlen(SHORT));
    ck_assert_int_eq(answer.status, 202);
    http_clear(&answer);
    http_ask(&answer, daemon_.port, "POST", "/train", "application/json", large,
             sizeof large);
    ck_assert(http_is_problem(&answer, 413, "body-too-large"));
    ck_assert(http_has(&answer, "/datasets"));
    http_clear(&answer);
    ck_assert(daemon_metric_rests(&daemon_, "reserved_bytes", 10));
}
END_TEST

/* Inline data are stored, once. */
START_TEST(inline_data_become_a_data_set)
{
    static const char body[] =
        "{\"dataset\":{\"inline\":{\"x\":[[0,1],[1,0],[2,2],[3,1],[1,1],[0,0],"
        "[5,5],[4,4],[6,5],[5,4]],\"y\":[0,0,0,0,0,0,1,1,1,1]}}," LAYERS
        ",\"epochs\":2}";
    struct http_answer answer;
    for (int i = 0; i < 2; i++) {
        begin("", body);
        becomes("succeeded");
    }
    http_get(&answer, daemon_.port, "/datasets");
    json_t *list = json_loads(answer.body, 0, NULL);
    ck_assert_uint_eq(json_array_size(json_object_get(list, "datasets")), 1);
    json_decref(list);
    http_clear(&answer);
}
END_TEST

START_TEST(without_a_folder_there_are_no_jobs)
{
    struct http_answer answer;
    struct daemon other;
    daemon_start(&other, NULL);
    http_post(&answer, other.port, "/train", SHORT);
    ck_assert(http_is_problem(&answer, 404, "not-found"));
    ck_assert(http_has(&answer, "--data-dir"));
    http_clear(&answer);
    static const char *const target[] = {"/jobs", "/jobs/0", "/jobs/0/events"};
    for (int i = 0; i < 3; i++) {
        http_get(&answer, other.port, target[i]);
        ck_assert(http_is_problem(&answer, 404, "not-found"));
        http_clear(&answer);
    }
    daemon_end(&other);
}
END_TEST

/* --- while one runs */

START_TEST(cancelling)
{
    char running[64];
    begin("", LONG);
    becomes("running");
    snprintf(running, sizeof running, "%s", job);
    begin("", LONG); /* waits: one runs at a time */
    cancel(200);
    becomes("cancelled");
    snprintf(job, sizeof job, "%s", running);
    cancel(202);
    double start = lip_now();
    becomes("cancelled");
    ck_assert_double_lt(lip_now() - start, 20);
    cancel(200);
}
END_TEST

START_TEST(the_queue_is_bounded)
{
    struct http_answer answer;
    daemon_end(&daemon_);
    prepare();
    run("--max-jobs", "2");
    begin("", LONG);
    becomes("running");
    char running[64];
    snprintf(running, sizeof running, "%s", job);
    begin("", SHORT);
    begin(KEY("k"), SHORT);
    train(&answer, "", SHORT);
    ck_assert(http_is_problem(&answer, 503, "overloaded"));
    ck_assert_str_ne(http_field(&answer, "Retry-After"), "");
    http_clear(&answer);
    begin(KEY("k"), SHORT); /* it is there already */
    snprintf(job, sizeof job, "%s", running);
    cancel(202);
}
END_TEST

/* Who asks after a job is answered though every worker computes. */
START_TEST(computations_hold_up_nobody_who_asks)
{
    struct http_client busy[3];
    struct http_answer answer;
    daemon_end(&daemon_);
    prepare();
    run("--workers", "1");
    begin("", SHORT);
    becomes("succeeded");
    for (int i = 0; i < 3; i++)
        http_send_wide(&busy[i], daemon_.port, 600, 6);
    ck_assert(daemon_metric_reaches(&daemon_, "queue_depth", 2, 30));
    double start = lip_now();
    http_get(&answer, daemon_.port, at("?wait=5"));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    http_get(&answer, daemon_.port, "/jobs");
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    /* Before the first of the three was done, and no wait for what is over. */
    ck_assert(daemon_metric(&daemon_, "queue_depth") >= 2);
    ck_assert_double_lt(lip_now() - start, 5);
    for (int i = 0; i < 3; i++)
        http_close(&busy[i]);
}
END_TEST

/* --- the end of the daemon */

START_TEST(draining_ends_streams_and_waits_and_the_job_goes_on)
{
    enum { STREAMS = 60, WAITS = 60 };
    static struct http_client stream[STREAMS], waiting[WAITS];
    struct http_answer answer;
    begin("", LONG);
    becomes("running");
    for (int i = 0; i < STREAMS; i++)
        follow(&stream[i], "/events");
    for (int i = 0; i < WAITS; i++) {
        char head[512];
        snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
                 at("?wait=60"));
        http_open(&waiting[i], daemon_.port);
        http_say(&waiting[i], head);
    }
    for (int i = 0; i < STREAMS; i++)
        ck_assert(http_receives(&stream[i], "event: progress", 30));
    ck_assert(daemon_metric_reaches(&daemon_, "requests_in_flight",
                                    STREAMS + WAITS + 1, 10));
    double start = lip_now();
    daemon_signal(&daemon_, SIGTERM);
    for (int i = 0; i < STREAMS; i++)
        ck_assert(http_receives(&stream[i], NULL, 10));
    for (int i = 0; i < WAITS; i++) {
        ck_assert(http_read(&answer, &waiting[i], false));
        ck_assert_int_eq(answer.status, 200);
        http_clear(&answer);
        http_close(&waiting[i]);
    }
    double took = lip_now() - start;
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    ck_assert_msg(took < 15, "%g s", took); /* of --drain-timeout 30 */
    /* The next daemon goes on, and so do the streams. */
    long last = last_id(&stream[0]);
    for (int i = 0; i < STREAMS; i++)
        http_close(&stream[i]);
    run(NULL, NULL);
    char rest[64], first[32];
    snprintf(rest, sizeof rest, "/events?last_event_id=%ld", last);
    snprintf(first, sizeof first, "\n\nid: %ld\n", last + 1);
    follow(&stream[0], rest);
    ck_assert(http_receives(&stream[0], "event: progress", 30));
    ck_assert_ptr_nonnull(strstr(stream[0].pending, first));
    cancel(202);
    ck_assert(http_receives(&stream[0], NULL, 30));
    ck_assert_ptr_nonnull(strstr(stream[0].pending, "cancelled"));
    http_close(&stream[0]);
}
END_TEST

/* As many as may be; the others are told to come back; who leaves makes
 * room; nothing is left over. */
START_TEST(three_hundred_streams)
{
    enum { COUNT = 300, MOST = 256 };
    static struct http_client stream[COUNT];
    int refused = 0;
    begin("", LONG);
    becomes("running");
    for (int i = 0; i < COUNT; i++)
        follow(&stream[i], "/events");
    for (int i = 0; i < COUNT; i++) {
        ck_assert(http_receives(&stream[i], "\r\n\r\n", 20));
        bool full = strstr(stream[i].pending, " 503 ") != NULL;
        refused += full;
        ck_assert(full || http_receives(&stream[i], "event: progress", 30));
        if (full)
            ck_assert_ptr_nonnull(strstr(stream[i].pending, "Retry-After: "));
    }
    ck_assert_int_eq(refused, COUNT - MOST);
    ck_assert_double_eq(daemon_metric(&daemon_, "event_streams"), MOST);
    for (int i = 0; i < COUNT; i++)
        http_close(&stream[i]);
    ck_assert(daemon_metric_rests(&daemon_, "event_streams", 10));
    follow(&stream[0], "/events");
    ck_assert(http_receives(&stream[0], "event: state", 10));
    http_close(&stream[0]);
    cancel(202);
}
END_TEST

START_TEST(documents_follow_the_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/jobs");
    TCase *tcase = tcase_create("jobs");
    tcase_set_timeout(tcase, 120);
    tcase_add_unchecked_fixture(tcase, contract_open, NULL);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_run_from_beginning_to_end);
    tcase_add_test(tcase, a_key_makes_one_job);
    tcase_add_test(tcase, bad_keys);
    tcase_add_test(tcase, refusals_name_the_place);
    tcase_add_test(tcase, only_json_and_not_too_much_of_it);
    tcase_add_test(tcase, inline_data_become_a_data_set);
    tcase_add_test(tcase, without_a_folder_there_are_no_jobs);
    tcase_add_test(tcase, cancelling);
    tcase_add_test(tcase, the_queue_is_bounded);
    tcase_add_test(tcase, computations_hold_up_nobody_who_asks);
    tcase_add_test(tcase, draining_ends_streams_and_waits_and_the_job_goes_on);
    tcase_add_test(tcase, three_hundred_streams);
    suite_add_tcase(suite, tcase);
    TCase *contract = tcase_create("contract");
    tcase_add_test(contract, documents_follow_the_contract);
    suite_add_tcase(suite, contract);
    return run_suite(suite);
}
