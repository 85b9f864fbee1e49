/* SPDX-License-Identifier: MIT
 *
 * Two tokens, every route: what one keeps is not there for the other, and both
 * may keep the same. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"
#include "tests/support/tokens.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DATA "x,label\n1,a\n2,b\n3,a\n4,b\n"

static struct daemon daemon_;
static char file[100], data[100];
static char ann[TOKEN_SIZE], bob[TOKEN_SIZE], root[TOKEN_SIZE];
static char reply[8192];

static void setup(void)
{
    daemon_prepare(&daemon_);
    snprintf(file, sizeof file, "%s/tokens", daemon_.directory);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    token_add(ann, file, "ann", "bound,train");
    token_add(bob, file, "bob", "bound,train");
    token_add(root, file, "root", "admin");
}

static void run(void)
{
    daemon_run(&daemon_,
               (const char *[]){"--tokens", file, "--data-dir", data, NULL});
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

/* The status; the body is in `reply`. */
static int ask(const char *token, const char *method, const char *target,
               const char *type, const char *body)
{
    struct http_answer answer;
    http_ask_as(&answer, daemon_.port, token, method, target, type, body,
                body ? strlen(body) : 0);
    int status = answer.status;
    snprintf(reply, sizeof reply, "%.*s", (int)answer.size,
             answer.body ? answer.body : "");
    http_clear(&answer);
    return status;
}

/* A member of `reply` that is a text. */
static void member(char out[100], const char *name)
{
    json_t *json = json_loads(reply, 0, NULL);
    const char *text = json_string_value(json_object_get(json, name));
    ck_assert_msg(text != NULL, "%s", reply);
    snprintf(out, 100, "%s", text);
    json_decref(json);
}

static int on(const char *token, const char *method, const char *folder,
              const char *id)
{
    char target[400];
    snprintf(target, sizeof target, "%s%s", folder, id);
    return ask(token, method, target, NULL, NULL);
}

/* Files in a folder of the data directory that are named by a digest. */
static int files_in(const char *folder)
{
    char path[200];
    int count = 0;
    snprintf(path, sizeof path, "%s/%s", data, folder);
    DIR *list = opendir(path);
    ck_assert_ptr_nonnull(list);
    for (struct dirent *entry; (entry = readdir(list));)
        count += strlen(entry->d_name) == 64;
    closedir(list);
    return count;
}

/* Everything that takes a model's id answers this. */
static void expect_model(const char *token, const char *id, int status)
{
    char body[500], target[200];
    ck_assert_int_eq(on(token, "GET", "/models/", id), status);
    snprintf(target, sizeof target, "/models/%s?format=json", id);
    ck_assert_int_eq(ask(token, "GET", target, NULL, NULL), status);
    snprintf(body, sizeof body,
             "{\"model\":{\"id\":\"%s\"},\"methods\":[\"eclipse-fast\"]}", id);
    ck_assert_int_eq(ask(token, "POST", "/bound", NULL, body), status);
    snprintf(body, sizeof body,
             "{\"model\":{\"id\":\"%s\"},\"inputs\":[[1,2]]}", id);
    int certified = ask(token, "POST", "/certify", NULL, body);
    ck_assert_msg((certified == 404) == (status == 404), "%s", reply);
    snprintf(body, sizeof body,
             "{\"model\":{\"id\":\"%s\"},\"dataset\":{\"id\":\"%s\"}}", id, id);
    int trained = ask(token, "POST", "/train", NULL, body);
    ck_assert_int_ne(trained, 202);
}

START_TEST(models_are_their_tenants)
{
    char id[100];
    run();
    ck_assert_int_eq(ask(ann, "POST", "/models", NULL, "{" TINY_LAYERS "}"),
                     201);
    member(id, "id");
    expect_model(ann, id, 200);
    expect_model(root, id, 200);
    expect_model(bob, id, 404);
    ck_assert_int_eq(on(bob, "DELETE", "/models/", id), 404);
    expect_model(ann, id, 200);
    /* The same bytes of another are his own. */
    ck_assert_int_eq(ask(bob, "POST", "/models", NULL, "{" TINY_LAYERS "}"),
                     201);
    expect_model(bob, id, 200);
    ck_assert_int_eq(files_in("models"), 1);
    ck_assert_int_eq(on(ann, "DELETE", "/models/", id), 204);
    expect_model(ann, id, 404);
    expect_model(bob, id, 200);
    ck_assert_int_eq(on(ann, "DELETE", "/models/", id), 404);
    ck_assert_int_eq(on(bob, "DELETE", "/models/", id), 204);
    expect_model(bob, id, 404);
    ck_assert_int_eq(files_in("models"), 0);
}
END_TEST

START_TEST(a_foreign_model_looks_like_none)
{
    char id[100], foreign[100];
    run();
    ck_assert_int_eq(ask(ann, "POST", "/models", NULL, "{" TINY_LAYERS "}"),
                     201);
    member(id, "id");
    ck_assert_int_eq(on(bob, "GET", "/models/", id), 404);
    member(foreign, "detail");
    ck_assert_int_eq(on(root, "DELETE", "/models/", id), 204);
    ck_assert_int_eq(on(bob, "GET", "/models/", id), 404);
    char none[100];
    member(none, "detail");
    ck_assert_str_eq(foreign, none);
}
END_TEST

