/* SPDX-License-Identifier: MIT
 *
 * Model files of other frameworks over real HTTP: Keras files go through
 * lipschitz-h5, a process for each; PyTorch files do not need one. */
#include "tests/support/daemon.h"
#include "tests/support/files.h"
#include "tests/support/http_client.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char json[] =
    "{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,-2.5],[0.125,4],"
    "[-0.5,-3]],\"bias\":[0.5,0,-1]},{\"type\":\"relu\"},"
    "{\"type\":\"dense\",\"weight\":[[1,2,-1]]}]}";

static void post(struct http_answer *answer, const struct daemon *daemon,
                 const char *target, const char *folder, const char *name)
{
    char path[200];
    struct bytes bytes = {0};
    snprintf(path, sizeof path, "tests/unit/%s/fixtures/%s", folder, name);
    ck_assert_msg(bytes_load(&bytes, path), "%s", path);
    http_ask(answer, daemon->port, "POST", target, "application/octet-stream",
             bytes.data, bytes.size);
    bytes_clear(&bytes);
}

/* The id of the model, and the bound of it. */
static double take(char id[100], struct http_answer *answer)
{
    json_t *document = json_loads(answer->body, 0, NULL);
    ck_assert_msg(answer->status == 200 && document, "%s", answer->body);
    const json_t *model = json_object_get(document, "model");
    const json_t *best = json_object_get(document, "best");
    double bound = json_number_value(json_object_get(best, "upper_bound"));
    snprintf(id, 100, "%s", json_string_value(json_object_get(model, "id")));
    json_decref(document);
    http_clear(answer);
    return bound;
}

#define TARGET "/bound?methods=closed-form"

START_TEST(the_same_bound_from_every_file)
{
    static const struct {
        const char *folder, *name;
    } files[] = {{"server", "dense.h5"},
                 {"server", "dense3.h5"},
                 {"server", "weights.h5"},
                 {"formats", "net-state.pt"},
                 {"formats", "net-checkpoint.pt"}};
    struct daemon daemon;
    struct http_answer answer;
    char wanted[100], id[100];
    daemon_start(&daemon, NULL);
    http_post(&answer, daemon.port, TARGET, json);
    double bound = take(wanted, &answer);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        post(&answer, &daemon, TARGET, files[i].folder, files[i].name);
        double same = take(id, &answer);
        ck_assert(same <= bound && bound <= same);
        ck_assert_str_eq(id, wanted);
    }
    post(&answer, &daemon, "/bound", "server", "cnn.h5");
    ck_assert(take(id, &answer) > 0);
    post(&answer, &daemon, "/bound", "server", "bad-kind.h5");
    ck_assert_int_eq(answer.status, 422);
    ck_assert(http_has(&answer, "LSTM"));
    http_clear(&answer);
    post(&answer, &daemon, "/bound", "formats", "module.pt");
    ck_assert_int_eq(answer.status, 422);
    ck_assert(http_has(&answer, "state_dict()"));
    http_clear(&answer);
    daemon_end(&daemon);
}
END_TEST

static void post_form(struct http_answer *answer, const struct daemon *daemon,
                      const char *path, const char *layers)
{
    struct bytes form = {0}, model = {0};
    ck_assert_msg(bytes_load(&model, path), "%s", path);
    bytes_text(&form,
               "--XyZ\r\nContent-Disposition: form-data; name=\"layers\"\r\n"
               "\r\n%s\r\n--XyZ\r\nContent-Disposition: form-data; "
               "name=\"model\"; filename=\"m\"\r\n\r\n",
               layers);
    bytes_put(&form, model.data, model.size);
    bytes_text(&form, "\r\n--XyZ--\r\n");
    http_ask(answer, daemon->port, "POST", "/bound?methods=naive",
             "multipart/form-data; boundary=XyZ", form.data, form.size);
    bytes_clear(&form);
    bytes_clear(&model);
}

/* Weights, and beside them the layers that they are of. */
START_TEST(layers_beside_the_file)
{
    static const char layers[] =
        "[{\"type\":\"reshape\",\"shape\":[1,4,4]},{\"type\":\"conv\","
        "\"weight\":\"weight\",\"bias\":\"bias\"}]";
    struct daemon daemon;
    struct http_answer answer;
    char id[100];
    daemon_start(&daemon, NULL);
    post_form(&answer, &daemon, "tests/unit/formats/fixtures/conv.pt", layers);
    ck_assert(take(id, &answer) > 0);
    post_form(&answer, &daemon, "tests/unit/formats/fixtures/conv.pt", "[]");
    ck_assert_int_eq(answer.status, 422);
    http_clear(&answer);
    post_form(&answer, &daemon, "tests/unit/server/fixtures/dense.h5", layers);
    ck_assert_msg(answer.status == 422 &&
                      http_has(&answer, "leave out the part"),
                  "%s", answer.body);
    http_clear(&answer);
    daemon_end(&daemon);
}
END_TEST

/* It is stored as it came, and read again by whoever names it. */
START_TEST(stored_and_named)
{
    struct daemon daemon;
    struct http_answer answer;
    char data[100], body[300], id[100], again[100];
    daemon_prepare(&daemon);
    snprintf(data, sizeof data, "%s/data", daemon.directory);
    daemon_run(&daemon, (const char *[]){"--data-dir", data, NULL});
    post(&answer, &daemon, "/models", "server", "dense.h5");
    ck_assert_msg(answer.status == 201, "%s", answer.body);
    http_clear(&answer);
    post(&answer, &daemon, TARGET, "server", "dense.h5");
    double bound = take(id, &answer);
    snprintf(body, sizeof body, "{\"model\":{\"id\":\"%s\"}}", id);
    http_post(&answer, daemon.port, TARGET, body);
    double same = take(again, &answer);
    ck_assert_str_eq(id, again);
    ck_assert(same <= bound && bound <= same);
    daemon_end(&daemon);
}
END_TEST

START_TEST(without_the_reader)
{
    struct daemon daemon;
    struct http_answer answer;
    daemon_start(&daemon,
                 (const char *[]){"--h5-reader", "/nonexistent", NULL});
    post(&answer, &daemon, "/bound", "server", "dense.h5");
    ck_assert_int_eq(answer.status, 415);
    ck_assert(http_has(&answer, "lipschitz-h5"));
    http_clear(&answer);
    daemon_end(&daemon);
}
END_TEST

/* A reader that dies costs the request it died of. */
START_TEST(a_reader_that_dies)
{
    struct daemon daemon;
    struct http_answer answer;
    char id[100];
    daemon_start(&daemon, (const char *[]){"--h5-reader", "/bin/false", NULL});
    post(&answer, &daemon, "/bound", "server", "dense.h5");
    ck_assert_msg(answer.status >= 400 && answer.status < 500, "%s",
                  answer.body);
    ck_assert(http_has(&answer, "cannot be read"));
    http_clear(&answer);
    http_post(&answer, daemon.port, TARGET, json);
    ck_assert(take(id, &answer) > 0);
    daemon_end(&daemon);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keras");
    TCase *tests = tcase_create("keras");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_same_bound_from_every_file);
    tcase_add_test(tests, layers_beside_the_file);
    tcase_add_test(tests, stored_and_named);
    tcase_add_test(tests, without_the_reader);
    tcase_add_test(tests, a_reader_that_dies);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
