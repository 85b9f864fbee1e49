/* SPDX-License-Identifier: MIT
 *
 * What tokens may have stored, what makes room, and keys that work once: over
 * real HTTP, with SQLite and with PostgreSQL. */
#include "tests/support/contract.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"
#include "tests/support/tokens.h"

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { SQLITE, POSTGRESQL };

static struct postgres server;
static struct daemon daemon_;
static char file[100], data[100], ann[TOKEN_SIZE], bob[TOKEN_SIZE];
static char reply[8192], location[160];

static void prepare(const char *limit)
{
    daemon_prepare(&daemon_);
    snprintf(file, sizeof file, "%s/tokens", daemon_.directory);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    token_add(ann, file, "ann", limit);
    token_add(bob, file, "bob", "bound,train");
}

static void run(int store, const char *flag, const char *value)
{
    const char *flags[12] = {"--data-dir", data, "--tokens", file};
    size_t count = 4;
    if (store == POSTGRESQL) {
        flags[count++] = "--store";
        flags[count++] = server.url;
    }
    flags[count++] = flag;
    flags[count++] = value;
    flags[count] = NULL;
    daemon_run(&daemon_, flags);
}

static void begin(int store, const char *limit, const char *flag,
                  const char *value)
{
    if (store == POSTGRESQL)
        postgres_empty(&server);
    prepare(limit);
    run(store, flag, value);
}

/* Sends a request with a key (NULL: without). Keeps answer and Location. */
static int say(const char *token, const char *method, const char *target,
               const char *key, const char *body)
{
    struct http_answer answer;
    char fields[600];
    snprintf(fields, sizeof fields, "Authorization: Bearer %s\r\n%s%s%s", token,
             key ? "Idempotency-Key: " : "", key ? key : "", key ? "\r\n" : "");
    http_ask_with(&answer, daemon_.port, method, target, fields, body,
                  strlen(body));
    int status = answer.status;
    snprintf(reply, sizeof reply, "%s", answer.body);
    snprintf(location, sizeof location, "%s", http_field(&answer, "Location"));
    if (status >= 400)
        contract_add("Problem", answer.body);
    http_clear(&answer);
    return status;
}

/* A model of its own for each number, of about a kilobyte. */
static const char *model(int i)
{
    static char text[2000];
    int n = snprintf(text, sizeof text,
                     "{\"layers\":[{\"type\":\"dense\",\"weight\":[[%d", i);
    while (n < 1000)
        n += snprintf(text + n, sizeof text - (size_t)n, ",1.25");
    snprintf(text + n, sizeof text - (size_t)n, "]]}]}");
    return text;
}

static int store_model(const char *token, int i)
{
    return say(token, "POST", "/models", NULL, model(i));
}

#define ROWS "{\"x\":[[1,2],[3,4],[5,6]],\"y\":[0,1,0]}"

START_TEST(a_token_keeps_to_its_limit)
{
    begin(_i, "bound,train stored=2500", NULL, NULL);
    ck_assert_int_eq(store_model(ann, 1), 201);
    ck_assert_int_eq(store_model(ann, 1), 201);
    ck_assert_int_eq(store_model(ann, 2), 201);
    ck_assert_int_eq(store_model(ann, 3), 507);
    ck_assert_ptr_nonnull(strstr(reply, "2500"));
    ck_assert_ptr_nonnull(strstr(reply, "DELETE"));
    ck_assert_int_eq(store_model(bob, 3), 201);
    /* What another holds takes as much of the limit. */
    ck_assert_int_eq(store_model(ann, 3), 507);
    ck_assert_int_eq(say(ann, "GET", "/models", NULL, ""), 200);
    contract_add("Models", reply);
    json_t *list = json_loads(reply, 0, NULL);
    ck_assert_uint_eq(json_array_size(json_object_get(list, "models")), 2);
    json_t *held = json_object_get(list, "held");
    ck_assert_int_eq(json_integer_value(json_object_get(held, "limit")), 2500);
    ck_assert_int_gt(json_integer_value(json_object_get(held, "models")), 2000);
    const char *id = json_string_value(json_object_get(
        json_array_get(json_object_get(list, "models"), 0), "id"));
    char target[200];
    snprintf(target, sizeof target, "/models/%s", id);
    json_decref(list);
    /* Data sets count as well. */
    ck_assert_int_eq(say(ann, "POST", "/datasets", NULL, ROWS), 201);
    ck_assert_int_eq(say(ann, "DELETE", target, NULL, ""), 204);
    ck_assert_int_eq(store_model(ann, 3), 201);
    ck_assert_int_eq(say(ann, "GET", "/datasets", NULL, ""), 200);
    contract_add("Datasets", reply);
    daemon_end(&daemon_);
}
END_TEST

