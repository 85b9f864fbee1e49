/* SPDX-License-Identifier: MIT
 *
 * A copy that docker/backup.sh makes while jobs run has every job and every
 * model; a daemon that is started on it goes on where the copy was made. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double patience = 120;

static void run(struct daemon *daemon, const char *data)
{
    daemon_run(daemon, (const char *[]){"--data-dir", data, "--jobs", "1",
                                        "--job-threads", "1", NULL});
}

static void submit(char id[JOB_ID], const struct daemon *daemon, size_t width,
                   size_t epochs, unsigned seed)
{
    const struct job_request request = {width, epochs, seed};
    char body[JOB_BODY];
    job_body(body, &request);
    job_submit(id, daemon, body);
}

/* Waits for a job that succeeds; the id of its model. */
static void model_of(char out[128], const struct daemon *daemon, const char *id)
{
    json_t *job = job_await(daemon, id, patience);
    ck_assert_str_eq(job_state(job), "succeeded");
    snprintf(out, 128, "%s", job_model(job));
    json_decref(job);
}

static void cancel(const struct daemon *daemon, const char *id)
{
    char target[JOB_ID + 8];
    struct http_answer answer;
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_ask(&answer, daemon->port, "DELETE", target, NULL, NULL, 0);
    ck_assert_int_eq(answer.status / 100, 2);
    http_clear(&answer);
    json_decref(job_await(daemon, id, patience));
}

static void store_model(char out[128], const struct daemon *daemon)
{
    struct http_answer answer;
    http_post(&answer, daemon->port, "/models", TINY_BOUND);
    ck_assert_int_eq(answer.status, 201);
    snprintf(out, 128, "%s", http_field(&answer, "Location"));
    http_clear(&answer);
}

static void back_up(const char *data, const char *copy, int status)
{
    char command[300];
    snprintf(command, sizeof command, "docker/backup.sh %s %s", data, copy);
    ck_assert_int_eq(system(command) == 0, status == 0);
}

static void is_there(const struct daemon *daemon, const char *target)
{
    struct http_answer answer;
    http_get(&answer, daemon->port, target);
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
}

static void same_model(const struct daemon *daemon, const struct daemon *other,
                       const char *model)
{
    struct bytes one = {0}, two = {0};
    job_model_bytes(&one, daemon, model);
    job_model_bytes(&two, other, model);
    ck_assert_uint_eq(one.size, two.size);
    ck_assert_mem_eq(one.data, two.data, one.size);
    bytes_clear(&one);
    bytes_clear(&two);
}

START_TEST(a_copy_made_while_jobs_run_has_them_all)
{
    struct daemon first, second;
    char data[80], copy[80], done[JOB_ID], running[JOB_ID], waiting[JOB_ID];
    char stored[128], model[128], same[128], later[128];
    daemon_prepare(&first);
    daemon_prepare(&second);
    snprintf(data, sizeof data, "%s/data", first.directory);
    snprintf(copy, sizeof copy, "%s/data", second.directory);
    run(&first, data);
    store_model(stored, &first);
    submit(done, &first, 8, 3, 1);
    model_of(model, &first, done);
    submit(running, &first, 256, 100000, 2);
    submit(waiting, &first, 8, 3, 3);
    job_await_state(&first, running, "running", patience);
    back_up(data, copy, 0);
    run(&second, copy);
    is_there(&second, stored);
    model_of(same, &second, done);
    ck_assert_str_eq(same, model);
    same_model(&first, &second, model);
    /* What ran goes on, and is cancelled, so that what waited has its turn: on
     * both sides, with the same result. */
    job_await_state(&second, running, "running", patience);
    cancel(&second, running);
    cancel(&first, running);
    model_of(model, &first, waiting);
    model_of(later, &second, waiting);
    ck_assert_str_eq(later, model);
    daemon_end(&first);
    daemon_end(&second);
}
END_TEST

START_TEST(what_cannot_be_copied_is_said)
{
    struct daemon daemon;
    char data[80], copy[80];
    daemon_prepare(&daemon);
    snprintf(data, sizeof data, "%s/data", daemon.directory);
    snprintf(copy, sizeof copy, "%s/copy", daemon.directory);
    back_up(data, copy, 1);
    run(&daemon, data);
    back_up(data, copy, 0);
    back_up(data, copy, 1); /* it is there */
    daemon_end(&daemon);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/backup");
    TCase *tcase = tcase_create("backup");
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, a_copy_made_while_jobs_run_has_them_all);
    tcase_add_test(tcase, what_cannot_be_copied_is_said);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
