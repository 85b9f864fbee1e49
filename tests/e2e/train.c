/* SPDX-License-Identifier: MIT
 *
 * Training over real HTTP: every example of openapi.yaml is taken and ends
 * well; what comes of it is a stored model that POST /bound proves the same
 * bound of; the same request gives the same model, and another number of
 * threads too; a stored model can be trained further; so it is with images; a
 * run that diverges says in which epoch, and keeps a model. */
#include "tests/support/contract.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct daemon daemon_;

static void start(const char *threads)
{
    char data[80];
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, "--job-threads",
                                          threads, NULL});
}

/* --- asking */

/* The document of a job that was asked for, when it is over. */
static json_t *finish(const char *id)
{
    char target[120];
    struct http_answer answer;
    json_t *job = NULL;
    snprintf(target, sizeof target, "/jobs/%s?wait=20", id);
    for (int i = 0; i < 20; i++) {
        json_decref(job);
        http_get(&answer, daemon_.port, target);
        ck_assert_int_eq(answer.status, 200);
        job = json_loads(answer.body, 0, NULL);
        http_clear(&answer);
        const char *state = json_string_value(json_object_get(job, "state"));
        ck_assert_ptr_nonnull(state);
        if (strcmp(state, "queued") != 0 && strcmp(state, "running") != 0)
            return job;
    }
    ck_abort_msg("the job %s does not end", id);
    return NULL;
}

static json_t *train(const char *request)
{
    struct http_answer answer;
    http_post(&answer, daemon_.port, "/train", request);
    ck_assert_msg(answer.status == 202, "%s: %s", request, answer.body);
    json_t *accepted = json_loads(answer.body, 0, NULL);
    json_t *job = finish(json_string_value(json_object_get(accepted, "id")));
    json_decref(accepted);
    http_clear(&answer);
    return job;
}

static const json_t *result_of(const json_t *job)
{
    const json_t *result = json_object_get(job, "result");
    char *text = json_dumps(job, JSON_COMPACT);
    ck_assert_msg(json_is_object(result), "%s", text);
    free(text);
    text = json_dumps(result, JSON_COMPACT);
    contract_add("TrainResult", text);
    free(text);
    return result;
}

static const char *model_of(const json_t *job)
{
    const char *id =
        json_string_value(json_object_get(result_of(job), "model_id"));
    ck_assert_ptr_nonnull(id);
    return id;
}

static double upper_of(const json_t *object)
{
    return json_number_value(json_object_get(object, "upper_bound"));
}

/* POST /bound says of the stored model what the job did, by its method. */
static void ck_same_bound(const json_t *job)
{
    const json_t *result = result_of(job);
    const json_t *bound = json_object_get(result, "bound");
    struct http_answer answer;
    json_t *request =
        json_pack("{s:{s:s},s:O,s:[s]}", "model", "id", model_of(job), "norm",
                  json_object_get(result, "norm"), "methods",
                  json_string_value(json_object_get(bound, "method")));
    char *body = json_dumps(request, 0);
    http_post(&answer, daemon_.port, "/bound", body);
    ck_assert_msg(answer.status == 200, "%s", answer.body);
    json_t *again = json_loads(answer.body, 0, NULL);
    double value = upper_of(json_object_get(again, "best"));
    ck_assert_double_le(value, upper_of(bound) * (1 + 1e-9));
    ck_assert_double_ge(value, upper_of(bound) * (1 - 1e-9));
    json_t *limit = json_object_get(result, "requested_lipschitz");
    if (limit)
        ck_assert_double_le(value, json_number_value(limit));
    http_clear(&answer);
    free(body);
    json_decref(again);
    json_decref(request);
}

/* --- the examples of the document */

static json_t *examples(void)
{
    FILE *pipe =
        popen("python3 -c \"import json, yaml; d = "
              "yaml.safe_load(open('api/openapi.yaml', encoding='utf-8')); "
              "print(json.dumps(d['paths']['/train']['post']['requestBody']"
              "['content']['application/json']['examples']))\" 2>/dev/null",
              "r");
    ck_assert_ptr_nonnull(pipe);
    json_t *list = json_loadf(pipe, 0, NULL);
    pclose(pipe);
    return list;
}

