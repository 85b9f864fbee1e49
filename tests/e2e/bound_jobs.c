/* SPDX-License-Identifier: MIT
 *
 * Bounds as jobs, with the real daemon: the same document as at once, from
 * every form of the body, also after a restart; what is refused, and what ends
 * early. Nothing is kept of the answers: that is tests/e2e/results.c. */
#include "tests/support/contract.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL                                                                  \
    "{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2],[3,4],[0,-1]]},"       \
    "{\"type\":\"relu\"},{\"type\":\"dense\",\"weight\":[[1,-1,2]]}]}"

static struct daemon daemon_;
static char data[80];

static void run(void)
{
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, "--jobs", "1",
                                          "--max-results", "0", NULL});
}

static void setup(void)
{
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    run();
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

/* POST /bound with header fields. */
static void bound(struct http_answer *answer, const char *query,
                  const char *fields, const char *body)
{
    char target[200];
    snprintf(target, sizeof target, "/bound%s", query);
    http_post_with(answer, daemon_.port, target, fields, body);
}

#define ASYNC "Prefer: respond-async\r\n"

/* Accepted as a job, whose id goes to `id`. */
static void begin(char id[JOB_ID], const char *query, const char *fields,
                  const char *body)
{
    struct http_answer answer;
    bound(&answer, query, fields, body);
    ck_assert_msg(answer.status == 202, "%s", answer.body);
    ck_assert_str_eq(http_field(&answer, "Preference-Applied"),
                     "respond-async");
    ck_assert_int_eq(sscanf(http_field(&answer, "Location"), "/jobs/%63s", id),
                     1);
    contract_add("Job", answer.body);
    http_clear(&answer);
}

/* The bound of a method in an answer document. */
static double value_of(const json_t *document, const char *method)
{
    json_t *bounds = json_object_get(document, "bounds"), *entry;
    size_t i;
    json_array_foreach(bounds, i, entry) if (
        !strcmp(
            json_string_value(json_object_get(entry, "method")),
            method)) return json_number_value(json_object_get(entry,
                                                              "upper_bound"));
    ck_abort_msg("no %s", method);
    return 0;
}

static const char *const forms[] = {"{\"model\":" MODEL ",\"methods\":"
                                    "[\"spectral\",\"lipsdp\"]}",
                                    MODEL};

/* The document is that of the request without the preference. */
START_TEST(a_job_gives_the_same_document)
{
    char id[JOB_ID];
    struct http_answer now;
    const char *query = _i ? "?methods=spectral,lipsdp" : "";
    bound(&now, query, "Prefer: return=minimal\r\n", forms[_i]);
    ck_assert_int_eq(now.status, 200);
    begin(id, query, "Prefer: wait=1, respond-async\r\n", forms[_i]);
    json_t *job = job_await(&daemon_, id, 20);
    ck_assert_str_eq(job_state(job), "succeeded");
    ck_assert_str_eq(json_string_value(json_object_get(job, "kind")), "bound");
    json_t *later = json_object_get(job, "result");
    json_t *at_once = json_loads(now.body, 0, NULL);
    static const char *const method[] = {"spectral", "lipsdp"};
    for (int k = 0; k < 2; k++)
        ck_assert_double_eq(value_of(later, method[k]),
                            value_of(at_once, method[k]));
    char *text = json_dumps(later, JSON_COMPACT);
    contract_add("BoundAnswer", text);
    free(text);
    ck_assert(json_equal(json_object_get(later, "model"),
                         json_object_get(at_once, "model")));
    json_decref(job);
    json_decref(at_once);
    http_clear(&now);
}
END_TEST

/* Progress counts the methods, its best is the answer's; and the daemon counts
 * the time of each, whoever computed it. */
START_TEST(methods_of_jobs_are_told_of)
{
    char id[JOB_ID];
    double done, total, least;
    const char *unit;
    begin(id, "", ASYNC, forms[0]);
    json_t *job = job_await(&daemon_, id, 20);
    ck_assert_int_eq(json_unpack(job, "{s:{s:F,s:F,s:s,s:{s:F}}}", "progress",
                                 "done", &done, "total", &total, "unit", &unit,
                                 "metrics", "upper_bound", &least),
                     0);
    ck_assert(done == 2 && total == 2);
    ck_assert_str_eq(unit, "method");
    ck_assert_double_eq(least,
                        value_of(json_object_get(job, "result"), "lipsdp"));
    json_decref(job);
    ck_assert(daemon_metric(&daemon_,
                            "bound_seconds_count{method=\"spectral\"}") == 1);
    ck_assert(
        daemon_metric(&daemon_, "bound_seconds_count{method=\"lipsdp\"}") == 1);
}
END_TEST

START_TEST(what_is_wrong_is_said_at_once)
{
    static const struct {
        const char *body, *fields;
        int status;
        const char *code;
    } row[] = {
        {"{\"model\":{\"layers\":[]}}", ASYNC, 422, "invalid-model"},
        {"{\"model\":" MODEL ",\"norm\":7}", ASYNC, 422, "invalid-option"},
        {"{", ASYNC, 400, "malformed-body"},
        {"{\"model\":{\"id\":\"sha256:"
         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
         "\"}}",
         ASYNC, 404, "not-found"},
        {MODEL, ASYNC "Idempotency-Key: \r\n", 400, "bad-request"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct http_answer answer;
        bound(&answer, "", row[i].fields, row[i].body);
        ck_assert_msg(http_is_problem(&answer, row[i].status, row[i].code),
                      "%zu: %d %s", i, answer.status, answer.body);
        contract_add("Problem", answer.body);
        http_clear(&answer);
    }
}
END_TEST

/* The same key gives the same job; with another body, query or type, which all
 * say what is asked, a conflict: nobody is given the answer to another
 * question. */
START_TEST(a_key_gives_the_same_job)
{
    char first[JOB_ID], second[JOB_ID];
    struct http_answer answer;
    begin(first, "", ASYNC "Idempotency-Key: k\r\n", forms[0]);
    begin(second, "", ASYNC "Idempotency-Key: k\r\n", forms[0]);
    ck_assert_str_eq(first, second);
    bound(&answer, "", ASYNC "Idempotency-Key: k\r\n", forms[1]);
    ck_assert(http_is_problem(&answer, 409, "idempotency-conflict"));
    http_clear(&answer);
    static const char *const other[] = {"?norm=1", "?lower_bound=1",
                                        "?time_limit=3"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        bound(&answer, other[i], ASYNC "Idempotency-Key: k\r\n", forms[0]);
        ck_assert_msg(http_is_problem(&answer, 409, "idempotency-conflict"),
                      "%s: %d", other[i], answer.status);
        http_clear(&answer);
    }
}
END_TEST

/* Accepted work survives kill -9, its body with it. */
START_TEST(the_body_survives_the_daemon)
{
    enum { JOBS = 12 };
    char id[JOBS][JOB_ID];
    for (int i = 0; i < JOBS; i++)
        begin(id[i], "", ASYNC, forms[0]);
    daemon_signal(&daemon_, SIGKILL);
    daemon_wait(&daemon_);
    run();
    for (int i = 0; i < JOBS; i++) {
        json_t *job = job_await(&daemon_, id[i], 30);
        ck_assert_str_eq(job_state(job), "succeeded");
        ck_assert_double_gt(
            value_of(json_object_get(job, "result"), "spectral"), 0);
        json_decref(job);
    }
}
END_TEST

/* A model that takes minutes is given up when the client says so. */
START_TEST(a_job_can_be_cancelled)
{
    char id[JOB_ID], target[100];
    struct http_answer answer;
    size_t n = 400, room = 16 * n * n, used = 0;
    char *body = malloc(room);
    used += (size_t)snprintf(body + used, room - used, "{\"layers\":[");
    for (size_t l = 0; l < 4; l++) {
        used += (size_t)snprintf(body + used, room - used,
                                 "%s{\"type\":\"dense\",\"weight\":[",
                                 l ? ",{\"type\":\"relu\"}," : "");
        for (size_t i = 0; i < n / 2; i++) {
            used +=
                (size_t)snprintf(body + used, room - used, "%s[", i ? "," : "");
            for (size_t j = 0; j < n / 2; j++)
                used +=
                    (size_t)snprintf(body + used, room - used, "%s%zu",
                                     j ? "," : "", (i * 7 + j * j + l) % 9 + 1);
            used += (size_t)snprintf(body + used, room - used, "]");
        }
        used += (size_t)snprintf(body + used, room - used, "]}");
    }
    snprintf(body + used, room - used, "]}");
    begin(id, "?methods=eclipse&time_limit=500", ASYNC, body);
    free(body);
    job_await_state(&daemon_, id, "running", 20);
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_ask(&answer, daemon_.port, "DELETE", target, NULL, NULL, 0);
    ck_assert(answer.status == 202 || answer.status == 200);
    http_clear(&answer);
    json_t *job = job_await(&daemon_, id, 20);
    ck_assert_str_eq(job_state(job), "cancelled");
    json_decref(job);
}
END_TEST

/* --- without being asked */

/* For a daemon that takes every method to need hours. */
static void run_slow(const char *job_time)
{
    daemon_end(&daemon_);
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    daemon_run(&daemon_,
               (const char *[]){"--data-dir", data, "--flops-per-second", "1",
                                "--max-time", "5", "--job-time", job_time,
                                "--jobs", "1", "--max-results", "0", NULL});
}

static void expect_status(int status, const char *query, const char *fields,
                          const char *body)
{
    struct http_answer answer;
    bound(&answer, query, fields, body);
    ck_assert_msg(answer.status == status, "%s %s: %d %s", query, fields,
                  answer.status, answer.body);
    bool at_once = status == 200 && strstr(fields, "wait=");
    ck_assert_str_eq(http_field(&answer, "Preference-Applied"),
                     at_once ? "wait=9" : "");
    ck_assert(!*http_field(&answer, "Location") == (status != 202));
    ck_assert(!*http_field(&answer, "Retry-After") == (status != 202));
    http_clear(&answer);
}

/* What takes longer than --max-time becomes a job by itself; a time limit that
 * fits, `auto`, `all` and who waits get their answer. */
START_TEST(long_work_becomes_a_job)
{
    static const struct {
        const char *query, *fields;
        int status;
    } row[] = {
        {"?methods=spectral", "", 202},
        {"?methods=spectral,lipsdp", "Prefer: handling=strict\r\n", 202},
        {"?methods=spectral", "Prefer: wait=9\r\n", 200},
        {"?methods=spectral&time_limit=5", "", 200},
        {"?methods=spectral&time_limit=5.1", "", 202},
        {"?time_limit=5.1", "", 202},
        {"?methods=all&time_limit=5.1", "Prefer: wait=9\r\n", 200},
        {"?methods=all", "", 200},
    };
    run_slow("8640000");
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        expect_status(row[i].status, row[i].query, row[i].fields, MODEL);
    expect_status(202, "", "",
                  "{\"model\":" MODEL ",\"methods\":[\"spectral\"]}");
}
END_TEST

static void store_model(char id[80])
{
    struct http_answer answer;
    http_ask(&answer, daemon_.port, "POST", "/models", "application/json",
             MODEL, strlen(MODEL));
    ck_assert_int_eq(answer.status, 201);
    json_t *stored = json_loads(answer.body, 0, NULL);
    snprintf(id, 80, "%s", json_string_value(json_object_get(stored, "id")));
    json_decref(stored);
    http_clear(&answer);
}

/* Of a stored model too, with the answer that there would have been. */
START_TEST(the_job_gives_the_answer)
{
    char model[80], body[200], location[JOB_ID];
    struct http_answer answer;
    run_slow("8640000");
    store_model(model);
    snprintf(body, sizeof body,
             "{\"model\":{\"id\":\"%s\"},\"methods\":[\"spectral\"]}", model);
    bound(&answer, "", "", body);
    ck_assert_msg(answer.status == 202, "%s", answer.body);
    contract_add("Job", answer.body);
    ck_assert_int_eq(
        sscanf(http_field(&answer, "Location"), "/jobs/%63s", location), 1);
    http_clear(&answer);
    json_t *job = job_await(&daemon_, location, 20);
    ck_assert_str_eq(job_state(job), "succeeded");
    ck_assert_double_gt(value_of(json_object_get(job, "result"), "spectral"),
                        0);
    json_decref(job);
}
END_TEST

/* What not even a job has the time for is refused, or ends as refused where the
 * model had to be loaded first; a limit of its own is respected. */
START_TEST(what_no_job_can_end_is_refused)
{
    char model[80], body[200], id[JOB_ID];
    struct http_answer answer;
    run_slow("6");
    static const char *const fields[] = {"", ASYNC};
    for (int i = 0; i < 2; i++) {
        bound(&answer, "?methods=spectral", fields[i], MODEL);
        ck_assert_msg(http_is_problem(&answer, 413, "model-too-large"), "%s",
                      answer.body);
        ck_assert(http_has(&answer, "--job-time"));
        contract_add("Problem", answer.body);
        http_clear(&answer);
    }
    store_model(model);
    snprintf(body, sizeof body,
             "{\"model\":{\"id\":\"%s\"},\"methods\":[\"spectral\"]}", model);
    begin(id, "", ASYNC, body);
    json_t *job = job_await(&daemon_, id, 20);
    ck_assert_str_eq(job_state(job), "failed");
    json_decref(job);
    begin(id, "?time_limit=6", ASYNC, body);
    job = job_await(&daemon_, id, 20);
    ck_assert_str_eq(job_state(job), "succeeded");
    json_decref(job);
}
END_TEST

/* Without --data-dir there are no jobs: the preference is passed over, as a
 * preference may be. */
START_TEST(without_jobs_the_answer_comes_at_once)
{
    struct daemon bare;
    struct http_answer answer;
    daemon_start(&bare, (const char *[]){NULL});
    unsigned port = daemon_.port;
    daemon_.port = bare.port;
    bound(&answer, "", ASYNC, forms[0]);
    daemon_.port = port;
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(http_field(&answer, "Preference-Applied"), "");
    http_clear(&answer);
    daemon_.port = bare.port;
    expect_status(200, "?methods=lipsdp&time_limit=7000", "", MODEL);
    daemon_.port = port;
    daemon_end(&bare);
}
END_TEST

START_TEST(documents_follow_the_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/bound_jobs");
    TCase *tc = tcase_create("bound_jobs");
    tcase_add_unchecked_fixture(tc, contract_open, NULL);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, a_job_gives_the_same_document, 0, 2);
    tcase_add_test(tc, methods_of_jobs_are_told_of);
    tcase_add_test(tc, what_is_wrong_is_said_at_once);
    tcase_add_test(tc, a_key_gives_the_same_job);
    tcase_add_test(tc, the_body_survives_the_daemon);
    tcase_add_test(tc, a_job_can_be_cancelled);
    tcase_add_test(tc, long_work_becomes_a_job);
    tcase_add_test(tc, the_job_gives_the_answer);
    tcase_add_test(tc, what_no_job_can_end_is_refused);
    tcase_add_test(tc, without_jobs_the_answer_comes_at_once);
    tcase_add_test(tc, documents_follow_the_contract);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
