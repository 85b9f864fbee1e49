/* SPDX-License-Identifier: MIT
 *
 * POST /certify with the real daemon: a model in the request and the same one
 * stored, inputs in the request and the same ones as a data set, give the same
 * predictions; answers follow the schema. */
#include "tests/support/contract.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAYERS                                                                 \
    "{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2],[3,4],[-5,6]],"        \
    "\"bias\":[1,0,-1]},{\"type\":\"groupsort\",\"group\":3},"                 \
    "{\"type\":\"dense\",\"weight\":[[1,-1,1],[0.5,0,-1]]}]}"
#define INPUTS "[[1,2],[-1,0.5],[0,0]]"
#define NOBODY                                                                 \
    "sha256:"                                                                  \
    "0000000000000000000000000000000000000000000000000000000000000000"

static struct daemon daemon_;

static void setup(void)
{
    char data[80];
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, NULL});
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

/* The document that comes back to a body with a place for the model and one for
 * the data. */
static json_t *ask(const char *format, const char *model, const char *data)
{
    char body[2000];
    struct http_answer answer;
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(body, sizeof body, format, model, data);
    http_post(&answer, daemon_.port, "/certify", body);
    ck_assert_msg(answer.status == 200, "%s", answer.body);
    contract_add("CertifyRequest", body);
    contract_add("CertifyAnswer", answer.body);
    json_t *json = json_loads(answer.body, 0, NULL);
    ck_assert_ptr_nonnull(json);
    http_clear(&answer);
    return json;
}

/* Stores a body; its id. */
static void store(char out[100], const char *target, const char *body)
{
    struct http_answer answer;
    http_post(&answer, daemon_.port, target, body);
    ck_assert_msg(answer.status == 201, "%s", answer.body);
    json_t *json = json_loads(answer.body, 0, NULL);
    snprintf(out, 100, "%s", json_string_value(json_object_get(json, "id")));
    json_decref(json);
    http_clear(&answer);
}

START_TEST(every_form_gives_the_same)
{
    static const char *const form[] = {
        "{\"model\":%s,\"norm\":\"inf\",\"inputs\":%s,\"labels\":[0,1,0],"
        "\"radii\":[0.01]}",
        "{\"model\":{\"id\":\"%s\"},\"norm\":\"inf\",\"inputs\":%s,"
        "\"labels\":[0,1,0],\"radii\":[0.01]}",
        "{\"model\":{\"id\":\"%s\"},\"norm\":\"inf\",\"radii\":[0.01],"
        "\"dataset\":{\"id\":\"%s\"}}",
    };
    char model[100], data[100];
    store(model, "/models", LAYERS);
    store(data, "/datasets", "{\"x\":" INPUTS ",\"y\":[0,1,0]}");
    json_t *first = ask(form[0], LAYERS, INPUTS);
    json_t *second = ask(form[1], model, INPUTS);
    json_t *third = ask(form[2], model, data);
    static const char *const members[] = {
        "predictions", "accuracy", "certified_accuracy",
        "model",       "norm",     "lipschitz"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const json_t *a = json_object_get(first, members[i]);
        ck_assert_msg(json_equal(a, json_object_get(second, members[i])) &&
                          json_equal(a, json_object_get(third, members[i])),
                      "%s", members[i]);
    }
    json_decref(first);
    json_decref(second);
    json_decref(third);
}
END_TEST

START_TEST(what_is_not_there_is_named)
{
    static const struct {
        const char *target, *body;
        int status;
        const char *code, *says;
    } fault[] = {
        {"/certify", "{\"model\":{\"id\":\"" NOBODY "\"},\"inputs\":[[1]]}",
         404, "not-found", "/model/id"},
        {"/certify",
         "{\"model\":" LAYERS ",\"dataset\":{\"id\":\"" NOBODY "\"}}", 404,
         "not-found", "/dataset/id"},
        {"/certify", "{\"model\":" LAYERS ",\"inputs\":[[1,2,3]]}", 422,
         "invalid-option", "/inputs/0"},
        {"/certify", "{\"model\":" LAYERS ",\"inputs\":[[1,2],[1]]}", 422,
         "invalid-option", "/inputs/1"},
        {"/certify", "{\"model\":" LAYERS ",\"inputs\":[[1,null]]}", 422,
         "invalid-option", "/inputs/0/1"},
        {"/certify?norm=2", "{\"model\":" LAYERS ",\"inputs\":[[1,2]]}", 422,
         "invalid-option", "query"},
        {"/certify", "{\"model\":", 400, "malformed-body", ""},
    };
    for (size_t i = 0; i < sizeof fault / sizeof *fault; i++) {
        struct http_answer answer;
        http_post(&answer, daemon_.port, fault[i].target, fault[i].body);
        ck_assert_msg(
            http_is_problem(&answer, fault[i].status, fault[i].code) &&
                http_has(&answer, fault[i].says),
            "%s: %d %s", fault[i].body, answer.status, answer.body);
        contract_add("Problem", answer.body);
        http_clear(&answer);
    }
    ck_assert(daemon_metric_rests(&daemon_, "reserved_bytes", 10));
}
END_TEST

START_TEST(documents_follow_their_schemas)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/certify");
    TCase *test = tcase_create("certify");
    tcase_set_timeout(test, 60);
    tcase_add_unchecked_fixture(test, contract_open, NULL);
    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_test(test, every_form_gives_the_same);
    tcase_add_test(test, what_is_not_there_is_named);
    tcase_add_test(test, documents_follow_their_schemas);
    suite_add_tcase(suite, test);
    return run_suite(suite);
}
