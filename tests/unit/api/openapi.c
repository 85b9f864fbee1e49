/* SPDX-License-Identifier: MIT
 *
 * Properties: what the daemon serves is the file of the tree, byte for byte;
 * it lists every problem of the catalogue. */
#include "api/openapi.h"

#include "api/problem.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(test_the_file)
{
    char *bytes = malloc(api_openapi_yaml_size + 2);
    FILE *file = fopen("api/openapi.yaml", "rb");
    ck_assert_ptr_nonnull(bytes);
    ck_assert_ptr_nonnull(file);
    size_t size = fread(bytes, 1, api_openapi_yaml_size + 2, file);
    ck_assert_uint_eq(size, api_openapi_yaml_size);
    ck_assert_mem_eq(bytes, api_openapi_yaml, size);
    ck_assert_uint_eq(strlen(api_openapi_yaml), size);
    fclose(file);
    free(bytes);
}
END_TEST

/* Each code stands in the schema, and the schema has no other. */
START_TEST(test_problems)
{
    size_t listed = 0;
    for (const char *p = api_openapi_yaml;
         (p = strstr(p, "- 'urn:lipschitzd:problem:")); p++)
        listed++;
    ck_assert_uint_eq(listed, API_PROBLEM_COUNT);
    for (int i = 0; i < API_PROBLEM_COUNT; i++) {
        char line[100], status[32];
        snprintf(line, sizeof line, "- 'urn:lipschitzd:problem:%s'\n",
                 api_problem_name(i));
        ck_assert_msg(strstr(api_openapi_yaml, line), "%s", line);
        snprintf(status, sizeof status, "'%d':", api_problem_status(i));
        ck_assert_msg(strstr(api_openapi_yaml, status), "%s", status);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/openapi");
    TCase *t = tcase_create("openapi");
    tcase_add_test(t, test_the_file);
    tcase_add_test(t, test_problems);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