/* The data set of an example that names one is not here; all the rest of it
 * has been read by then. */
static void ck_not_found(const char *request)
{
    struct http_answer answer;
    http_post(&answer, daemon_.port, "/train", request);
    ck_assert(http_is_problem(&answer, 404, "not-found"));
    ck_assert(http_has(&answer, "/dataset/id"));
    http_clear(&answer);
}

START_TEST(test_examples)
{
    const char *name;
    json_t *example, *list = examples();
    if (!list)
        puts("SKIP: no python3-yaml to read the examples with");
    json_object_foreach(list, name, example)
    {
        json_t *value = json_object_get(example, "value");
        char *request = json_dumps(value, 0);
        contract_add("TrainRequest", request);
        if (json_object_get(json_object_get(value, "dataset"), "id")) {
            ck_not_found(request);
        } else {
            json_t *job = train(request);
            ck_same_bound(job);
            json_decref(job);
        }
        free(request);
    }
    ck_assert(!list || json_object_size(list) >= 4);
    json_decref(list);
}
END_TEST

/* --- more */

#define MOONS                                                                  \
    "{\"dataset\": {\"generate\": \"two-moons\", \"samples\": 600}, "          \
    "\"constraint\": {\"lipschitz\": 4}, \"epochs\": 8, \"validation\": "      \
    "{\"radii\": [0.1]}, \"model\": "
#define LAYERS                                                                 \
    "{\"layers\": [{\"type\": \"dense\", \"units\": 70}, {\"type\": "          \
    "\"max-min\"}, {\"type\": \"dense\", \"units\": 2}]}"

START_TEST(test_same_model)
{
    json_t *one = train(MOONS LAYERS "}"), *two = train(MOONS LAYERS "}");
    ck_assert_str_eq(model_of(one), model_of(two));
    ck_same_bound(one);
    ck_assert(json_equal(json_object_get(result_of(one), "history"),
                         json_object_get(result_of(two), "history")));
    daemon_end(&daemon_);
    start("3");
    json_t *other = train(MOONS LAYERS "}");
    ck_assert_str_eq(model_of(one), model_of(other));
    json_decref(one);
    json_decref(two);
    json_decref(other);
}
END_TEST

/* Nothing is lost on the way: training on from the end of a run, at a rate of
 * all but zero, leaves the accuracy as it was. */
START_TEST(test_further)
{
    json_t *first = train(MOONS LAYERS "}");
    char request[1000];
    snprintf(request, sizeof request,
             MOONS "{\"id\": \"%s\"}, \"optimizer\": {\"learning_rate\": "
                   "1e-12}}",
             model_of(first));
    json_t *second = train(request);
    ck_same_bound(second);
    const json_t *a = json_object_get(result_of(first), "metrics");
    const json_t *b = json_object_get(result_of(second), "metrics");
    ck_assert_double_eq_tol(
        json_number_value(json_object_get(json_object_get(a, "train"), "loss")),
        json_number_value(json_object_get(json_object_get(b, "train"), "loss")),
        1e-5);
    json_decref(first);
    json_decref(second);
}
END_TEST

/* Sequences of two channels, of one class where the first rises. */
static char *waves(const char *model, const char *constraint)
{
    json_t *x = json_array(), *y = json_array();
    for (int i = 0; i < 120; i++) {
        json_t *row = json_array();
        for (int k = 0; k < 24; k++)
            json_array_append_new(
                row, json_real((i % 2 ? 1 : -1) * (k - 6) * (k < 12) +
                               0.1 * (i * (k + 3) % 7)));
        json_array_append_new(x, row);
        json_array_append_new(y, json_integer(i % 2));
    }
    json_error_t error;
    json_t *request = json_pack(
        "{s:{s:{s:o,s:o}}, s:o, s:{s:s, s:f}, s:i, s:{s:[f]}}", "dataset",
        "inline", "x", x, "y", y, "model", json_loads(model, 0, &error),
        "constraint", "method", constraint, "lipschitz", 2.0, "epochs", 4,
        "validation", "radii", 0.1);
    char *text = json_dumps(request, 0);
    json_decref(request);
    return text;
}

