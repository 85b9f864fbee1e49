/* SPDX-License-Identifier: MIT
 *
 * What a daemon tells of its work: metrics of requests, jobs and their store.
 */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const double patience = 120;

static struct daemon daemon_;

/* With a data directory, and these flags besides. */
static void start(const char *flag, const char *value)
{
    char data[80];
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    daemon_run(&daemon_,
               (const char *[]){"--data-dir", data, "--jobs", "1",
                                "--job-threads", "1", flag, value, NULL});
}

static void submit(char id[JOB_ID], size_t width, size_t epochs)
{
    const struct job_request request = {width, epochs, 1};
    char body[JOB_BODY];
    job_body(body, &request);
    job_submit(id, &daemon_, body);
}

static void await(const char *id, const char *state)
{
    json_t *job = job_await(&daemon_, id, patience);
    ck_assert_str_eq(job_state(job), state);
    json_decref(job);
}

static bool reaches(const char *series, double value)
{
    return daemon_metric_reaches(&daemon_, series, value, 10);
}

START_TEST(jobs_are_counted_by_what_became_of_them)
{
    char id[JOB_ID], target[JOB_ID + 8];
    struct http_answer answer;
    start(NULL, NULL);
    submit(id, 8, 3);
    await(id, "succeeded");
    ck_assert(
        reaches("jobs_ended_total{kind=\"train\",state=\"succeeded\"}", 1));
    ck_assert(reaches("job_exits_total{how=\"done\"}", 1));
    ck_assert(daemon_metric(&daemon_, "job_seconds_total{kind=\"train\"}") > 0);
    ck_assert(daemon_metric(&daemon_, "store_seconds_count{call=\"add\"}") ==
              1);
    ck_assert(daemon_metric(&daemon_, "store_seconds_count{call=\"finish\"}") ==
              1);
    ck_assert(daemon_metric(&daemon_, "store_seconds_count{call=\"claim\"}") >=
              1);
    ck_assert(daemon_metric(&daemon_, "store_seconds_count{call=\"get\"}") >=
              1);
    submit(id, 256, 100000);
    job_await_state(&daemon_, id, "running", patience);
    ck_assert(reaches("jobs_running", 1));
    kill(job_process_await(&daemon_), SIGKILL);
    ck_assert(reaches("job_exits_total{how=\"crashed\"}", 1));
    ck_assert(reaches("jobs_running", 1));
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_ask(&answer, daemon_.port, "DELETE", target, NULL, NULL, 0);
    http_clear(&answer);
    await(id, "cancelled");
    ck_assert(
        reaches("jobs_ended_total{kind=\"train\",state=\"cancelled\"}", 1));
    ck_assert(daemon_metric_rests(&daemon_, "jobs_running", 10));
    daemon_end(&daemon_);
}
END_TEST

/* "Read your files again", to every process of the service. */
START_TEST(a_hangup_of_all_processes_ends_no_job)
{
    char id[JOB_ID];
    start(NULL, NULL);
    submit(id, 256, 100000);
    job_await_state(&daemon_, id, "running", patience);
    ck_assert(reaches("jobs_running", 1));
    pid_t process = job_process_await(&daemon_);
    ck_assert_int_eq(kill(process, SIGHUP), 0);
    daemon_signal(&daemon_, SIGHUP);
    usleep(700000);
    ck_assert_int_eq(job_process(&daemon_), process);
    ck_assert(daemon_metric(&daemon_, "job_exits_total{how=\"crashed\"}") <= 0);
    daemon_end(&daemon_);
}
END_TEST

START_TEST(requests_are_measured)
{
    struct http_answer answer;
    start(NULL, NULL);
    http_post(&answer, daemon_.port, "/bound", TINY_BOUND);
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    ck_assert(
        reaches("request_seconds_count{method=\"POST\",route=\"/bound\"}", 1));
    ck_assert(daemon_metric(&daemon_, "models_read_total{format=\"json\"}") ==
              1);
    ck_assert(daemon_metric_rests(&daemon_, "in_flight_bytes", 10));
    ck_assert(daemon_metric(&daemon_, "resident_bytes") > 1e6);
    ck_assert(daemon_metric(&daemon_, "open_descriptors") > 5);
    ck_assert(daemon_metric(&daemon_, "cpu_seconds_total") > 0);
    daemon_end(&daemon_);
}
END_TEST

/* One worker is busy, a request waits, an upload is under way. */
START_TEST(what_waits_is_seen)
{
    struct http_client busy, waits, uploads;
    start("--workers", "1");
    http_send_wide(&busy, daemon_.port, 400, 6);
    ck_assert(reaches("workers_busy", 1));
    http_send_wide(&waits, daemon_.port, 40, 2);
    ck_assert(reaches("queue_depth", 1));
    ck_assert(reaches("queue_oldest_seconds", 0.2));
    http_open(&uploads, daemon_.port);
    http_say(&uploads, "POST /bound HTTP/1.1\r\nHost: a\r\n"
                       "Content-Length: 1000000\r\n\r\n{\"model\": ");
    ck_assert(reaches("in_flight_bytes", 10));
    http_close(&uploads);
    http_close(&busy);
    http_close(&waits);
    ck_assert(daemon_metric_rests(&daemon_, "in_flight_bytes", 60));
    daemon_end(&daemon_);
}
END_TEST

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

