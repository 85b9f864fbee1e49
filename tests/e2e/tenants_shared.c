/* SPDX-License-Identifier: MIT
 *
 * Two daemons with the same tokens and one database, the jobs of one run by the
 * other: what one tenant keeps is its own at both, what it may have is counted
 * for both, and a job takes its limits along. */
#include "base/context.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/models.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"
#include "tests/support/tokens.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASYNC "Prefer: respond-async\r\n"

static struct postgres server;
static struct daemon here, there; /* `there` runs the jobs */
static char file[100];
static char ann[TOKEN_SIZE], bob[TOKEN_SIZE], root[TOKEN_SIZE];
static char reply[8192], location[100];

static void serve(struct daemon *daemon, const char *role)
{
    char data[80];
    daemon_prepare(daemon);
    snprintf(data, sizeof data, "%s/data", daemon->directory);
    daemon_run(daemon, (const char *[]){"--data-dir", data, "--store",
                                        server.url, "--role", role, "--tokens",
                                        file, "--jobs", "1", NULL});
}

static void start(const char *limits)
{
    char words[100];
    snprintf(file, sizeof file, "%s/tokens", server.directory);
    remove(file);
    postgres_empty(&server);
    snprintf(words, sizeof words, "bound,train %s", limits);
    token_add(ann, file, "ann", words);
    token_add(bob, file, "bob", "bound,train");
    token_add(root, file, "root", "admin");
    serve(&here, "serve");
    serve(&there, "all");
}

static void teardown(void)
{
    daemon_end(&here);
    daemon_end(&there);
}

/* The status; the body is in `reply`, the field Location in `location`. */
static int ask(const struct daemon *daemon, const char *token,
               const char *method, const char *target, const char *more,
               const char *body)
{
    struct http_answer answer;
    char fields[600];
    snprintf(fields, sizeof fields, "Authorization: Bearer %s\r\n%s", token,
             more);
    http_ask_with(&answer, daemon->port, method, target, fields, body,
                  body ? strlen(body) : 0);
    int status = answer.status;
    snprintf(location, sizeof location, "%s", http_field(&answer, "Location"));
    snprintf(reply, sizeof reply, "%.*s", (int)answer.size,
             answer.body ? answer.body : "");
    http_clear(&answer);
    return status;
}

/* The job at `location`, when it is over. */
static json_t *await(const struct daemon *daemon, const char *token)
{
    char target[150];
    snprintf(target, sizeof target, "%s?wait=10", location);
    for (double end = lip_now() + 60; lip_now() < end;) {
        ck_assert_int_eq(ask(daemon, token, "GET", target, "", NULL), 200);
        json_t *job = json_loads(reply, 0, NULL);
        const char *state = job_state(job);
        if (strcmp(state, "queued") && strcmp(state, "running"))
            return job;
        json_decref(job);
    }
    ck_abort_msg("%s", reply);
    return NULL;
}

/* ann's model, stored here: its id. */
static const char *store_model(void)
{
    static char id[100];
    ck_assert_int_eq(
        ask(&here, ann, "POST", "/models", "", "{" TINY_LAYERS "}"), 201);
    json_t *json = json_loads(reply, 0, NULL);
    snprintf(id, sizeof id, "%s",
             json_string_value(json_object_get(json, "id")));
    json_decref(json);
    return id;
}

/* What nobody but ann and the administrator sees, at either daemon. */
static void expect_private(const char *target)
{
    const struct daemon *daemon[] = {&here, &there};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ask(daemon[i], ann, "GET", target, "", NULL), 200);
        ck_assert_int_eq(ask(daemon[i], root, "GET", target, "", NULL), 200);
        ck_assert_int_eq(ask(daemon[i], bob, "GET", target, "", NULL), 404);
        ck_assert_int_eq(ask(daemon[i], bob, "DELETE", target, "", NULL), 404);
    }
}

/* The job's model is named by its id, and stored by the other daemon. */
START_TEST(each_tenant_has_its_own_at_every_daemon)
{
    char target[200], body[300];
    start("");
    const char *id = store_model();
    snprintf(target, sizeof target, "/models/%s", id);
    expect_private(target);
    snprintf(body, sizeof body, "{\"model\":{\"id\":\"%s\"}}", id);
    ck_assert_int_eq(ask(&here, bob, "POST", "/bound", ASYNC, body), 404);
    ck_assert_int_eq(ask(&there, bob, "POST", "/bound", "", body), 404);
    ck_assert_int_eq(ask(&here, ann, "POST", "/bound", ASYNC, body), 202);
    expect_private(strcpy(target, location));
    strcpy(location, target);
    json_t *job = await(&there, ann);
    ck_assert_msg(!strcmp(job_state(job), "succeeded"), "%s", reply);
    json_decref(job);
    ck_assert_int_eq(ask(&there, bob, "GET", "/jobs", "", NULL), 200);
    ck_assert_ptr_null(strstr(reply, strrchr(target, '/') + 1));
}
END_TEST

