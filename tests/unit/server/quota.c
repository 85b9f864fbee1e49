/* SPDX-License-Identifier: MIT
 *
 * Quotas as text, and beside the daemon's limits. */
#include "server/quota.h"

#include "tests/support/jansson_memory.h"
#include "tests/support/suite.h"

#include <float.h>
#include <stdint.h>

START_TEST(text_gives_the_same_quota)
{
    static const struct lipd_quota quota[] = {
        {.stored = (size_t)1 << 50, .jobs = 1000000},
        {.body = 1, .memory = 999999999999999},
        {.seconds = 0.1, .flops = 1e30 / 3},
        {.seconds = 5e-324, .flops = DBL_MAX},
    };
    char text[LIPD_QUOTA_TEXT];
    for (size_t i = 0; i < sizeof quota / sizeof *quota; i++) {
        ck_assert_ptr_eq(lipd_quota_write(text, &quota[i]), text);
        struct lipd_quota read;
        ck_assert(lipd_quota_read(&read, text));
        ck_assert_mem_eq(&read, &quota[i], sizeof read);
    }
}
END_TEST

START_TEST(no_limit_is_no_text)
{
    const struct lipd_quota none = {.stored = 0};
    char text[LIPD_QUOTA_TEXT];
    ck_assert_ptr_null(lipd_quota_write(text, &none));
    static const char *const nothing[] = {NULL, "", "{}", "[1]",
                                          "{\"memory\": \"5\", \"time\": -1}"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        struct lipd_quota read;
        ck_assert(lipd_quota_read(&read, nothing[i]));
        ck_assert_mem_eq(&read, &none, sizeof read);
    }
}
END_TEST

/* No limit is not what comes of a limit that cannot be read. */
START_TEST(without_memory_it_is_not_known)
{
    struct lipd_quota read;
    ck_assert(!lipd_quota_read(&read, "nonsense"));
    jansson_count_memory();
    for (long n = 0; n < 8; n++) {
        jansson_fail_after(n);
        ck_assert(!lipd_quota_read(&read, "{\"memory\": 5, \"jobs\": 1}") ||
                  (read.memory == 5 && read.jobs == 1));
        ck_assert(n || !read.memory);
    }
    jansson_fail_never();
    ck_assert_int_eq(jansson_blocks(), 0);
}
END_TEST

START_TEST(the_least_limit_holds)
{
    ck_assert_uint_eq(lipd_least(10, 0), 10);
    ck_assert_uint_eq(lipd_least(10, 7), 7);
    ck_assert_uint_eq(lipd_least(10, 70), 10);
    ck_assert_uint_eq(lipd_least(0, 70), 70);
    ck_assert_uint_eq(lipd_least(0, 0), 0);
    ck_assert_double_eq(lipd_least_of(10, 0), 10);
    ck_assert_double_eq(lipd_least_of(10, 0.5), 0.5);
    ck_assert_double_eq(lipd_least_of(10, 70), 10);
    ck_assert_double_eq(lipd_least_of(0, 70), 70);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/quota");
    TCase *quota = tcase_create("quota");
    tcase_add_test(quota, text_gives_the_same_quota);
    tcase_add_test(quota, no_limit_is_no_text);
    tcase_add_test(quota, without_memory_it_is_not_known);
    tcase_add_test(quota, the_least_limit_holds);
    suite_add_tcase(suite, quota);
    return run_suite(suite);
}
