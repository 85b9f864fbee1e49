/* SPDX-License-Identifier: MIT
 *
 * POST /bound over real HTTP: body forms, statuses of what is wrong, hostile
 * bodies, deadlines. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct daemon daemon_;

static void setup(void)
{
    daemon_start(&daemon_, (const char *[]){"--max-body", "64M", NULL});
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

/* The bound of the only method asked for. */
static double best_of(const struct http_answer *answer)
{
    json_t *document = json_loads(answer->body, 0, NULL);
    ck_assert_msg(document != NULL, "%s", answer->body);
    json_t *best = json_object_get(document, "best");
    double bound = json_number_value(json_object_get(best, "upper_bound"));
    json_decref(document);
    return bound;
}

/* The same model in every body form has the same bound. */
START_TEST(body_forms_agree)
{
    static const double first[] = {1, 2, 3, 4, 5, 6}, second[] = {1, -1, 1};
    const struct array arrays[] = {{"1.weight", 2, {3, 2}, first},
                                   {"2.weight", 2, {1, 3}, second}};
    static const char json[] =
        "{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2],[3,4],"
        "[5,6]]},{\"type\":\"relu\"},{\"type\":\"dense\",\"weight\":[[1,-1,1]]"
        "}]},\"methods\":[\"eclipse-fast\"]}";
    struct bytes file = {NULL, 0, 0}, npz = {NULL, 0, 0}, form = {NULL, 0, 0};
    struct http_answer answer;
    double bound[4];
    bytes_safetensors(&file, arrays, 2, "F64");
    bytes_npz(&npz, arrays, 2, "<f8", 0);
    bytes_text(&form, "--XyZ\r\nContent-Disposition: form-data; "
                      "name=\"options\"\r\n\r\n"
                      "{\"methods\":[\"eclipse-fast\"]}\r\n--XyZ\r\n"
                      "Content-Disposition: form-data; name=\"model\"; "
                      "filename=\"m\"\r\n\r\n");
    bytes_put(&form, file.data, file.size);
    bytes_text(&form, "\r\n--XyZ--\r\n");
    http_post(&answer, daemon_.port, "/bound", json);
    ck_assert_int_eq(answer.status, 200);
    bound[0] = best_of(&answer);
    http_clear(&answer);
    http_ask(&answer, daemon_.port, "POST", "/bound?methods=eclipse-fast",
             "application/octet-stream", file.data, file.size);
    ck_assert_int_eq(answer.status, 200);
    bound[1] = best_of(&answer);
    http_clear(&answer);
    http_ask(&answer, daemon_.port, "POST", "/bound?methods=eclipse-fast", NULL,
             npz.data, npz.size);
    ck_assert_int_eq(answer.status, 200);
    bound[2] = best_of(&answer);
    http_clear(&answer);
    http_ask(&answer, daemon_.port, "POST", "/bound",
             "multipart/form-data; boundary=XyZ", form.data, form.size);
    ck_assert_int_eq(answer.status, 200);
    bound[3] = best_of(&answer);
    http_clear(&answer);
    for (int i = 1; i < 4; i++)
        ck_assert(memcmp(&bound[i], &bound[0], sizeof bound[0]) == 0);
    ck_assert(bound[0] > 1 && bound[0] < 100);
    bytes_clear(&file);
    bytes_clear(&npz);
    bytes_clear(&form);
}
END_TEST

static const struct {
    const char *target, *body;
    int status;
} wrong[] = {
    {"/bound", "{", 400},
    {"/bound", "{\"model\":{\"layers\":[}}", 400},
    {"/bound", "{" TINY_LAYERS "} x", 400},
    {"/bound", "{\"model\":{\"layers\":[]}}", 422},
    {"/bound",
     "{\"model\":{\"layers\":[{\"type\":\"quark\",\"weight\":[[1]]}]}}", 422},
    {"/bound",
     "{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2],[3]]}]}}",
     422},
    {"/bound",
     "{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2]]},"
     "{\"type\":\"dense\",\"weight\":[[1,2]]}]}}",
     422},
    {"/bound", "{" TINY_LAYERS ",\"methods\":[\"quark\"]}", 422},
    {"/bound", "{" TINY_LAYERS ",\"norm\":3}", 422},
    {"/bound?norm=7", "{" TINY_LAYERS "}", 422},
    {"/bound?methods=quark", "{" TINY_LAYERS "}", 422},
    {"/bound", "{" TINY_LAYERS ",\"time_limit\":-1}", 422},
    {"/bound", "hello", 415},
    {"/bound", "\x1f\x8b\x08 a gzip file", 415},
    {"/bound",
     "{\"model\":{\"id\":\"sha256:"
     "0000000000000000000000000000000000000000000000000000000000000000\"}}",
     404},
};

