/* SPDX-License-Identifier: MIT
 *
 * Answers that are kept, with the real daemon: the same bytes again, for the
 * same request only, to the same tenant only, also after kill -9; what HTTP
 * says of caches. */
#include "tests/support/contract.h"
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

#define LAYERS                                                                 \
    "{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2],[3,4],[0,-1]]},"       \
    "{\"type\":\"relu\"},{\"type\":\"dense\",\"weight\":[[1,-1,2]]}]}"
#define NAMED                                                                  \
    "{\"layers\":[{\"type\":\"dense\",\"name\":\"fc\",\"weight\":[[1,2],[3,"   \
    "4],[0,-1]]},{\"type\":\"relu\"},{\"type\":\"dense\",\"weight\":[[1,-1,"   \
    "2]]}]}"

static struct daemon daemon_;
static char data[80];

static void run(const char *option, const char *value)
{
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, "--jobs", "1",
                                          option, value, NULL});
}

static void setup(void)
{
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    run(NULL, NULL);
}

static void again(const char *option, const char *value)
{
    daemon_signal(&daemon_, SIGTERM);
    ck_assert_int_eq(daemon_wait(&daemon_), 0);
    run(option, value);
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

/* POST /bound with header fields. */
static void bound(struct http_answer *answer, const char *query,
                  const char *fields, const char *body)
{
    char target[200];
    snprintf(target, sizeof target, "/bound%s", query);
    http_post_with(answer, daemon_.port, target, fields, body);
}

/* Was the answer a kept one? It is what is expected. */
static bool was_kept(const char *query, const char *fields, const char *body)
{
    struct http_answer answer;
    char status[100];
    bound(&answer, query, fields, body);
    ck_assert_msg(answer.status == 200, "%s", answer.body);
    contract_add("BoundAnswer", answer.body);
    snprintf(status, sizeof status, "%s", http_field(&answer, "Cache-Status"));
    bool hit = !strcmp(status, "lipschitzd; hit");
    ck_assert_msg(hit || !strncmp(status, "lipschitzd; fwd=", 16), "%s",
                  status);
    ck_assert(!*http_field(&answer, "Age") == !hit);
    ck_assert_uint_eq(strlen(http_field(&answer, "ETag")), 34);
    http_clear(&answer);
    return hit;
}

/* Every form of the body, and every choice of methods. */
static const struct {
    const char *query, *body;
} request[] = {
    {"", LAYERS},
    {"", NAMED},
    {"?norm=inf", LAYERS},
    {"?methods=all", LAYERS},
    {"?methods=spectral,lipsdp", LAYERS},
    {"?methods=lipsdp&certificate=1", LAYERS},
    {"", "{\"model\":" LAYERS ",\"methods\":[\"lipsdp\"],\"tolerance\":0.1}"},
    {"?methods=lipsdp&lower_bound=1", LAYERS},
};

/* A kept answer is the computed one byte for byte, its seconds too. */
START_TEST(the_same_bytes_again)
{
    struct http_answer first, second;
    const char *query = request[_i].query, *body = request[_i].body;
    bound(&first, query, "", body);
    bound(&second, query, "", body);
    ck_assert_int_eq(first.status, 200);
    ck_assert_int_eq(second.status, 200);
    ck_assert_str_eq(http_field(&first, "Cache-Status"),
                     "lipschitzd; fwd=miss; stored");
    ck_assert_str_eq(http_field(&second, "Cache-Status"), "lipschitzd; hit");
    ck_assert_uint_eq(first.size, second.size);
    ck_assert(!memcmp(first.body, second.body, first.size));
    char etag[64];
    snprintf(etag, sizeof etag, "%s", http_field(&first, "ETag"));
    ck_assert_str_eq(http_field(&second, "ETag"), etag);
    ck_assert_str_eq(http_field(&first, "Cache-Control"), "private, no-cache");
    ck_assert_str_eq(http_field(&second, "Content-Type"), "application/json");
    http_clear(&first);
    http_clear(&second);
}
END_TEST

START_TEST(another_request_has_another_answer)
{
    enum { COUNT = sizeof request / sizeof *request };
    static const char series[] = "bound_seconds_count{method=\"lipsdp\"}";
    for (int i = 0; i < COUNT; i++)
        ck_assert_msg(!was_kept(request[i].query, "", request[i].body), "%d",
                      i);
    double computed = daemon_metric(&daemon_, series);
    ck_assert(computed > 0);
    for (int i = 0; i < COUNT; i++)
        ck_assert_msg(was_kept(request[i].query, "", request[i].body), "%d", i);
    ck_assert(daemon_metric(&daemon_,
                            "result_lookups_total{outcome=\"hit\"}") == COUNT);
    ck_assert(daemon_metric(&daemon_,
                            "result_lookups_total{outcome=\"miss\"}") == COUNT);
    ck_assert(daemon_metric(&daemon_, "stored_result_bytes") > 0);
    /* What was not computed took no time. */
    ck_assert(daemon_metric(&daemon_, series) == computed);
}
END_TEST

/* The words of the client: RFC 9111 and 9110. */
START_TEST(the_client_may_say_otherwise)
{
    struct http_answer answer;
    char field[100], etag[64];
    ck_assert(!was_kept("", "Cache-Control: no-store\r\n", LAYERS));
    ck_assert(!was_kept("", "", LAYERS));
    ck_assert(!was_kept("", "Cache-Control: no-cache\r\n", LAYERS));
    ck_assert(!was_kept("", "Cache-Control: foo, max-age=0\r\n", LAYERS));
    ck_assert(was_kept("", "Cache-Control: max-age=100\r\n", LAYERS));
    ck_assert(was_kept("", "Cache-Control: no-cachet\r\n", LAYERS));
    bound(&answer, "", "", LAYERS);
    snprintf(etag, sizeof etag, "%s", http_field(&answer, "ETag"));
    http_clear(&answer);
    static const char *const form[][2] = {
        {"", ""}, {"W/", ""}, {"\"a\", ", ""}, {"", " , \"b\""}};
    for (int i = 0; i < 4; i++) {
        snprintf(field, sizeof field, "If-None-Match: %s%s%s\r\n", form[i][0],
                 etag, form[i][1]);
        bound(&answer, "", field, LAYERS);
        ck_assert_int_eq(answer.status, 304);
        ck_assert_uint_eq(answer.size, 0);
        ck_assert_str_eq(http_field(&answer, "ETag"), etag);
        ck_assert_str_eq(http_field(&answer, "Cache-Status"),
                         "lipschitzd; hit");
        http_clear(&answer);
    }
    /* Another tag, and what is none. */
    snprintf(field, sizeof field, "If-None-Match: \"x,%s\r\n", etag);
    ck_assert(was_kept("", field, LAYERS));
    ck_assert(was_kept("", "If-None-Match: \"0123\"\r\n", LAYERS));
    ck_assert(was_kept("", "If-None-Match: *\r\n", LAYERS));
    /* A new answer takes the place of the one before. */
    ck_assert(!was_kept("", "Cache-Control: no-cache\r\n", LAYERS));
    snprintf(field, sizeof field, "If-None-Match: %s\r\n", etag);
    bound(&answer, "", field, LAYERS);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_ne(http_field(&answer, "ETag"), etag);
    http_clear(&answer);
    ck_assert(daemon_metric(&daemon_,
                            "result_lookups_total{outcome=\"passed\"}") == 2);
}
END_TEST

static void store_model(const char *model, char id[80])
{
    struct http_answer answer;
    http_ask(&answer, daemon_.port, "POST", "/models", "application/json",
             model, strlen(model));
    ck_assert_int_eq(answer.status, 201);
    json_t *stored = json_loads(answer.body, 0, NULL);
    snprintf(id, 80, "%s", json_string_value(json_object_get(stored, "id")));
    json_decref(stored);
    http_clear(&answer);
}

static void remove_model(const char *id)
{
    struct http_answer answer;
    char target[120];
    snprintf(target, sizeof target, "/models/%s", id);
    http_ask(&answer, daemon_.port, "DELETE", target, NULL, NULL, 0);
    ck_assert_int_eq(answer.status / 100, 2);
    http_clear(&answer);
}

/* A stored model, too, as long as it is stored, with the names that it has
 * now. */
START_TEST(stored_models)
{
    char id[80], body[200];
    struct http_answer answer;
    store_model(LAYERS, id);
    snprintf(body, sizeof body, "{\"model\":{\"id\":\"%s\"}}", id);
    ck_assert(!was_kept("", "", body));
    ck_assert(was_kept("", "", body));
    remove_model(id);
    bound(&answer, "", "", body);
    ck_assert(http_is_problem(&answer, 404, "not-found"));
    http_clear(&answer);
    store_model(NAMED, id);
    ck_assert_ptr_nonnull(strstr(body, id));
    ck_assert(!was_kept("", "", body));
    bound(&answer, "", "", body);
    ck_assert(http_has(&answer, "\"fc\""));
    http_clear(&answer);
}
END_TEST

/* A job gives and takes. */
START_TEST(jobs_share)
{
    struct http_answer answer;
    char id[JOB_ID];
    static const char async[] = "Prefer: respond-async\r\n";
    const char *target[] = {"?methods=lipsdp", "?methods=lipsdp&norm=2&"
                                               "tolerance=0.02"};
    bound(&answer, target[0], "", LAYERS);
    json_t *at_once = json_loads(answer.body, 0, NULL);
    http_clear(&answer);
    for (int i = 0; i < 2; i++) {
        bound(&answer, target[i], async, LAYERS);
        ck_assert_int_eq(answer.status, 202);
        ck_assert_int_eq(
            sscanf(http_field(&answer, "Location"), "/jobs/%63s", id), 1);
        http_clear(&answer);
        json_t *job = job_await(&daemon_, id, 20);
        ck_assert_str_eq(job_state(job), "succeeded");
        json_t *result = json_object_get(job, "result");
        if (i == 0) {
            ck_assert(json_equal(result, at_once));
        } else {
            bound(&answer, target[1], "", LAYERS);
            ck_assert_str_eq(http_field(&answer, "Cache-Status"),
                             "lipschitzd; hit");
            json_t *later = json_loads(answer.body, 0, NULL);
            ck_assert(json_equal(result, later));
            json_decref(later);
            http_clear(&answer);
        }
        json_decref(job);
    }
    /* The second only was computed by a process. */
    ck_assert(daemon_metric(&daemon_, "job_exits_total{how=\"done\"}") == 1);
    /* Who waits may hear of the end before it is counted. */
    ck_assert(daemon_metric_reaches(
        &daemon_, "jobs_ended_total{kind=\"bound\",state=\"succeeded\"}", 2,
        5));
    json_decref(at_once);
}
END_TEST

/* A job that the client wants anew is. */
START_TEST(jobs_heed_no_cache)
{
    struct http_answer answer;
    char id[JOB_ID];
    ck_assert(!was_kept("", "", LAYERS));
    bound(&answer, "", "Prefer: respond-async\r\nCache-Control: no-cache\r\n",
          LAYERS);
    ck_assert_int_eq(sscanf(http_field(&answer, "Location"), "/jobs/%63s", id),
                     1);
    http_clear(&answer);
    json_decref(job_await(&daemon_, id, 20));
    ck_assert(daemon_metric(&daemon_, "job_exits_total{how=\"done\"}") == 1);
    ck_assert(was_kept("", "", LAYERS));
}
END_TEST

/* What a time limit cut off is not kept: with more time there is more. */
START_TEST(what_was_cut_off_is_not_kept)
{
    struct bytes wide = {0};
    struct http_answer answer;
    bytes_wide_model(&wide, 300, 6);
    for (int i = 0; i < 2; i++) {
        http_ask(&answer, daemon_.port, "POST",
                 "/bound?methods=all&time_limit=0.3",
                 "application/octet-stream", wide.data, wide.size);
        ck_assert_int_eq(answer.status, 200);
        ck_assert_msg(http_has(&answer, "\"skipped\""), "%s", answer.body);
        ck_assert_str_eq(http_field(&answer, "Cache-Status"),
                         "lipschitzd; fwd=miss");
        http_clear(&answer);
    }
    bytes_clear(&wide);
}
END_TEST

/* What `auto` leaves out beforehand follows from the limit: it is kept for the
 * same limit only. */
START_TEST(auto_is_kept_for_its_limit)
{
    again("--flops-per-second", "2e4");
    ck_assert(!was_kept("?time_limit=3&lower_bound=0", "", LAYERS));
    ck_assert(was_kept("?time_limit=3&lower_bound=0", "", LAYERS));
    ck_assert(!was_kept("?time_limit=4&lower_bound=0", "", LAYERS));
    ck_assert(!was_kept("?lower_bound=0", "Prefer: wait=3\r\n", LAYERS));
    ck_assert(was_kept("?lower_bound=0", "Prefer: wait=3\r\n", LAYERS));
    ck_assert(!was_kept("?lower_bound=0", "Prefer: wait=2\r\n", LAYERS));
    again("--flops-per-second", "1e9");
    ck_assert(!was_kept("?time_limit=3&lower_bound=0", "", LAYERS));
}
END_TEST

START_TEST(what_is_kept_survives_the_daemon)
{
    for (size_t i = 0; i < sizeof request / sizeof *request; i++)
        was_kept(request[i].query, "", request[i].body);
    daemon_signal(&daemon_, SIGKILL);
    daemon_wait(&daemon_);
    run(NULL, NULL);
    for (size_t i = 0; i < sizeof request / sizeof *request; i++)
        ck_assert(was_kept(request[i].query, "", request[i].body));
}
END_TEST

START_TEST(it_can_be_switched_off)
{
    struct http_answer answer;
    again("--max-results", "0");
    for (int i = 0; i < 2; i++) {
        bound(&answer, "", "", LAYERS);
        ck_assert_int_eq(answer.status, 200);
        ck_assert_str_eq(http_field(&answer, "Cache-Status"), "");
        ck_assert_str_ne(http_field(&answer, "ETag"), "");
        http_clear(&answer);
    }
}
END_TEST

static void ask_as(struct http_answer *answer, const char *token)
{
    http_ask_as(answer, daemon_.port, token, "POST", "/bound",
                "application/json", LAYERS, strlen(LAYERS));
    ck_assert_int_eq(answer->status, 200);
}

/* What one tenant asked is not to be learned by another, who asks the same. */
START_TEST(tenants_do_not_share)
{
    char file[100], one[TOKEN_SIZE], other[TOKEN_SIZE];
    struct http_answer answer;
    snprintf(file, sizeof file, "%s/tokens", daemon_.directory);
    token_add(one, file, "one", "bound");
    token_add(other, file, "other", "bound");
    again("--tokens", file);
    ask_as(&answer, one);
    http_clear(&answer);
    ask_as(&answer, other);
    ck_assert_str_eq(http_field(&answer, "Cache-Status"),
                     "lipschitzd; fwd=miss; stored");
    http_clear(&answer);
    ask_as(&answer, one);
    ck_assert_str_eq(http_field(&answer, "Cache-Status"), "lipschitzd; hit");
    http_clear(&answer);
}
END_TEST

START_TEST(documents_follow_the_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/results");
    TCase *tc = tcase_create("results");
    tcase_add_unchecked_fixture(tc, contract_open, NULL);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, the_same_bytes_again, 0,
                        (int)(sizeof request / sizeof *request));
    tcase_add_test(tc, another_request_has_another_answer);
    tcase_add_test(tc, the_client_may_say_otherwise);
    tcase_add_test(tc, stored_models);
    tcase_add_test(tc, jobs_share);
    tcase_add_test(tc, jobs_heed_no_cache);
    tcase_add_test(tc, what_was_cut_off_is_not_kept);
    tcase_add_test(tc, auto_is_kept_for_its_limit);
    tcase_add_test(tc, what_is_kept_survives_the_daemon);
    tcase_add_test(tc, it_can_be_switched_off);
    tcase_add_test(tc, tenants_do_not_share);
    tcase_add_test(tc, documents_follow_the_contract);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
