/* SPDX-License-Identifier: MIT
 *
 * What a token may take: each limit refuses, or ends, what is over it, at once
 * and in jobs, and says whose it is. */
#include "base/context.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"
#include "tests/support/tokens.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct daemon daemon_;
static char file[100], data[100], free_[TOKEN_SIZE], token[TOKEN_SIZE],
    root[TOKEN_SIZE];
static struct bytes wide; /* 4 layers of 256 x 256 */

static void setup(void)
{
    daemon_prepare(&daemon_);
    snprintf(file, sizeof file, "%s/tokens", daemon_.directory);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    token_add(free_, file, "free", "bound,train");
    token_add(root, file, "root", "admin");
    bytes_wide_model(&wide, 256, 4);
}

static void run(const char *limits)
{
    char words[100];
    snprintf(words, sizeof words, "bound,train %s", limits);
    token_add(token, file, "tied", words);
    daemon_run(&daemon_, (const char *[]){"--tokens", file, "--data-dir", data,
                                          "--jobs", "1", NULL});
}

static void teardown(void)
{
    bytes_clear(&wide);
    daemon_end(&daemon_);
}

static void ask(struct http_answer *answer, const char *who, const char *target,
                const char *more, const void *body, size_t size)
{
    char fields[600];
    snprintf(fields, sizeof fields, "Authorization: Bearer %s\r\n%s", who,
             more);
    http_ask_with(answer, daemon_.port, "POST", target, fields, body, size);
}

static void expect_refusal(const char *target, const void *body, size_t size,
                           int status, const char *code, const char *words)
{
    struct http_answer answer;
    ask(&answer, token, target, "", body, size);
    ck_assert_msg(http_is_problem(&answer, status, code), "%s: %d %s", target,
                  answer.status, answer.body);
    ck_assert_msg(http_has(&answer, words), "%s", answer.body);
    http_clear(&answer);
}

/* The limit is nobody else's. */
static void expect(const char *target, const void *body, size_t size,
                   int status, const char *code, const char *words)
{
    struct http_answer answer;
    expect_refusal(target, body, size, status, code, words);
    ask(&answer, free_, target, "", body, size);
    ck_assert_msg(answer.status != status, "%s: %s", target, answer.body);
    http_clear(&answer);
}

/* The job that a request becomes, when it is over. */
static json_t *job_of(const char *target, const char *fields, const void *body,
                      size_t size)
{
    struct http_answer answer;
    char location[100];
    ask(&answer, token, target, fields, body, size);
    ck_assert_msg(answer.status == 202, "%d %s", answer.status, answer.body);
    snprintf(location, sizeof location, "%s?wait=20",
             http_field(&answer, "Location"));
    http_clear(&answer);
    for (double end = lip_now() + 30; lip_now() < end;) {
        http_ask_as(&answer, daemon_.port, token, "GET", location, NULL, NULL,
                    0);
        json_t *job = json_loads(answer.body, 0, NULL);
        http_clear(&answer);
        const char *state = job_state(job);
        if (strcmp(state, "queued") && strcmp(state, "running"))
            return job;
        json_decref(job);
    }
    ck_abort_msg("%s does not end", location);
    return NULL;
}

static void expect_failure(json_t *job, const char *code, const char *words)
{
    char *text = json_dumps(job, 0);
    json_t *error = json_object_get(job, "error");
    const char *type = json_string_value(json_object_get(error, "type"));
    ck_assert_str_eq(job_state(job), "failed");
    ck_assert_msg(type && strstr(type, code), "%s", text);
    ck_assert_msg(strstr(text, words) != NULL, "%s", text);
    free(text);
    json_decref(job);
}

#define ASYNC "Prefer: respond-async\r\n"

START_TEST(body)
{
    run("body=1K");
    char text[1025];
    memset(text, ' ', sizeof text);
    static const char *const target[] = {"/bound", "/models", "/datasets",
                                         "/certify", "/train"};
    for (size_t i = 0; i < sizeof target / sizeof *target; i++)
        expect(target[i], text, sizeof text, 413, "body-too-large",
               "1024 bytes that its token has");
    struct http_answer answer;
    ask(&answer, token, "/bound", "", TINY_BOUND, strlen(TINY_BOUND));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
}
END_TEST

START_TEST(flops)
{
    run("flops=1e6");
    expect("/bound?methods=spectral", wide.data, wide.size, 413,
           "model-too-large", "over the limit of 1e+06 that the token has");
    /* A job would come to the same, which is known before there is one. */
    struct http_answer answer;
    ask(&answer, token, "/bound?methods=spectral", ASYNC, wide.data, wide.size);
    ck_assert_msg(http_is_problem(&answer, 413, "model-too-large"), "%s",
                  answer.body);
    ck_assert(http_has(&answer, "1e+06 that the token has"));
    http_clear(&answer);
}
END_TEST

START_TEST(memory)
{
    char text[JOB_BODY];
    run("memory=3M");
    expect("/bound?methods=spectral", wide.data, wide.size, 413,
           "model-too-large", "3145728");
    job_body(text, &(struct job_request){1500, 1, 1});
    expect_refusal("/train", text, strlen(text), 413, "model-too-large",
                   "3.15e+06");
    /* How many samples fit is seen by the job only. */
    job_body(text, &(struct job_request){8, 1, 1});
    char *samples = strstr(text, "1000,");
    memmove(samples + 7, samples + 4, strlen(samples + 4) + 1);
    memcpy(samples, "1000000", 7);
    expect_failure(job_of("/train", "", text, strlen(text)), "too-large",
                   "3145728");
}
END_TEST

