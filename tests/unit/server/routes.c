/* SPDX-License-Identifier: MIT
 *
 * The search of the route table. */
#include "server/routes.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static char argument[LIPD_ARGUMENT], allow[64];

static const struct lipd_route *find(const char *method, const char *path)
{
    return lipd_route_find(method, path, argument, sizeof argument, allow,
                           sizeof allow);
}

START_TEST(every_row_is_found_and_said)
{
    for (size_t i = 0; i < lipd_route_count; i++) {
        const struct lipd_route *route = &lipd_routes[i];
        char path[64];
        const char *open = strchr(route->path, '{');
        snprintf(path, sizeof path, "%.*s%s%s", (int)strcspn(route->path, "{"),
                 route->path, open ? "x" : "",
                 open ? strchr(open, '}') + 1 : "");
        ck_assert_ptr_eq(find(route->method, path), route);
        ck_assert_str_eq(allow, "");
        ck_assert_uint_gt(strlen(route->says), 5);
    }
}
END_TEST

START_TEST(the_argument_is_one_segment)
{
    ck_assert_ptr_nonnull(find("GET", "/models/sha256:0a"));
    ck_assert_str_eq(argument, "sha256:0a");
    ck_assert_ptr_null(find("GET", "/models/"));
    ck_assert_ptr_null(find("GET", "/models/a/b"));
    ck_assert_ptr_null(find("GET", "/models/a b"));
    ck_assert_ptr_null(find("GET", "/models/a\xc3\xa9"));
    ck_assert_ptr_null(find("GET", "/models/a\n"));
    char path[400] = "/models/";
    memset(path + 8, 'a', 300);
    ck_assert_ptr_null(find("GET", path));
    ck_assert_str_eq(allow, "");
}
END_TEST

START_TEST(a_path_may_go_on_behind_the_argument)
{
    const struct lipd_route *events = find("GET", "/jobs/17/events");
    ck_assert_ptr_nonnull(events);
    ck_assert_str_eq(events->path, "/jobs/{id}/events");
    ck_assert_str_eq(argument, "17");
    ck_assert_ptr_ne(find("GET", "/jobs/17"), events);
    ck_assert_ptr_null(find("GET", "/jobs//events"));
    ck_assert_ptr_null(find("GET", "/jobs/17/events/"));
    ck_assert_ptr_null(find("GET", "/jobs/17/event"));
    ck_assert_str_eq(allow, "");
    ck_assert_ptr_null(find("DELETE", "/jobs/17/events"));
    ck_assert_str_eq(allow, "GET, HEAD, OPTIONS");
}
END_TEST

START_TEST(head_is_get)
{
    ck_assert_ptr_eq(find("HEAD", "/healthz"), find("GET", "/healthz"));
    ck_assert_ptr_null(find("HEAD", "/bound"));
}
END_TEST

START_TEST(what_a_path_takes)
{
    ck_assert_ptr_null(find("GET", "/bound"));
    ck_assert_str_eq(allow, "POST, OPTIONS");
    ck_assert_ptr_null(find("POST", "/models/x"));
    ck_assert_str_eq(allow, "GET, HEAD, DELETE, OPTIONS");
    ck_assert_ptr_null(find("get", "/healthz"));
    ck_assert_str_eq(allow, "GET, HEAD, OPTIONS");
    ck_assert_ptr_null(find("GET", "/healthz/"));
    ck_assert_str_eq(allow, "");
    ck_assert_ptr_null(find("GET", ""));
}
END_TEST

START_TEST(options_is_for_every_path)
{
    ck_assert_ptr_eq(find("OPTIONS", "/bound"), &lipd_options);
    ck_assert_str_eq(allow, "POST, OPTIONS");
    ck_assert_ptr_eq(find("OPTIONS", "/jobs/17"), &lipd_options);
    ck_assert_str_eq(allow, "GET, HEAD, DELETE, OPTIONS");
    ck_assert_ptr_eq(find("OPTIONS", "*"), &lipd_options);
    for (size_t i = 0; i < lipd_route_count; i++)
        ck_assert_ptr_nonnull(strstr(allow, lipd_routes[i].method));
    ck_assert_ptr_null(find("OPTIONS", "/nowhere"));
    ck_assert_str_eq(allow, "");
    ck_assert_ptr_null(find("GET", "*"));
    ck_assert_str_eq(allow, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/routes");
    TCase *tcase = tcase_create("search");
    tcase_add_test(tcase, every_row_is_found_and_said);
    tcase_add_test(tcase, the_argument_is_one_segment);
    tcase_add_test(tcase, a_path_may_go_on_behind_the_argument);
    tcase_add_test(tcase, head_is_get);
    tcase_add_test(tcase, what_a_path_takes);
    tcase_add_test(tcase, options_is_for_every_path);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