#define WAVES                                                                  \
    "{\"input\": [2, 12], \"layers\": [{\"type\": \"conv\", \"filters\": 6, "  \
    "\"kernel\": 3, \"padding\": 1}, {\"type\": \"max-min\"}, {\"type\": "     \
    "\"conv\", \"filters\": 4, \"kernel\": 4, \"stride\": 2}, {\"type\": "     \
    "\"relu\"}, {\"type\": \"average-pool\", \"kernel\": 2}, {\"type\": "      \
    "\"flatten\"}, {\"type\": \"dense\", \"units\": 2}]}"

static double loss_of(const json_t *job)
{
    const json_t *metrics = json_object_get(result_of(job), "metrics");
    return json_number_value(
        json_object_get(json_object_get(metrics, "train"), "loss"));
}

START_TEST(test_convolutions)
{
    static const char *const constraint[] = {"projection", "orthogonal-bjorck"};
    for (int i = 0; i < 2; i++) {
        char model[200], *text = waves(WAVES, constraint[i]);
        contract_add("TrainRequest", text);
        json_t *first = train(text);
        ck_same_bound(first);
        snprintf(model, sizeof model, "{\"id\": \"%s\"}", model_of(first));
        char *more = waves(model, constraint[i]);
        json_t *second = train(more);
        ck_same_bound(second);
        ck_assert_double_lt(loss_of(second), loss_of(first) + 1e-3);
        json_decref(first);
        json_decref(second);
        free(text);
        free(more);
    }
}
END_TEST

/* Weights of a stored model for rows of another length are not read. */
START_TEST(test_other_rows)
{
    json_t *first = train(MOONS LAYERS "}");
    char request[1000];
    snprintf(request, sizeof request,
             "{\"dataset\": {\"inline\": {\"x\": [[1, 2, 3], [4, 5, 6], [7, 8, "
             "9]], \"y\": [0, 1, 0]}}, \"model\": {\"id\": \"%s\"}, "
             "\"constraint\": {}, \"validation\": {\"split\": 0}}",
             model_of(first));
    json_t *second = train(request);
    char *text = json_dumps(json_object_get(second, "error"), JSON_COMPACT);
    ck_assert_str_eq(json_string_value(json_object_get(second, "state")),
                     "failed");
    ck_assert_msg(strstr(text, "/model/id") && strstr(text, "has 2 numbers"),
                  "%s", text);
    free(text);
    json_decref(first);
    json_decref(second);
}
END_TEST

START_TEST(test_diverged)
{
    struct http_answer answer;
    char target[120];
    json_t *job = train(
        "{\"dataset\": {\"generate\": \"sine\"}, \"model\": {\"layers\": "
        "[{\"type\": \"dense\", \"units\": 8}, {\"type\": \"abs\"}, {\"type\": "
        "\"dense\", \"units\": 1}]}, \"constraint\": {\"method\": \"none\"}, "
        "\"optimizer\": {\"learning_rate\": 1e6, \"schedule\": \"constant\"}}");
    const json_t *error = json_object_get(job, "error");
    const char *detail = json_string_value(json_object_get(error, "detail"));
    ck_assert_str_eq(json_string_value(json_object_get(job, "state")),
                     "failed");
    ck_assert_ptr_nonnull(strstr(detail, "epoch 1"));
    const char *id = strstr(detail, "sha256:");
    ck_assert_ptr_nonnull(id);
    snprintf(target, sizeof target, "/models/%.71s", id);
    http_get(&answer, daemon_.port, target);
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    json_decref(job);
}
END_TEST

START_TEST(test_contract)
{
    contract_check();
}
END_TEST

static void setup(void)
{
    start("1");
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

int main(void)
{
    Suite *suite = suite_create("e2e/train");
    TCase *t = tcase_create("train");
    tcase_add_unchecked_fixture(t, contract_open, NULL);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_examples);
    tcase_add_test(t, test_same_model);
    tcase_add_test(t, test_further);
    tcase_add_test(t, test_convolutions);
    tcase_add_test(t, test_other_rows);
    tcase_add_test(t, test_diverged);
    tcase_add_test(t, test_contract);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