struct sender {
    pthread_t thread;
    int number, status;
    char body[2000];
};

static void *send_model(void *arg)
{
    struct sender *s = arg;
    struct http_answer answer;
    http_ask_as(&answer, daemon_.port, ann, "POST", "/models",
                "application/json", s->body, strlen(s->body));
    s->status = answer.status;
    http_clear(&answer);
    return NULL;
}

START_TEST(many_at_once_keep_to_it_too)
{
    enum { SENDERS = 8 };
    struct sender sender[SENDERS];
    int stored = 0;
    begin(_i, "bound,train stored=3600", "--workers", "4");
    for (int i = 0; i < SENDERS; i++) {
        snprintf(sender[i].body, sizeof sender[i].body, "%s", model(i));
        pthread_create(&sender[i].thread, NULL, send_model, &sender[i]);
    }
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(sender[i].thread, NULL);
        stored += sender[i].status == 201;
        ck_assert(sender[i].status == 201 || sender[i].status == 507);
    }
    ck_assert_int_eq(stored, 3);
    ck_assert_int_eq(say(ann, "GET", "/models", NULL, ""), 200);
    json_t *list = json_loads(reply, 0, NULL);
    ck_assert_uint_eq(json_array_size(json_object_get(list, "models")), 3);
    json_decref(list);
    daemon_end(&daemon_);
}
END_TEST

/* Where each of a list of models stands; "" where it is gone. */
static int show(const char *token, const char *target)
{
    return say(token, "GET", target, NULL, "");
}

START_TEST(the_model_used_longest_ago_makes_room)
{
    char target[3][160];
    begin(_i, "bound,train", "--evict", "models");
    daemon_signal(&daemon_, SIGTERM);
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    const char *flags[] = {
        "--data-dir",   data,      "--tokens",
        file,           "--evict", "models",
        "--max-stored", "3500",    _i == POSTGRESQL ? "--store" : NULL,
        server.url,     NULL};
    daemon_run(&daemon_, flags);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(store_model(ann, i), 201);
        snprintf(target[i], sizeof target[i], "%s", location);
    }
    ck_assert_int_eq(show(ann, target[0]), 200);
    ck_assert_int_eq(store_model(bob, 3), 201);
    ck_assert_int_eq(show(ann, target[0]), 200);
    ck_assert_int_eq(show(ann, target[1]), 404);
    ck_assert_int_eq(show(ann, target[2]), 200);
    ck_assert(daemon_logged(&daemon_, "\"evict\"", target[1] + 8));
    daemon_end(&daemon_);
}
END_TEST

START_TEST(a_key_works_once)
{
    char first[160], before[8192];
    begin(_i, "bound,train", NULL, NULL);
    ck_assert_int_eq(say(ann, "POST", "/models", "k1", model(1)), 201);
    snprintf(first, sizeof first, "%s", location);
    snprintf(before, sizeof before, "%s", reply);
    ck_assert_int_eq(say(ann, "POST", "/models", "k1", model(1)), 201);
    ck_assert_str_eq(location, first);
    ck_assert_str_eq(reply, before);
    ck_assert_int_eq(say(ann, "POST", "/models", "k1", model(2)), 409);
    ck_assert_int_eq(
        say(ann, "POST", "/models?activation=tanh", "k1", model(1)), 409);
    ck_assert_int_eq(say(ann, "POST", "/datasets", "k1", ROWS), 409);
    ck_assert_int_eq(say(bob, "POST", "/models", "k1", model(2)), 201);
    ck_assert_int_eq(say(ann, "POST", "/models", "", model(2)), 400);
    /* Of a data set the first answer is 201 for good. */
    ck_assert_int_eq(say(ann, "POST", "/datasets", "k2", ROWS), 201);
    ck_assert_int_eq(say(ann, "POST", "/datasets", "k2", ROWS), 201);
    ck_assert_int_eq(say(ann, "POST", "/datasets", NULL, ROWS), 200);
    ck_assert_int_eq(say(ann, "POST", "/datasets", "k3", ROWS), 200);
    /* Killed, and what was stored deleted: it does not come back. */
    daemon_signal(&daemon_, SIGKILL);
    daemon_wait(&daemon_);
    run(_i, NULL, NULL);
    ck_assert_int_eq(say(ann, "DELETE", first, NULL, ""), 204);
    ck_assert_int_eq(say(ann, "POST", "/models", "k1", model(1)), 201);
    ck_assert_str_eq(location, first);
    ck_assert_int_eq(show(ann, first), 404);
    ck_assert_int_eq(say(ann, "POST", "/models", "k1", model(2)), 409);
    daemon_end(&daemon_);
}
END_TEST

