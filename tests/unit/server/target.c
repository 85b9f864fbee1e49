/* SPDX-License-Identifier: MIT
 *
 * A path comes to the route table as the client meant it, and two targets that
 * are different stay different. */
#include "server/target.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *raw, *text;
} decoded[] = {
    {"/healthz", "/healthz"},
    {"/%68ealth%7A", "/healthz"},
    {"/%68ealth%7a", "/healthz"},
    {"/jobs/a%2Fevents", "/jobs/a%2Fevents"},
    {"/jobs/a%2fevents", "/jobs/a%2fevents"},
    {"http://a/jobs/a%2fevents", "http://a/jobs/a%2fevents"},
    {"a%2Fb%2f", "a/b/"}, /* of a query */
    {"/a%00b", "/a%00b"},
    {"%", "%"},
    {"%4", "%4"},
    {"%zz%4z%z4", "%zz%4z%z4"},
    {"%%41", "%A"},
    {"%2541", "%41"},
    {"", ""},
};

START_TEST(percent_signs)
{
    char text[64];
    snprintf(text, sizeof text, "%s", decoded[_i].raw);
    ck_assert_uint_eq(lipd_target_decode(text), strlen(decoded[_i].text));
    ck_assert_str_eq(text, decoded[_i].text);
}
END_TEST

static const struct {
    const char *target, *path;
} targets[] = {
    {"/healthz", "/healthz"},
    {"*", "*"},
    {"", ""},
    {"http://a/healthz", "/healthz"},
    {"HTTPS://a.b:8080/healthz/", "/healthz/"},
    {"http://[::1]:80//x", "//x"},
    {"http://a", "/"},
    {"http:///healthz", NULL},
    {"http://", NULL},
    {"http://user@a/healthz", NULL},
    {"http://a b/healthz", NULL},
    {"http://a:b/healthz", NULL},
    {"http://[::1/healthz", NULL},
    {"ftp://a/healthz", "ftp://a/healthz"}, /* not there */
    {"/http://a/", "/http://a/"},
};

START_TEST(whole_urls)
{
    const char *path = lipd_target_path(targets[_i].target);
    if (targets[_i].path)
        ck_assert_str_eq(path, targets[_i].path);
    else
        ck_assert_ptr_null(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/target");
    TCase *tcase = tcase_create("target");
    tcase_add_loop_test(tcase, percent_signs, 0,
                        sizeof decoded / sizeof decoded[0]);
    tcase_add_loop_test(tcase, whole_urls, 0,
                        sizeof targets / sizeof targets[0]);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