/* POST with a request id and a traceparent. */
static void post_traced(struct http_answer *answer, const char *target,
                        const char *body, const char *traceparent)
{
    char fields[300];
    snprintf(fields, sizeof fields,
             "X-Request-Id: the-request\r\ntraceparent: %s\r\n", traceparent);
    http_ask_with(answer, daemon_.port, "POST", target, fields, body,
                  strlen(body));
}

/* The trace that a request belongs to stands in its line of the log and in
 * those of the job it made, even after a restart. */
START_TEST(traces_go_on_in_jobs)
{
    const struct job_request request = {8, 3, 1};
    struct http_answer answer;
    char body[JOB_BODY], id[JOB_ID];
    job_body(body, &request);
    start(NULL, NULL);
    post_traced(&answer, "/train", body, "00-" TRACE "-" PARENT "-01");
    ck_assert_int_eq(answer.status, 202);
    const char *field = http_field(&answer, "traceresponse");
    ck_assert_uint_eq(strlen(field), 55);
    ck_assert_int_eq(strncmp(field, "00-" TRACE "-", 36), 0);
    ck_assert_ptr_null(strstr(field, PARENT));
    snprintf(id, sizeof id, "%s", http_field(&answer, "Location") + 6);
    http_clear(&answer);
    await(id, "succeeded");
    ck_assert(daemon_logged(&daemon_, "\"request\"", "\"trace\":\"" TRACE));
    ck_assert(daemon_logged(&daemon_, "\"request\"", "\"parent\":\"" PARENT));
    ck_assert(daemon_logged(&daemon_, "\"job-add\"", "\"the-request\""));
    ck_assert(daemon_logged(&daemon_, "\"job-add\"", "\"trace\":\"" TRACE));
    ck_assert(daemon_logged(&daemon_, "\"job-start\"", "\"trace\":\"" TRACE));
    ck_assert(daemon_logged(&daemon_, "\"job-end\"", "\"trace\":\"" TRACE));
    daemon_end(&daemon_);
}
END_TEST

START_TEST(bad_traces_are_ignored)
{
    static const char *const fields[] = {
        "nonsense", "00-" TRACE "-0000000000000000-01",
        "00-" TRACE "-" PARENT "-01\r\ntraceparent: 00-" TRACE "-" PARENT
        "-01"};
    struct http_answer answer;
    start(NULL, NULL);
    for (size_t i = 0; i < 3; i++) {
        post_traced(&answer, "/bound", TINY_BOUND, fields[i]);
        ck_assert_int_eq(answer.status, 200);
        ck_assert_str_eq(http_field(&answer, "traceresponse"), "");
        http_clear(&answer);
    }
    ck_assert(daemon_logged(&daemon_, "\"request\"", "the-request"));
    ck_assert(!daemon_has_logged(&daemon_, "\"trace\"", ""));
    daemon_end(&daemon_);
}
END_TEST

/* One job runs, one waits, and no more may: said until that is over. */
START_TEST(too_many_waiting_jobs_make_it_unready)
{
    char running[JOB_ID], waiting[JOB_ID], target[JOB_ID + 8];
    struct http_answer answer;
    start("--max-jobs", "1");
    submit(running, 256, 100000);
    job_await_state(&daemon_, running, "running", patience);
    http_get(&answer, daemon_.port, "/readyz");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body, "{\"ready\":true}");
    http_clear(&answer);
    submit(waiting, 8, 3);
    ck_assert(reaches("jobs_queued", 1));
    http_get(&answer, daemon_.port, "/readyz");
    ck_assert_int_eq(answer.status, 503);
    ck_assert_str_eq(http_field(&answer, "Content-Type"), "application/json");
    ck_assert_str_ne(http_field(&answer, "Retry-After"), "");
    ck_assert(http_has(&answer, "{\"ready\":false,\"reasons\":[{\"code\":"
                                "\"jobs-full\",\"detail\":\""));
    http_clear(&answer);
    snprintf(target, sizeof target, "/jobs/%s", running);
    http_ask(&answer, daemon_.port, "DELETE", target, NULL, NULL, 0);
    http_clear(&answer);
    await(waiting, "succeeded");
    ck_assert(daemon_metric_rests(&daemon_, "jobs_queued", 10));
    http_get(&answer, daemon_.port, "/readyz");
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    daemon_end(&daemon_);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/observe");
    TCase *tcase = tcase_create("observe");
    tcase_set_timeout(tcase, 240);
    tcase_add_test(tcase, jobs_are_counted_by_what_became_of_them);
    tcase_add_test(tcase, a_hangup_of_all_processes_ends_no_job);
    tcase_add_test(tcase, requests_are_measured);
    tcase_add_test(tcase, what_waits_is_seen);
    tcase_add_test(tcase, traces_go_on_in_jobs);
    tcase_add_test(tcase, too_many_waiting_jobs_make_it_unready);
    tcase_add_test(tcase, bad_traces_are_ignored);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
