/* SPDX-License-Identifier: MIT
 *
 * What is promised of training jobs: a cancelled one keeps a model within the
 * limit, a repeated submission is one job, a model is bounded by /bound as its
 * job said, and the same request gives the same bytes on any number of
 * threads, whatever runs beside it. */
#include "base/context.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The most that may be asked for: more than any machine does while the test
 * runs. */
enum { ENDLESS = 100000 };
static const double limit = 1.5, patience = 240;

static struct daemon daemon_;

static void start(struct daemon *daemon, const char *jobs, const char *threads)
{
    char data[80];
    daemon_prepare(daemon);
    snprintf(data, sizeof data, "%s/data", daemon->directory);
    daemon_run(daemon, (const char *[]){"--data-dir", data, "--jobs", jobs,
                                        "--job-threads", threads, NULL});
}

static void submit(char id[JOB_ID], const struct daemon *daemon, size_t width,
                   size_t epochs, unsigned seed)
{
    const struct job_request request = {width, epochs, seed};
    char body[JOB_BODY];
    job_body(body, &request);
    job_submit(id, daemon, body);
}

static void cancel(const struct daemon *daemon, const char *id)
{
    struct http_answer answer;
    char target[JOB_ID + 8];
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_ask(&answer, daemon->port, "DELETE", target, NULL, NULL, 0);
    ck_assert_msg(answer.status / 100 == 2, "%d %s", answer.status,
                  answer.body);
    http_clear(&answer);
}

/* The bound that POST /bound proves of a stored model by this method. */
static double bound(const struct daemon *daemon, const char *model,
                    const char *method)
{
    struct http_answer answer;
    char body[300];
    snprintf(body, sizeof body,
             "{\"model\":{\"id\":\"%s\"},\"methods\":[\"%s\"]}", model, method);
    http_post(&answer, daemon->port, "/bound", body);
    ck_assert_msg(answer.status == 200, "%s", answer.body);
    json_t *json = json_loads(answer.body, 0, NULL);
    const json_t *best = json_object_get(json, "best");
    double value = json_number_value(json_object_get(best, "upper_bound"));
    json_decref(json);
    http_clear(&answer);
    return value;
}

static void check_bound(const struct daemon *daemon, const json_t *job)
{
    const json_t *said =
        json_object_get(json_object_get(job, "result"), "bound");
    const char *method = json_string_value(json_object_get(said, "method"));
    ck_assert_double_le(job_bound(job), limit);
    ck_assert_double_eq(bound(daemon, job_model(job), method), job_bound(job));
}

/* The epochs that are done, as the job says. */
static double epochs_done(const struct daemon *daemon, const char *id)
{
    json_t *job = job_show(daemon, id);
    const json_t *progress = json_object_get(job, "progress");
    double done = json_number_value(json_object_get(progress, "done"));
    json_decref(job);
    return done;
}

START_TEST(a_cancelled_job_keeps_its_model)
{
    char id[JOB_ID];
    start(&daemon_, "1", "1");
    submit(id, &daemon_, 128, ENDLESS, 1);
    for (double end = lip_now() + patience; epochs_done(&daemon_, id) < 3;) {
        ck_assert_msg(lip_now() < end, "no progress");
        usleep(20000);
    }
    cancel(&daemon_, id);
    json_t *job = job_await(&daemon_, id, patience);
    ck_assert_str_eq(job_state(job), "cancelled");
    check_bound(&daemon_, job);
    json_decref(job);
    daemon_end(&daemon_);
}
END_TEST

/* Neither one that waits nor one that has just been started is in the way of
 * others when it is cancelled. */
START_TEST(cancelled_jobs_make_room)
{
    char id[4][JOB_ID];
    start(&daemon_, "1", "1");
    for (unsigned i = 0; i < 3; i++)
        submit(id[i], &daemon_, 128, ENDLESS, i);
    submit(id[3], &daemon_, 32, 3, 3);
    for (int i = 2; i >= 0; i--)
        cancel(&daemon_, id[i]);
    json_t *job = job_await(&daemon_, id[3], patience);
    ck_assert_str_eq(job_state(job), "succeeded");
    json_decref(job);
    for (int i = 0; i < 3; i++) {
        job = job_await(&daemon_, id[i], patience);
        ck_assert_str_eq(job_state(job), "cancelled");
        json_decref(job);
    }
    daemon_end(&daemon_);
}
END_TEST

