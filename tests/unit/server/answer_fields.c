/* SPDX-License-Identifier: MIT
 *
 * The fields of an answer, by what its request and its reply are. */
#include "server/answer_fields.h"

#include "server/routes.h"
#include "server/service.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static struct lipd_config config;
static struct lipd_service service;
static struct lipd_request request;
static char text[8192];

static void setup(void)
{
    memset(&config, 0, sizeof config);
    memset(&service, 0, sizeof service);
    memset(&request, 0, sizeof request);
    service.config = &config;
    request.service = &service;
    request.reply.status = 200;
    request.reply.media_type = "application/json";
    snprintf(request.id, sizeof request.id, "one");
}

static void put(void *arg, const char *name, const char *value)
{
    size_t used = strlen(text);
    (void)arg;
    ck_assert_ptr_null(strpbrk(value, "\r\n"));
    snprintf(text + used, sizeof text - used, "\n%s: %s\n", name, value);
}

/* The value of a field, "" where the answer has none. */
static const char *field(const char *name)
{
    static char value[1024];
    char start[100];
    text[0] = value[0] = '\0';
    lipd_answer_fields(&request, put, NULL);
    snprintf(start, sizeof start, "\n%s: ", name);
    const char *at = strstr(text, start);
    if (!at)
        return value;
    at += strlen(start);
    ck_assert_ptr_null(strstr(at, start)); /* none comes twice */
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\n"), at);
    return value;
}

static const struct lipd_route *route(const char *method, const char *path)
{
    char argument[LIPD_ARGUMENT];
    return lipd_route_find(method, path, argument, sizeof argument,
                           request.reply.allow, sizeof request.reply.allow);
}

START_TEST(what_the_reply_says)
{
    ck_assert_str_eq(field("X-Request-Id"), "one");
    ck_assert_str_eq(field("Content-Type"), "application/json");
    ck_assert_str_eq(field("Retry-After"), "");
    ck_assert_str_eq(field("Connection"), "");
    ck_assert_str_eq(field("WWW-Authenticate"), "");
    request.reply.status = 401;
    request.reply.retry_after = 7;
    request.reply.close = true;
    snprintf(request.reply.location, sizeof request.reply.location, "/jobs/1");
    snprintf(request.reply.file_name, sizeof request.reply.file_name, "m.npz");
    ck_assert_str_eq(field("WWW-Authenticate"), "Bearer realm=\"lipschitzd\"");
    ck_assert_str_eq(field("Retry-After"), "7");
    ck_assert_str_eq(field("Connection"), "close");
    ck_assert_str_eq(field("Location"), "/jobs/1");
    ck_assert_str_eq(field("Content-Disposition"),
                     "attachment; filename=\"m.npz\"");
}
END_TEST

START_TEST(a_daemon_that_ends_closes_connections)
{
    atomic_store(&service.state, LIPD_CLOSING);
    ck_assert_str_eq(field("Connection"), "close");
}
END_TEST

START_TEST(every_answer_is_protected)
{
    ck_assert_str_eq(field("X-Content-Type-Options"), "nosniff");
    ck_assert_str_eq(field("Cross-Origin-Resource-Policy"), "same-origin");
    ck_assert_str_eq(field("Referrer-Policy"), "no-referrer");
    ck_assert_ptr_nonnull(
        strstr(field("Content-Security-Policy"), "default-src 'none'"));
    ck_assert_ptr_nonnull(
        strstr(field("Content-Security-Policy"), "frame-ancestors 'none'"));
    ck_assert_str_eq(field("X-Frame-Options"), "");
    request.reply.media_type = "text/html; charset=utf-8";
    ck_assert_str_eq(field("X-Frame-Options"), "DENY");
    ck_assert_str_eq(field("Cross-Origin-Opener-Policy"), "same-origin");
    ck_assert_str_ne(field("Permissions-Policy"), "");
}
END_TEST