START_TEST(data_sets_are_their_tenants)
{
    char id[100], body[500];
    run();
    const char *target = "/datasets?target=label";
    int status = ask(ann, "POST", target, "text/csv", DATA);
    ck_assert_msg(status == 201, "%s", reply);
    member(id, "id");
    ck_assert_int_eq(on(ann, "GET", "/datasets/", id), 200);
    ck_assert_int_eq(on(bob, "GET", "/datasets/", id), 404);
    ck_assert_int_eq(on(bob, "DELETE", "/datasets/", id), 404);
    ck_assert_int_eq(ask(bob, "GET", "/datasets", NULL, NULL), 200);
    ck_assert_ptr_null(strstr(reply, id));
    ck_assert_int_eq(ask(ann, "GET", "/datasets", NULL, NULL), 200);
    ck_assert_ptr_nonnull(strstr(reply, id));
    ck_assert_int_eq(ask(root, "GET", "/datasets", NULL, NULL), 200);
    ck_assert_ptr_nonnull(strstr(reply, id));
    snprintf(body, sizeof body, "{" TINY_LAYERS ",\"dataset\":{\"id\":\"%s\"}}",
             id);
    ck_assert_int_eq(ask(bob, "POST", "/certify", NULL, body), 404);
    snprintf(body, sizeof body,
             "{\"dataset\":{\"id\":\"%s\"},\"network\":{\"hidden\":[4]}}", id);
    ck_assert_int_ne(ask(bob, "POST", "/train", NULL, body), 202);
    /* New to bob: that it is there already does not show. */
    ck_assert_int_eq(ask(bob, "POST", target, "text/csv", DATA), 201);
    ck_assert_int_eq(ask(bob, "POST", target, "text/csv", DATA), 200);
    ck_assert_int_eq(files_in("datasets"), 1);
    ck_assert_int_eq(on(ann, "DELETE", "/datasets/", id), 204);
    ck_assert_int_eq(on(ann, "GET", "/datasets/", id), 404);
    ck_assert_int_eq(on(bob, "GET", "/datasets/", id), 200);
    ck_assert_int_eq(on(bob, "DELETE", "/datasets/", id), 204);
    ck_assert_int_eq(files_in("datasets"), 0);
}
END_TEST

START_TEST(jobs_and_what_they_make_are_their_tenants)
{
    char id[100], events[200], body[JOB_BODY], wait[200], state[100];
    run();
    job_body(body, &(struct job_request){.width = 8, .epochs = 2, .seed = 1});
    ck_assert_int_eq(ask(ann, "POST", "/train", NULL, body), 202);
    member(id, "id");
    snprintf(events, sizeof events, "%s/events", id);
    snprintf(wait, sizeof wait, "%s?wait=20", id);
    ck_assert_int_eq(on(bob, "GET", "/jobs/", id), 404);
    ck_assert_int_eq(on(bob, "GET", "/jobs/", wait), 404);
    ck_assert_int_eq(on(bob, "GET", "/jobs/", events), 404);
    ck_assert_int_eq(on(bob, "DELETE", "/jobs/", id), 404);
    ck_assert_int_eq(ask(bob, "GET", "/jobs", NULL, NULL), 200);
    ck_assert_ptr_null(strstr(reply, id));
    ck_assert_int_eq(ask(root, "GET", "/jobs", NULL, NULL), 200);
    ck_assert_ptr_nonnull(strstr(reply, id));
    do {
        ck_assert_int_eq(on(ann, "GET", "/jobs/", wait), 200);
        member(state, "state");
    } while (!strcmp(state, "queued") || !strcmp(state, "running"));
    ck_assert_str_eq(state, "succeeded");
    json_t *job = json_loads(reply, 0, NULL);
    char model[100];
    snprintf(model, sizeof model, "%s", job_model(job));
    json_decref(job);
    ck_assert_int_eq(on(ann, "GET", "/models/", model), 200);
    ck_assert_int_eq(on(bob, "GET", "/models/", model), 404);
}
END_TEST

START_TEST(files_from_before_are_of_no_token)
{
    char id[100], path[200];
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, NULL});
    ck_assert_int_eq(ask(NULL, "POST", "/models", NULL, "{" TINY_LAYERS "}"),
                     201);
    member(id, "id");
    daemon_signal(&daemon_, SIGTERM);
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    snprintf(path, sizeof path, "%s/holdings.sqlite", data);
    ck_assert_int_eq(unlink(path), 0);
    run();
    expect_model(ann, id, 404);
    expect_model(root, id, 200);
    daemon_signal(&daemon_, SIGTERM);
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, NULL});
    expect_model(NULL, id, 200);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/tenants");
    TCase *tenants = tcase_create("tenants");
    tcase_set_timeout(tenants, 120);
    tcase_add_checked_fixture(tenants, setup, teardown);
    tcase_add_test(tenants, models_are_their_tenants);
    tcase_add_test(tenants, a_foreign_model_looks_like_none);
    tcase_add_test(tenants, data_sets_are_their_tenants);
    tcase_add_test(tenants, jobs_and_what_they_make_are_their_tenants);
    tcase_add_test(tenants, files_from_before_are_of_no_token);
    suite_add_tcase(suite, tenants);
    return run_suite(suite);
}