/* A request that came to nothing leaves its key free. */
START_TEST(a_key_of_nothing_is_free)
{
    begin(_i, "bound,train stored=500", NULL, NULL);
    ck_assert_int_eq(say(ann, "POST", "/models", "k", "{\"layers\":[1]}"), 422);
    ck_assert_int_eq(say(ann, "POST", "/models", "k", model(1)), 413);
    ck_assert_ptr_nonnull(strstr(reply, "500"));
    ck_assert_int_eq(say(ann, "POST", "/datasets", "k", ROWS), 201);
    daemon_end(&daemon_);
}
END_TEST

#define TRAIN                                                                  \
    "{\"dataset\":{\"generate\":\"two-moons\",\"samples\":50,\"seed\":1},"     \
    "\"task\":\"classification\",\"model\":{\"layers\":[{\"type\":\"dense\","  \
    "\"units\":40},{\"type\":\"relu\"},{\"type\":\"dense\",\"units\":2}]},"    \
    "\"constraint\":{\"method\":\"projection\",\"norm\":2,\"lipschitz\":1},"   \
    "\"epochs\":1,\"batch_size\":50,\"seed\":1}"

/* The model of a job counts too; the job says why it failed. */
START_TEST(what_jobs_store_counts)
{
    char target[200];
    begin(_i, "bound,train stored=2000", NULL, NULL);
    ck_assert_int_eq(store_model(ann, 1), 201);
    ck_assert_int_eq(say(ann, "POST", "/train", NULL, TRAIN), 202);
    snprintf(target, sizeof target, "%s?wait=30", location);
    for (int i = 0; i < 60 && !strstr(reply, "\"failed\""); i++) {
        ck_assert_int_eq(say(ann, "GET", target, NULL, ""), 200);
        ck_assert_msg(!strstr(reply, "\"succeeded\""), "%s", reply);
    }
    ck_assert_msg(strstr(reply, "storage-full") != NULL, "%s", reply);
    ck_assert_msg(strstr(reply, "2000") != NULL, "%s", reply);
    daemon_end(&daemon_);
}
END_TEST

START_TEST(answers_follow_the_document)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/kept");
    TCase *tcase = tcase_create("kept");
    int stores = postgres_there() ? 2 : 1;
    if (stores > 1)
        postgres_start(&server);
    tcase_set_timeout(tcase, 120);
    tcase_add_unchecked_fixture(tcase, contract_open, NULL);
    tcase_add_loop_test(tcase, a_token_keeps_to_its_limit, 0, stores);
    tcase_add_loop_test(tcase, many_at_once_keep_to_it_too, 0, stores);
    tcase_add_loop_test(tcase, the_model_used_longest_ago_makes_room, 0,
                        stores);
    tcase_add_loop_test(tcase, a_key_works_once, 0, stores);
    tcase_add_loop_test(tcase, a_key_of_nothing_is_free, 0, stores);
    tcase_add_loop_test(tcase, what_jobs_store_counts, 0, stores);
    tcase_add_test(tcase, answers_follow_the_document);
    suite_add_tcase(suite, tcase);
    int status = run_suite(suite);
    if (stores > 1)
        postgres_end(&server);
    return status;
}