START_TEST(models_are_bounded_as_their_job_said)
{
    char id[JOB_ID];
    start(&daemon_, "1", "1");
    submit(id, &daemon_, 48, 20, 5);
    json_t *job = job_await(&daemon_, id, patience);
    ck_assert_str_eq(job_state(job), "succeeded");
    check_bound(&daemon_, job);
    json_decref(job);
    daemon_end(&daemon_);
}
END_TEST

/* POST /train with a key; the answer's status, and the id of the job. */
static int submit_with_key(char id[JOB_ID], const char *key, const char *body)
{
    struct http_answer answer;
    char field[300];
    snprintf(field, sizeof field, "Idempotency-Key: %s\r\n", key);
    http_post_with(&answer, daemon_.port, "/train", field, body);
    json_t *json = json_loads(answer.body, 0, NULL);
    const char *given = json_string_value(json_object_get(json, "id"));
    snprintf(id, JOB_ID, "%s", given ? given : "");
    int status = answer.status;
    json_decref(json);
    http_clear(&answer);
    return status;
}

START_TEST(a_repeated_submission_is_one_job)
{
    char one[JOB_ID], two[JOB_ID], body[JOB_BODY], other[JOB_BODY];
    const struct job_request request = {8, 3, 1}, another = {8, 3, 2};
    job_body(body, &request);
    job_body(other, &another);
    start(&daemon_, "1", "1");
    ck_assert_int_eq(submit_with_key(one, "\"k-1\"", body), 202);
    ck_assert_int_eq(submit_with_key(two, "\"k-1\"", body), 202);
    ck_assert_str_eq(one, two);
    ck_assert_int_eq(submit_with_key(two, "\"k-1\"", other), 409);
    json_decref(job_await(&daemon_, one, patience));
    ck_assert_int_eq(submit_with_key(two, "\"k-1\"", body), 202);
    ck_assert_str_eq(one, two);
    ck_assert_int_eq(submit_with_key(two, "\"k-2\"", body), 202);
    ck_assert_str_ne(one, two);
    json_decref(job_await(&daemon_, two, patience));
    daemon_end(&daemon_);
}
END_TEST

/* Two daemons, one of them with two threads a job and two jobs at once: the
 * same request is submitted twice to each. */
START_TEST(the_same_request_gives_the_same_bytes)
{
    enum { COPIES = 2 };
    struct daemon other;
    char id[2][COPIES][JOB_ID];
    struct bytes first = {0};
    start(&daemon_, "1", "1");
    start(&other, "2", "2");
    const struct daemon *both[] = {&daemon_, &other};
    for (int d = 0; d < 2; d++)
        for (int i = 0; i < COPIES; i++)
            submit(id[d][i], both[d], 96, 8, 11);
    for (int d = 0; d < 2; d++)
        for (int i = 0; i < COPIES; i++) {
            struct bytes bytes = {0};
            json_t *job = job_await(both[d], id[d][i], patience);
            ck_assert_str_eq(job_state(job), "succeeded");
            job_model_bytes(&bytes, both[d], job_model(job));
            if (first.size == 0)
                bytes_put(&first, bytes.data, bytes.size);
            ck_assert_uint_eq(bytes.size, first.size);
            ck_assert_mem_eq(bytes.data, first.data, first.size);
            bytes_clear(&bytes);
            json_decref(job);
        }
    bytes_clear(&first);
    daemon_end(&daemon_);
    daemon_end(&other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/jobs_promises");
    TCase *test = tcase_create("promises");
    tcase_set_timeout(test, 300);
    tcase_add_test(test, a_cancelled_job_keeps_its_model);
    tcase_add_test(test, cancelled_jobs_make_room);
    tcase_add_test(test, models_are_bounded_as_their_job_said);
    tcase_add_test(test, a_repeated_submission_is_one_job);
    tcase_add_test(test, the_same_request_gives_the_same_bytes);
    suite_add_tcase(suite, test);
    return run_suite(suite);
}