START_TEST(what_tenants_own_is_not_kept)
{
    request.route = route("GET", "/models/x");
    ck_assert_str_eq(field("Cache-Control"), "private, no-store");
    request.route = route("POST", "/bound");
    ck_assert_str_eq(field("Cache-Control"), "private, no-store");
    request.route = route("GET", "/methods");
    ck_assert_str_eq(field("Cache-Control"), "no-cache");
    request.route = route("GET", "/readyz");
    ck_assert_str_eq(field("Cache-Control"), "no-store");
    request.route = route("GET", "/methods");
    request.reply.status = 503;
    ck_assert_str_eq(field("Cache-Control"), "no-store");
    request.reply.status = 200;
    request.reply.caching = "private, no-cache";
    ck_assert_str_eq(field("Cache-Control"), "private, no-cache");
}
END_TEST

START_TEST(no_page_may_ask_by_default)
{
    request.route = route("GET", "/methods");
    request.origin = "https://a.example";
    field("");
    ck_assert_ptr_null(strstr(text, "Access-Control"));
    ck_assert_str_eq(field("Vary"), "");
    request.route = route("OPTIONS", "/methods");
    request.preflight = true;
    field("");
    ck_assert_ptr_null(strstr(text, "Access-Control"));
}
END_TEST

START_TEST(pages_of_the_list_may_ask)
{
    snprintf(config.cors_origins, sizeof config.cors_origins,
             "https://a.example,https://b.example");
    request.route = route("GET", "/jobs");
    request.origin = "https://b.example";
    ck_assert_str_eq(field("Access-Control-Allow-Origin"), request.origin);
    ck_assert_str_eq(field("Vary"), "Origin");
    ck_assert_ptr_nonnull(
        strstr(field("Access-Control-Expose-Headers"), "Location"));
    ck_assert_ptr_nonnull(
        strstr(field("Access-Control-Expose-Headers"), "Retry-After"));
    ck_assert_str_eq(field("Access-Control-Allow-Methods"), "");
    request.origin = "https://c.example";
    ck_assert_str_eq(field("Access-Control-Allow-Origin"), "");
    ck_assert_str_eq(field("Vary"), "Origin");
    request.origin = NULL; /* a cache must not give it to a page */
    ck_assert_str_eq(field("Vary"), "Origin");
}
END_TEST

START_TEST(credentials_are_never_asked_for)
{
    static const char *const lists[] = {"*", "https://a.example"};
    request.origin = "https://a.example";
    for (int i = 0; i < 2; i++) {
        snprintf(config.cors_origins, sizeof config.cors_origins, "%s",
                 lists[i]);
        ck_assert_str_eq(field("Access-Control-Allow-Origin"), lists[i]);
        ck_assert_str_eq(field("Access-Control-Allow-Credentials"), "");
    }
}
END_TEST

START_TEST(a_preflight_tells_methods_and_fields)
{
    snprintf(config.cors_origins, sizeof config.cors_origins, "*");
    request.route = route("OPTIONS", "/models/x");
    request.reply.status = 204;
    request.origin = "https://a.example";
    ck_assert_str_eq(field("Access-Control-Allow-Methods"), "");
    request.preflight = true;
    ck_assert_str_eq(field("Access-Control-Allow-Methods"),
                     field("Allow")[0] ? request.reply.allow : "none");
    static const char *const taken[] = {
        "Authorization", "Content-Type",  "Idempotency-Key", "Prefer",
        "Last-Event-ID", "If-None-Match", "traceparent"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        ck_assert_ptr_nonnull(
            strstr(field("Access-Control-Allow-Headers"), taken[i]));
    ck_assert_str_eq(field("Access-Control-Max-Age"), "3600");
    ck_assert_str_eq(field("Access-Control-Expose-Headers"), "");
    /* The same question without OPTIONS is a request like any other. */
    request.route = route("GET", "/models/x");
    ck_assert_str_eq(field("Access-Control-Allow-Methods"), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/answer_fields");
    TCase *tcase = tcase_create("fields");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, what_the_reply_says);
    tcase_add_test(tcase, a_daemon_that_ends_closes_connections);
    tcase_add_test(tcase, every_answer_is_protected);
    tcase_add_test(tcase, what_tenants_own_is_not_kept);
    tcase_add_test(tcase, no_page_may_ask_by_default);
    tcase_add_test(tcase, pages_of_the_list_may_ask);
    tcase_add_test(tcase, credentials_are_never_asked_for);
    tcase_add_test(tcase, a_preflight_tells_methods_and_fields);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