START_TEST(time_)
{
    struct http_answer answer;
    char text[JOB_BODY];
    run("time=4");
    bytes_clear(&wide); /* eclipse ends in less than 4 seconds on a good day */
    bytes_wide_model(&wide, 500, 8);
    double start = lip_now();
    ask(&answer, token, "/bound?methods=eclipse&time_limit=60", "", wide.data,
        wide.size);
    ck_assert_double_lt(lip_now() - start, 30);
    ck_assert_int_eq(answer.status, 422);
    ck_assert_msg(http_has(&answer, "time-limit"), "%s", answer.body);
    http_clear(&answer);
    expect_failure(job_of("/bound?methods=eclipse&time_limit=60", ASYNC,
                          wide.data, wide.size),
                   "time-limit", "time");
    job_body(text, &(struct job_request){64, 100000, 1});
    expect_failure(job_of("/train", "", text, strlen(text)), "time-limit",
                   "It is stored as");
    ck_assert_double_lt(lip_now() - start, 80);
}
END_TEST

static void remove_job(const char *location)
{
    struct http_answer answer;
    http_ask_as(&answer, daemon_.port, token, "DELETE", location, NULL, NULL,
                0);
    ck_assert_int_eq(answer.status / 100, 2);
    http_clear(&answer);
}

START_TEST(jobs)
{
    struct http_answer answer;
    char text[JOB_BODY], location[2][100];
    run("jobs=2");
    job_body(text, &(struct job_request){64, 100000, 1});
    for (int i = 0; i < 2; i++) {
        ask(&answer, token, "/train", "", text, strlen(text));
        ck_assert_int_eq(answer.status, 202);
        snprintf(location[i], sizeof location[i], "%s",
                 http_field(&answer, "Location"));
        http_clear(&answer);
    }
    expect("/train", text, strlen(text), 429, "rate-limited", "2 or more");
    ask(&answer, token, "/bound", ASYNC, TINY_BOUND, strlen(TINY_BOUND));
    ck_assert_int_eq(answer.status, 429);
    ck_assert_str_eq(http_field(&answer, "Retry-After"), "5");
    http_clear(&answer);
    /* At once it is no job. */
    ask(&answer, token, "/bound", "", TINY_BOUND, strlen(TINY_BOUND));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    http_ask_as(&answer, daemon_.port, root, "GET", "/metrics", NULL, NULL, 0);
    ck_assert(http_has(&answer, "rejects_total{reason=\"jobs\"} 2\n"));
    http_clear(&answer);
    remove_job(location[1]);
    ask(&answer, token, "/bound", ASYNC, TINY_BOUND, strlen(TINY_BOUND));
    ck_assert_int_eq(answer.status, 202);
    http_clear(&answer);
    remove_job(location[0]);
}
END_TEST

static int status_of(const char *method, const char *target, unsigned *after)
{
    struct http_answer answer;
    http_ask_as(&answer, daemon_.port, token, method, target, NULL,
                *method == 'P' ? TINY_BOUND : NULL,
                *method == 'P' ? strlen(TINY_BOUND) : 0);
    int status = answer.status;
    *after = (unsigned)atoi(http_field(&answer, "Retry-After"));
    http_clear(&answer);
    return status;
}

/* One bucket for all routes; who waits as long as he was told is let in. */
START_TEST(requests)
{
    unsigned after;
    run("requests=0.3/s");
    ck_assert_int_eq(status_of("POST", "/bound", &after), 200);
    ck_assert_int_eq(status_of("GET", "/jobs", &after), 429);
    ck_assert_uint_ge(after, 1);
    ck_assert_uint_le(after, 4);
    ck_assert_int_eq(status_of("GET", "/healthz", &after), 200);
    ck_assert_int_eq(status_of("POST", "/bound", &after), 429);
    sleep(after);
    ck_assert_int_eq(status_of("GET", "/jobs", &after), 200);
    ck_assert_int_eq(status_of("GET", "/datasets", &after), 429);
    struct http_answer answer;
    http_ask_as(&answer, daemon_.port, free_, "GET", "/jobs", NULL, NULL, 0);
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
}
END_TEST

START_TEST(hangup_changes_the_limits)
{
    struct http_answer answer;
    char command[400];
    run("body=20");
    ask(&answer, token, "/bound", "", TINY_BOUND, strlen(TINY_BOUND));
    ck_assert_int_eq(answer.status, 413);
    http_clear(&answer);
    snprintf(command, sizeof command, "sed -i s/body=20/body=20K/ '%s'", file);
    ck_assert_int_eq(system(command), 0);
    daemon_signal(&daemon_, SIGHUP);
    ck_assert(daemon_logged(&daemon_, "\"tokens\"", "read again"));
    ask(&answer, token, "/bound", "", TINY_BOUND, strlen(TINY_BOUND));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/quotas");
    TCase *quotas = tcase_create("quotas");
    tcase_set_timeout(quotas, 120);
    tcase_add_checked_fixture(quotas, setup, teardown);
    tcase_add_test(quotas, body);
    tcase_add_test(quotas, flops);
    tcase_add_test(quotas, memory);
    tcase_add_test(quotas, time_);
    tcase_add_test(quotas, jobs);
    tcase_add_test(quotas, requests);
    tcase_add_test(quotas, hangup_changes_the_limits);
    suite_add_tcase(suite, quotas);
    return run_suite(suite);
}
