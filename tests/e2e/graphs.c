/* SPDX-License-Identifier: MIT
 *
 * Networks with convolutions and skip connections over real HTTP: what the
 * answer shows of their layers, and what is refused in words. */
#include "tests/support/certificate.h"
#include "tests/support/contract.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct daemon daemon_;

static void setup(void)
{
    contract_open();
    daemon_prepare(&daemon_);
    daemon_run(&daemon_,
               (const char *[]){"--data-dir", daemon_.directory, NULL});
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

/* A residual block of convolutions with a batch norm to fold, max-pool and a
 * dense layer on 1 x 4 x 4. */
#define IMAGES                                                                 \
    "\"model\":{\"layers\":["                                                  \
    "{\"type\":\"reshape\",\"name\":\"image\",\"shape\":[1,4,4]},"             \
    "{\"type\":\"conv\",\"name\":\"c1\",\"padding\":[1,1],\"weight\":"         \
    "[[[[1,0,-1],[2,0,-2],[1,0,-1]]],[[[0,1,0],[1,-4,1],[0,1,0]]]]},"          \
    "{\"type\":\"batch-norm\",\"name\":\"bn\",\"mean\":[0,1],\"variance\":[1," \
    "4],"                                                                      \
    "\"weight\":[1,1],\"bias\":[0,0]},"                                        \
    "{\"type\":\"relu\",\"name\":\"r1\"},"                                     \
    "{\"type\":\"conv\",\"name\":\"c2\",\"weight\":[[[[1]],[[0.5]]],[[[0.25]]" \
    ","                                                                        \
    "[[1]]]]},"                                                                \
    "{\"type\":\"relu\",\"name\":\"r2\"},"                                     \
    "{\"type\":\"add\",\"name\":\"sum\",\"inputs\":[\"r1\",\"r2\"]},"          \
    "{\"type\":\"max-pool\",\"name\":\"pool\",\"kernel\":[2,2],\"stride\":[2," \
    "2]},"                                                                     \
    "{\"type\":\"flatten\",\"name\":\"flat\"},"                                \
    "{\"type\":\"dense\",\"name\":\"head\",\"weight\":[[1,1,1,1,-1,-1,-1,-1]," \
    "[0,1,0,1,0,1,0,1]]}]}"

static json_t *post(const char *target, const char *body, int status,
                    const char *schema)
{
    struct http_answer answer;
    http_post(&answer, daemon_.port, target, body);
    ck_assert_msg(answer.status == status, "%s: %d %s", target, answer.status,
                  answer.body);
    contract_add(schema, answer.body);
    json_t *document = json_loads(answer.body, 0, NULL);
    ck_assert_ptr_nonnull(document);
    http_clear(&answer);
    return document;
}

static json_t *layer_of(const json_t *answer, size_t i)
{
    return json_array_get(
        json_object_get(json_object_get(answer, "model"), "layers"), i);
}

static json_t *bound_by(const json_t *answer, const char *method)
{
    size_t i;
    json_t *bound;
    json_array_foreach(
        json_object_get(answer, "bounds"), i,
        bound) if (!strcmp(json_string_value(json_object_get(bound, "method")),
                           method)) return bound;
    return NULL;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

START_TEST(layers_say_what_they_contribute)
{
    json_t *answer =
        post("/bound", "{" IMAGES ",\"methods\":\"all\"}", 200, "BoundAnswer");
    json_t *conv = layer_of(answer, 1), *norm = layer_of(answer, 2);
    ck_assert_uint_gt(json_array_size(json_object_get(conv, "norms")), 1);
    ck_assert_ptr_nonnull(json_object_get(conv, "norm_method"));
    ck_assert_int_eq(json_integer_value(json_array_get(
                         json_object_get(conv, "folded_with"), 0)),
                     2);
    ck_assert(fabs(number(conv, "share") - number(norm, "share")) < 1e-12);
    ck_assert_uint_eq(json_array_size(json_object_get(conv, "out")), 3);
    ck_assert_uint_eq(
        json_array_size(json_object_get(layer_of(answer, 6), "sources")), 2);
    json_decref(answer);
}
END_TEST

/* The factors and the bound fit together: (|c1 bn| + |c1 bn||c2|) |head|, and
 * the shares are parts of 1. */
START_TEST(segments_make_the_bound)
{
    json_t *answer =
        post("/bound", "{" IMAGES ",\"methods\":\"all\"}", 200, "BoundAnswer");
    json_t *bound = bound_by(answer, "spectral"), *segment;
    json_t *segments = json_object_get(bound, "segments");
    double factor[3], shares = 0;
    size_t i;
    ck_assert_uint_eq(json_array_size(segments), 3);
    json_array_foreach(segments, i, segment)
    {
        factor[i] = number(segment, "norm");
        shares += number(segment, "share");
    }
    double expected = factor[0] * (1 + factor[1]) * factor[2];
    ck_assert(fabs(number(bound, "upper_bound") - expected) <= 1e-9 * expected);
    ck_assert(fabs(shares - 1) < 1e-9);
    ck_assert_str_eq(
        json_string_value(json_object_get(json_array_get(segments, 0), "from")),
        "input");
    json_t *chain = json_object_get(answer, "chain");
    ck_assert(json_is_true(json_object_get(chain, "unrolled")));
    ck_assert_uint_eq(json_array_size(json_object_get(chain, "widths")),
                      json_array_size(json_object_get(chain, "passing")) + 2);
    json_decref(answer);
}
END_TEST

/* What the largest lower bound says, every bound is above; certificates and
 * radii say in words why there is none. */
START_TEST(no_bound_is_below_the_lower_one)
{
    static const char *const norm[] = {"1", "2", "\"inf\"",
                                       "{\"input\":2,\"output\":\"inf\"}"};
    for (size_t k = 0; k < 4; k++) {
        char body[2048];
        snprintf(body, sizeof body,
                 "{" IMAGES ",\"methods\":\"all\",\"certificate\":true,"
                 "\"norm\":%s}",
                 norm[k]);
        json_t *answer = post("/bound", body, 200, "BoundAnswer"), *bound;
        double low = number(json_object_get(answer, "lower_bound"), "value");
        size_t i;
        json_array_foreach(json_object_get(answer, "bounds"), i, bound)
        {
            if (json_object_get(bound, "skipped"))
                continue;
            ck_assert(number(bound, "upper_bound") >= low);
            ck_assert_ptr_nonnull(
                json_object_get(bound, "certificate_missing"));
        }
        ck_assert_ptr_nonnull(json_object_get(answer, "best"));
        json_decref(answer);
    }
}
END_TEST

#define TWO_BY_TWO                                                             \
    "\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2],[3,4]]}]}"

/* A certificate of a dense layer, made out to a network with convolutions: the
 * checker knows better than to pass over layers that it does not know. */
START_TEST(the_checker_refuses_what_it_does_not_know)
{
    json_t *answer = post("/bound?certificate=1&methods=spectral",
                          "{" TWO_BY_TWO "}", 200, "BoundAnswer");
    json_t *other = post("/bound", "{" IMAGES "}", 200, "BoundAnswer");
    json_t *certificate = certificate_of(answer, "spectral");
    ck_assert_ptr_nonnull(certificate);
    write_file(&daemon_, "model", "{" TWO_BY_TWO "}",
               strlen("{" TWO_BY_TWO "}"));
    ck_assert_msg(checker_proves(&daemon_, certificate), "%s", checker_said);
    json_object_set(certificate, "model",
                    json_object_get(json_object_get(other, "model"), "id"));
    reseal(certificate);
    write_file(&daemon_, "model", "{" IMAGES "}", strlen("{" IMAGES "}"));
    ck_assert(!checker_proves(&daemon_, certificate));
    ck_assert_msg(strstr(checker_said, "not known here"), "%s", checker_said);
    json_decref(certificate);
    json_decref(other);
    json_decref(answer);
}
END_TEST

/* A skip connection cannot be trained on yet: the job says so. */
START_TEST(training_says_what_it_cannot)
{
    json_t *model = post("/models", "{" IMAGES "}", 201, "Model");
    char target[80], body[1024], row[] = "[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7]";
    snprintf(body, sizeof body,
             "{\"model\":{\"id\":\"%s\"},\"dataset\":{\"inline\":{\"x\":[%s,%s,"
             "%s,%s],\"y\":[0,1,0,1]}},\"constraint\":{\"method\":\"none\"},"
             "\"validation\":{\"split\":0},\"epochs\":1}",
             json_string_value(json_object_get(model, "id")), row, row, row,
             row);
    json_t *job = post("/train", body, 202, "Job");
    snprintf(target, sizeof target, "/jobs/%s?wait=30",
             json_string_value(json_object_get(job, "id")));
    struct http_answer answer;
    for (int tries = 0; tries < 60; tries++) {
        http_get(&answer, daemon_.port, target);
        bool ended = http_has(&answer, "\"finished\"");
        if (ended || tries == 59)
            break;
        http_clear(&answer);
    }
    ck_assert_msg(http_has(&answer, "unsupported-model") &&
                      http_has(&answer, "skip connections"),
                  "%s", answer.body);
    http_clear(&answer);
    json_decref(job);
    json_decref(model);
}
END_TEST

START_TEST(answers_follow_their_schema)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/graphs");
    TCase *tc = tcase_create("graphs");
    tcase_set_timeout(tc, 120);
    tcase_add_unchecked_fixture(tc, setup, teardown);
    tcase_add_test(tc, layers_say_what_they_contribute);
    tcase_add_test(tc, segments_make_the_bound);
    tcase_add_test(tc, no_bound_is_below_the_lower_one);
    tcase_add_test(tc, the_checker_refuses_what_it_does_not_know);
    tcase_add_test(tc, training_says_what_it_cannot);
    tcase_add_test(tc, answers_follow_their_schema);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