/* A model that another daemon stored, and this one has no copy of. */
START_TEST(a_job_takes_its_model_from_where_it_is)
{
    char body[300];
    start("");
    snprintf(body, sizeof body, "{\"model\":{\"id\":\"%s\"}}", store_model());
    ck_assert_int_eq(ask(&here, ann, "POST", "/bound", ASYNC, body), 202);
    json_t *job = await(&here, ann);
    ck_assert_msg(!strcmp(job_state(job), "succeeded"), "%s", reply);
    json_decref(job);
}
END_TEST

/* Whoever runs the job has no token in his hands. */
START_TEST(a_job_takes_its_limits_along)
{
    char body[JOB_BODY];
    start("time=1");
    job_body(body, &(struct job_request){64, 100000, 1});
    ck_assert_int_eq(ask(&here, ann, "POST", "/train", "", body), 202);
    json_t *job = await(&here, ann);
    ck_assert_str_eq(job_state(job), "failed");
    ck_assert_ptr_nonnull(strstr(reply, "time-limit"));
    json_decref(job);
}
END_TEST

enum { EACH = 6, SHARE = 3 };

struct hand {
    pthread_t thread;
    const struct daemon *daemon;
    const char *body;
    int accepted, refused;
};

static void *submit(void *arg)
{
    struct hand *hand = arg;
    for (int i = 0; i < EACH; i++) {
        struct http_answer answer;
        http_ask_as(&answer, hand->daemon->port, ann, "POST", "/train", NULL,
                    hand->body, strlen(hand->body));
        hand->accepted += answer.status == 202;
        hand->refused += answer.status == 429 &&
                         http_is_problem(&answer, 429, "rate-limited") &&
                         atoi(http_field(&answer, "Retry-After")) > 0;
        http_clear(&answer);
    }
    return NULL;
}

START_TEST(open_jobs_are_counted_for_all_daemons)
{
    char body[JOB_BODY];
    start("jobs=3");
    job_body(body, &(struct job_request){64, 100000, 1});
    struct hand hand[4] = {{.daemon = &here, .body = body},
                           {.daemon = &there, .body = body},
                           {.daemon = &here, .body = body},
                           {.daemon = &there, .body = body}};
    int accepted = 0, refused = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&hand[i].thread, NULL, submit, &hand[i]);
    for (int i = 0; i < 4; i++) {
        pthread_join(hand[i].thread, NULL);
        accepted += hand[i].accepted;
        refused += hand[i].refused;
    }
    ck_assert_int_eq(accepted, SHARE);
    ck_assert_int_eq(refused, 4 * EACH - SHARE);
    ck_assert_int_eq(ask(&there, bob, "POST", "/train", "", body), 202);
    ck_assert_int_eq(ask(&here, bob, "DELETE", location, "", NULL) / 100, 2);
}
END_TEST

/* Rotated at one daemon and then at the other. */
START_TEST(a_new_token_is_the_old_tenant)
{
    char again[TOKEN_SIZE], target[200];
    start("");
    snprintf(target, sizeof target, "/models/%s", store_model());
    token_add(again, file, "ann", "bound");
    daemon_signal(&there, SIGHUP);
    ck_assert(daemon_logged(&there, "\"tokens\"", "read again"));
    ck_assert_int_eq(ask(&here, again, "GET", target, "", NULL), 401);
    ck_assert_int_eq(ask(&there, again, "GET", target, "", NULL), 200);
    ck_assert_int_eq(ask(&there, ann, "GET", target, "", NULL), 200);
    daemon_signal(&here, SIGHUP);
    ck_assert(daemon_logged(&here, "\"tokens\"", "read again"));
    ck_assert_int_eq(ask(&here, again, "GET", target, "", NULL), 200);
    ck_assert_int_eq(ask(&here, again, "DELETE", target, "", NULL), 204);
    ck_assert_int_eq(ask(&there, ann, "GET", target, "", NULL), 404);
}
END_TEST

int main(void)
{
    if (!postgres_there())
        return 0;
    postgres_start(&server);
    Suite *suite = suite_create("e2e/tenants_shared");
    TCase *tests = tcase_create("tenants_shared");
    tcase_set_timeout(tests, 180);
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, each_tenant_has_its_own_at_every_daemon);
    tcase_add_test(tests, a_job_takes_its_model_from_where_it_is);
    tcase_add_test(tests, a_job_takes_its_limits_along);
    tcase_add_test(tests, open_jobs_are_counted_for_all_daemons);
    tcase_add_test(tests, a_new_token_is_the_old_tenant);
    suite_add_tcase(suite, tests);
    int status = run_suite(suite);
    postgres_end(&server);
    return status;
}