START_TEST(what_is_wrong_has_its_status_and_place)
{
    struct http_answer answer;
    http_ask(&answer, daemon_.port, "POST", wrong[_i].target, NULL,
             wrong[_i].body, strlen(wrong[_i].body));
    ck_assert_msg(answer.status == wrong[_i].status, "%s: %d %s",
                  wrong[_i].body, answer.status, answer.body);
    ck_assert_str_eq(http_field(&answer, "Content-Type"),
                     "application/problem+json");
    json_t *problem = json_loads(answer.body, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_int_eq(json_integer_value(json_object_get(problem, "status")),
                     answer.status);
    ck_assert_uint_gt(json_string_length(json_object_get(problem, "detail")),
                      10);
    json_decref(problem);
    http_clear(&answer);
}
END_TEST

/* Text of `count` times the same piece between two others. */
static void repeat(struct bytes *out, const char *before, const char *piece,
                   size_t count, const char *after)
{
    bytes_text(out, "%s", before);
    for (size_t i = 0; i < count; i++)
        bytes_put(out, piece, strlen(piece));
    bytes_text(out, "%s", after);
}

/* Each is refused within a second (on a machine at rest; ten here). */
START_TEST(hostile_bodies_are_refused_quickly)
{
    static const struct {
        const char *before, *piece, *after;
    } cases[] = {
        {"", "[", ""},
        {"{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":", "[", ""},
        {"{\"model\":", "{\"a\":", ""},
        {"{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[", "9", "e"},
        {"{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1", "0",
         "]]}]}}"},
        {"{\"model\":{\"layers\":[", "{\"type\":\"relu\"},",
         "{\"type\":\"relu\"}]}}"},
        {"{\"", "a", "\":1}"},
        {"{", "\"norm\":2,", "\"norm\":2}"},
    };
    struct bytes body = {NULL, 0, 0};
    struct http_answer answer;
    repeat(&body, cases[_i].before, cases[_i].piece, 1000000, cases[_i].after);
    double start = lip_now();
    http_ask(&answer, daemon_.port, "POST", "/bound", "application/json",
             body.data, body.size);
    ck_assert_msg(answer.status >= 400 && answer.status < 500, "%d",
                  answer.status);
    ck_assert_msg(lip_now() - start < 10, "%g s", lip_now() - start);
    ck_assert_uint_lt(answer.size, 4096);
    http_clear(&answer);
    bytes_clear(&body);
    http_post(&answer, daemon_.port, "/bound", TINY_BOUND);
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
}
END_TEST

/* The client's limit is kept: what was proven by then is there. */
START_TEST(a_time_limit_is_kept)
{
    struct bytes model = {NULL, 0, 0};
    struct http_answer answer;
    bytes_wide_model(&model, 500, 8);
    double start = lip_now();
    http_ask(&answer, daemon_.port, "POST", "/bound?methods=all&time_limit=2",
             NULL, model.data, model.size);
    ck_assert_msg(answer.status == 200, "%s", answer.body);
    ck_assert(http_has(&answer, "\"best\""));
    /* All methods to their end take far longer. */
    ck_assert_msg(lip_now() - start < 15, "%g s", lip_now() - start);
    http_clear(&answer);
    bytes_clear(&model);
}
END_TEST

START_TEST(the_servers_time_limit_caps_it)
{
    struct bytes model = {NULL, 0, 0};
    struct http_answer answer;
    teardown();
    daemon_start(&daemon_, (const char *[]){"--max-time", "0.5", NULL});
    bytes_wide_model(&model, 600, 6);
    double start = lip_now();
    http_ask(&answer, daemon_.port, "POST",
             "/bound?methods=all&time_limit=1000", NULL, model.data,
             model.size);
    ck_assert(answer.status == 200 || answer.status == 422);
    ck_assert_msg(lip_now() - start < 10, "%g s", lip_now() - start);
    http_clear(&answer);
    bytes_clear(&model);
}
END_TEST

START_TEST(a_model_over_the_memory_limit_is_told)
{
    struct bytes model = {NULL, 0, 0};
    struct http_answer answer;
    teardown();
    daemon_start(&daemon_,
                 (const char *[]){"--max-request-memory", "1M", NULL});
    bytes_wide_model(&model, 300, 2);
    http_ask(&answer, daemon_.port, "POST", "/bound", NULL, model.data,
             model.size);
    ck_assert(http_is_problem(&answer, 413, "model-too-large"));
    http_clear(&answer);
    bytes_clear(&model);
}
END_TEST

START_TEST(the_memory_of_a_request_is_given_back)
{
    struct bytes model = {NULL, 0, 0};
    struct http_answer answer;
    bytes_wide_model(&model, 500, 8);
    for (int i = 0; i < 5; i++) {
        http_ask(&answer, daemon_.port, "POST", "/bound?methods=naive", NULL,
                 model.data, model.size);
        ck_assert_int_eq(answer.status, 200);
        http_clear(&answer);
    }
    bytes_clear(&model);
    ck_assert(daemon_metric_rests(&daemon_, "reserved_bytes", 10));
    ck_assert(daemon_logged(&daemon_, "\"peak_bytes\":", "\"/bound\""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/bound");
    TCase *tcase = tcase_create("bound");
    tcase_set_timeout(tcase, 180);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, body_forms_agree);
    tcase_add_loop_test(tcase, what_is_wrong_has_its_status_and_place, 0,
                        sizeof wrong / sizeof wrong[0]);
    tcase_add_loop_test(tcase, hostile_bodies_are_refused_quickly, 0, 8);
    tcase_add_test(tcase, a_time_limit_is_kept);
    tcase_add_test(tcase, the_servers_time_limit_caps_it);
    tcase_add_test(tcase, a_model_over_the_memory_limit_is_told);
    tcase_add_test(tcase, the_memory_of_a_request_is_given_back);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
