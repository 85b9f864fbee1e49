/* SPDX-License-Identifier: MIT
 *
 * Every address answers as the contract says, on connections that stay open
 * and on pipelined ones. */
#include "api/openapi.h"
#include "server/routes.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct daemon daemon_;

static void setup(void)
{
    daemon_start(&daemon_, NULL);
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

static void get(struct http_answer *answer, const char *target)
{
    http_get(answer, daemon_.port, target);
}

START_TEST(health_in_all_spellings)
{
    static const char *const targets[][2] = {{"/healthz", "alive"},
                                             {"/v2/health/live", "alive"},
                                             {"/readyz", "ready"},
                                             {"/v2/health/ready", "ready"}};
    struct http_answer answer;
    for (int i = 0; i < 4; i++) {
        get(&answer, targets[i][0]);
        ck_assert_int_eq(answer.status, 200);
        ck_assert(http_has(&answer, targets[i][1]));
        ck_assert_str_eq(http_field(&answer, "Content-Type"),
                         "application/json");
        http_clear(&answer);
    }
}
END_TEST

START_TEST(json_documents_are_json)
{
    static const char *const targets[][2] = {{"/version", "version"},
                                             {"/methods", "methods"}};
    struct http_answer answer;
    for (int i = 0; i < 2; i++) {
        get(&answer, targets[i][0]);
        ck_assert_int_eq(answer.status, 200);
        json_t *document =
            json_loads(answer.body, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_ptr_nonnull(json_object_get(document, targets[i][1]));
        json_decref(document);
        http_clear(&answer);
    }
}
END_TEST

START_TEST(the_front_page_names_every_endpoint)
{
    struct http_answer answer;
    get(&answer, "/");
    ck_assert_int_eq(answer.status, 200);
    for (size_t i = 0; i < lipd_route_count; i++)
        ck_assert(http_has(&answer, lipd_routes[i].path));
    ck_assert_ptr_nonnull(
        strstr(http_field(&answer, "Content-Type"), "text/html"));
    ck_assert_str_eq(http_field(&answer, "X-Content-Type-Options"), "nosniff");
    ck_assert_ptr_nonnull(strstr(http_field(&answer, "Content-Security-Policy"),
                                 "default-src 'none'"));
    ck_assert_ptr_nonnull(strstr(http_field(&answer, "Content-Security-Policy"),
                                 "frame-ancestors 'none'"));
    ck_assert_str_eq(http_field(&answer, "Referrer-Policy"), "no-referrer");
    http_clear(&answer);
}
END_TEST

START_TEST(the_openapi_document_is_the_one_built_in)
{
    struct http_answer answer;
    get(&answer, "/openapi.yaml");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.size, api_openapi_yaml_size);
    ck_assert_mem_eq(answer.body, api_openapi_yaml, answer.size);
    http_clear(&answer);
}
END_TEST

START_TEST(metrics_count_what_was_done)
{
    struct http_answer answer;
    for (int i = 0; i < 3; i++) {
        http_post(&answer, daemon_.port, "/bound", TINY_BOUND);
        ck_assert_int_eq(answer.status, 200);
        http_clear(&answer);
    }
    get(&answer, "/nowhere");
    http_clear(&answer);
    ck_assert(daemon_metric_reaches(
        &daemon_,
        "requests_total{method=\"POST\",route=\"/bound\",status=\"2xx\"}", 3,
        5));
    ck_assert(daemon_metric_reaches(
        &daemon_, "requests_total{method=\"\",route=\"other\",status=\"4xx\"}",
        1, 5));
    ck_assert(daemon_metric(&daemon_,
                            "bound_seconds_count{method=\"eclipse-fast\"}") >=
              3);
    ck_assert(daemon_metric(&daemon_, "workers") >= 1);
    ck_assert(daemon_metric(&daemon_, "received_bytes_total") >=
              3 * strlen(TINY_BOUND));
    ck_assert(daemon_metric(&daemon_, "problems_total{code=\"not-found\"}") >=
              1);
    ck_assert(daemon_metric_rests(&daemon_, "reserved_bytes", 10));
}
END_TEST

START_TEST(unknown_paths_and_methods)
{
    struct http_answer answer;
    get(&answer, "/nowhere");
    ck_assert(http_is_problem(&answer, 404, "not-found"));
    http_clear(&answer);
    static const char *const wrong[][3] = {
        {"PUT", "/bound", "POST, OPTIONS"},
        {"GET", "/bound", "POST, OPTIONS"},
        {"FROB", "/healthz", "GET, HEAD, OPTIONS"},
        {"POST", "/healthz", "GET, HEAD, OPTIONS"},
        {"TRACE", "/", "GET, HEAD, OPTIONS"},
        {"POST", "/models/x", "GET, HEAD, DELETE, OPTIONS"}};
    for (int i = 0; i < 6; i++) {
        http_ask(&answer, daemon_.port, wrong[i][0], wrong[i][1], NULL, NULL,
                 0);
        ck_assert(http_is_problem(&answer, 405, "method-not-allowed"));
        ck_assert_str_eq(http_field(&answer, "Allow"), wrong[i][2]);
        http_clear(&answer);
    }
}
END_TEST

START_TEST(head_is_get_without_the_body)
{
    struct http_answer head, full;
    struct http_client client;
    get(&full, "/healthz");
    http_open(&client, daemon_.port);
    http_say(&client, "HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
                      "HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
                      "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert(http_read(&head, &client, true));
    ck_assert_int_eq(head.status, 200);
    ck_assert_uint_eq((size_t)atol(http_field(&head, "Content-Length")),
                      full.size);
    http_clear(&head);
    ck_assert(http_read(&head, &client, true));
    ck_assert_int_eq(head.status, 404);
    http_clear(&head);
    /* No body in between: the next answer is in its place. */
    ck_assert(http_read(&head, &client, false));
    ck_assert_int_eq(head.status, 200);
    ck_assert_str_eq(head.body, full.body);
    http_clear(&head);
    http_clear(&full);
    http_close(&client);
}
END_TEST

START_TEST(request_ids_go_through)
{
    struct http_answer answer;
    struct http_client client;
    http_open(&client, daemon_.port);
    http_say(&client, "GET /nowhere HTTP/1.1\r\nHost: a\r\n"
                      "X-Request-Id: my-id_1.2:3\r\n\r\n");
    ck_assert(http_read(&answer, &client, false));
    ck_assert_str_eq(http_field(&answer, "X-Request-Id"), "my-id_1.2:3");
    ck_assert(http_has(&answer, "\"instance\":\"my-id_1.2:3\""));
    http_clear(&answer);
    http_say(&client, "GET /nowhere HTTP/1.1\r\nHost: a\r\n"
                      "X-Request-Id: no \"good\"\r\n\r\n");
    ck_assert(http_read(&answer, &client, false));
    ck_assert_uint_eq(strlen(http_field(&answer, "X-Request-Id")), 16);
    http_clear(&answer);
    http_close(&client);
    ck_assert(daemon_logged(&daemon_, "\"my-id_1.2:3\"", "\"status\":404"));
}
END_TEST

/* Mixed light and heavy requests, good and bad ones, on one connection. */
START_TEST(a_connection_stays_open)
{
    struct http_answer answer;
    struct http_client client;
    char post[1024];
    snprintf(post, sizeof post,
             "POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n"
             "%s",
             strlen(TINY_BOUND), TINY_BOUND);
    http_open(&client, daemon_.port);
    for (int i = 0; i < 50; i++) {
        http_say(&client, post);
        ck_assert(http_read(&answer, &client, false));
        ck_assert_int_eq(answer.status, 200);
        http_clear(&answer);
        http_say(&client, "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
        ck_assert(http_read(&answer, &client, false));
        ck_assert_int_eq(answer.status, 404);
        ck_assert_str_eq(http_field(&answer, "Connection"), "");
        http_clear(&answer);
    }
    http_close(&client);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
    enum { ROUNDS = 40 };
    static char text[ROUNDS * 1024];
    struct http_answer answer;
    struct http_client client;
    size_t size = 0;
    for (int i = 0; i < ROUNDS; i++)
        size += (size_t)snprintf(
            text + size, sizeof text - size,
            "POST /bound HTTP/1.1\r\nHost: a\r\nX-Request-Id: p%d\r\n"
            "Content-Length: %zu\r\n\r\n%s"
            "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Request-Id: g%d\r\n\r\n",
            i, strlen(TINY_BOUND), TINY_BOUND, i);
    http_open(&client, daemon_.port);
    ck_assert(http_send(&client, text, size));
    for (int i = 0; i < 2 * ROUNDS; i++) {
        char id[16];
        snprintf(id, sizeof id, "%c%d", i % 2 ? 'g' : 'p', i / 2);
        ck_assert(http_read(&answer, &client, false));
        ck_assert_int_eq(answer.status, 200);
        ck_assert_str_eq(http_field(&answer, "X-Request-Id"), id);
        http_clear(&answer);
    }
    http_close(&client);
}
END_TEST

START_TEST(http_1_0_is_served_and_closed)
{
    struct http_answer answer;
    struct http_client client;
    http_open(&client, daemon_.port);
    http_say(&client, "GET /healthz HTTP/1.0\r\n\r\n");
    ck_assert(http_read(&answer, &client, false));
    ck_assert_int_eq(answer.status, 200);
    http_clear(&answer);
    ck_assert(http_ended(&client));
    http_close(&client);
}
END_TEST

/* Decoded once; %00 and broken escapes stay as they are. */
START_TEST(percent_decoding)
{
    static const struct {
        const char *target;
        int status;
    } cases[] = {{"/%68ealthz", 200},    {"/healthz%00", 404},
                 {"/healthz%00x", 404},  {"/%2568ealthz", 404},
                 {"/healthz%", 404},     {"/healthz%4", 404},
                 {"/healthz%zz", 404},   {"/healthz?x=%00&y=%", 200},
                 {"/models/a%2Fb", 404}, {"/..%2f..%2fetc/passwd", 404},
                 {"//healthz", 404},     {"/healthz?", 200}};
    struct http_answer answer;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        get(&answer, cases[i].target);
        ck_assert_msg(answer.status == cases[i].status, "%s: %d",
                      cases[i].target, answer.status);
        http_clear(&answer);
    }
}
END_TEST

START_TEST(probes_are_logged_only_for_debugging)
{
    struct http_answer answer;
    get(&answer, "/healthz");
    http_clear(&answer);
    get(&answer, "/version");
    http_clear(&answer);
    ck_assert(daemon_logged(&daemon_, "/version", "\"status\":200"));
    ck_assert(!daemon_has_logged(&daemon_, "/healthz", ""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/endpoints");
    TCase *tcase = tcase_create("endpoints");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, health_in_all_spellings);
    tcase_add_test(tcase, json_documents_are_json);
    tcase_add_test(tcase, the_front_page_names_every_endpoint);
    tcase_add_test(tcase, the_openapi_document_is_the_one_built_in);
    tcase_add_test(tcase, metrics_count_what_was_done);
    tcase_add_test(tcase, unknown_paths_and_methods);
    tcase_add_test(tcase, head_is_get_without_the_body);
    tcase_add_test(tcase, request_ids_go_through);
    tcase_add_test(tcase, a_connection_stays_open);
    tcase_add_test(tcase, pipelined_requests_are_answered_in_order);
    tcase_add_test(tcase, http_1_0_is_served_and_closed);
    tcase_add_test(tcase, percent_decoding);
    tcase_add_test(tcase, probes_are_logged_only_for_debugging);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
