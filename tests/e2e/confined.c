/* SPDX-License-Identifier: MIT
 *
 * The processes of jobs are in their sandbox, and jobs of every kind do there
 * what they did without: models that come with the request and stored ones,
 * also those that another program reads. */
#include "tests/support/daemon.h"
#include "tests/support/files.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct daemon daemon_;
static char data[100];

static void setup(void)
{
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
}

static void run(const char *sandbox)
{
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, "--job-threads",
                                          "2", "--job-sandbox", sandbox, NULL});
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

/* A number out of /proc/PID/status; 0: there is no such line. */
static int status_of(pid_t pid, const char *name)
{
    char path[64], line[200];
    size_t length = strlen(name);
    int value = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        if (!strncmp(line, name, length) && line[length] == ':')
            value = atoi(line + length + 1);
    fclose(file);
    return value;
}

static const char *const wanted[] = {"on", "off"};

START_TEST(a_job_that_runs_is_confined_where_that_is_wanted)
{
    char id[JOB_ID], body[JOB_BODY], target[100];
    struct http_answer answer;
    run(wanted[_i]);
    job_body(body, &(struct job_request){64, 100000, 1});
    job_submit(id, &daemon_, body);
    job_await_state(&daemon_, id, "running", 20);
    pid_t pid = job_process_await(&daemon_);
    int filters = 0, own = status_of(getpid(), "Seccomp_filters");
    for (int i = 0; i < 500 && filters <= own; i++) {
        filters = status_of(pid, "Seccomp_filters");
        usleep(_i ? 1000 : 10000);
    }
    ck_assert_int_eq(filters, own + (_i == 0));
    ck_assert_int_ge(status_of(pid, "NoNewPrivs"), _i == 0);
    ck_assert(daemon_has_logged(&daemon_, "\"job_sandbox\"",
                                _i ? "\"off\"" : "seccomp"));
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_ask(&answer, daemon_.port, "DELETE", target, NULL, NULL, 0);
    http_clear(&answer);
    json_t *job = job_await(&daemon_, id, 20);
    ck_assert_str_eq(job_state(job), "cancelled");
    json_decref(job);
}
END_TEST

/* What a request with "respond-async" comes to. */
static json_t *later(const char *target, const void *body, size_t size)
{
    struct http_answer answer;
    char id[JOB_ID];
    http_ask_with(&answer, daemon_.port, "POST", target,
                  "Prefer: respond-async\r\n", body, size);
    ck_assert_msg(answer.status == 202, "%s", answer.body);
    ck_assert_int_eq(sscanf(http_field(&answer, "Location"), "/jobs/%63s", id),
                     1);
    http_clear(&answer);
    return job_await(&daemon_, id, 30);
}

static double best_of(json_t *job)
{
    const json_t *result = json_object_get(job, "result");
    const json_t *best = json_object_get(result, "best");
    double value = json_number_value(json_object_get(best, "upper_bound"));
    char *text = json_dumps(job, 0);
    ck_assert_msg(value > 0, "%s", text);
    free(text);
    json_decref(job);
    return value;
}

static void store(char id[100], const struct bytes *file)
{
    struct http_answer answer;
    http_ask(&answer, daemon_.port, "POST", "/models",
             "application/octet-stream", file->data, file->size);
    json_t *json = json_loads(answer.body, 0, NULL);
    const char *text = json_string_value(json_object_get(json, "id"));
    ck_assert_msg(text != NULL, "%s", answer.body);
    snprintf(id, 100, "%s", text);
    json_decref(json);
    http_clear(&answer);
}

static const char *const files[] = {"tests/unit/formats/fixtures/net-state.pt",
                                    "tests/unit/server/fixtures/dense.h5"};

START_TEST(models_are_read_whatever_reads_them)
{
    struct bytes file = {0};
    char id[100], body[200];
    run("on");
    ck_assert(bytes_load(&file, files[_i]));
    double bound =
        best_of(later("/bound?methods=closed-form", file.data, file.size));
    store(id, &file);
    bytes_clear(&file);
    snprintf(body, sizeof body, "{\"model\":{\"id\":\"%s\"}}", id);
    double same =
        best_of(later("/bound?methods=closed-form", body, strlen(body)));
    ck_assert(same <= bound && bound <= same);
}
END_TEST

static void train(const char *task, const char *limit, const char *rest)
{
    static const char rows[] = "a,b,label\n1,2,0\n-1,3,1\n2,-2,0\n-3,1,1\n"
                               "4,1,0\n-2,0,1\n3,3,0\n-4,-1,1\n";
    struct http_answer answer;
    char body[600], target[100], job[JOB_ID];
    snprintf(target, sizeof target, "/datasets?target=label&task=%s", task);
    http_ask(&answer, daemon_.port, "POST", target, "text/csv", rows,
             strlen(rows));
    json_t *json = json_loads(answer.body, 0, NULL);
    const char *dataset = json_string_value(json_object_get(json, "id"));
    ck_assert_msg(dataset != NULL, "%s", answer.body);
    http_clear(&answer);
    snprintf(body, sizeof body,
             "{\"dataset\":{\"id\":\"%s\"},\"task\":\"%s\","
             "\"epochs\":2,\"batch_size\":4,"
             "\"constraint\":{%s},%s}",
             dataset, task, limit, rest);
    json_decref(json);
    job_submit(job, &daemon_, body);
    json_t *over = job_await(&daemon_, job, 30);
    char *shown = json_dumps(over, 0);
    ck_assert_msg(!strcmp(job_state(over), "succeeded"), "%s", shown);
    free(shown);
    json_decref(over);
}

START_TEST(training_goes_on_from_a_model_that_a_program_reads)
{
    struct bytes file = {0};
    char id[100], rest[200];
    run("on");
    ck_assert(bytes_load(&file, files[1]));
    store(id, &file);
    bytes_clear(&file);
    snprintf(rest, sizeof rest, "\"model\":{\"id\":\"%s\"}", id);
    train("regression", "\"method\":\"none\"", rest);
}
END_TEST

/* Radii in the raw units of the data, which are read once more for that. */
START_TEST(stored_data_are_read_again_at_the_end)
{
    run("on");
    train("classification",
          "\"method\":\"projection\",\"norm\":2,\"lipschitz\":2",
          "\"model\":{\"layers\":[{\"type\":\"dense\",\"units\":4},"
          "{\"type\":\"relu\"},{\"type\":\"dense\",\"units\":2}]},"
          "\"normalization\":\"standard\","
          "\"validation\":{\"split\":0.5,\"radii\":[0.1]}");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/confined");
    TCase *tests = tcase_create("confined");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, a_job_that_runs_is_confined_where_that_is_wanted,
                        0, 2);
    tcase_add_loop_test(tests, models_are_read_whatever_reads_them, 0, 2);
    tcase_add_test(tests, training_goes_on_from_a_model_that_a_program_reads);
    tcase_add_test(tests, stored_data_are_read_again_at_the_end);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
