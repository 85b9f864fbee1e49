/* SPDX-License-Identifier: MIT
 *
 * Words of limits: which are taken, and for what. */
#include "server/access_limits.h"

#include "tests/support/suite.h"

#include <string.h>

static struct lipd_token token;

static void setup(void)
{
    memset(&token, 0, sizeof token);
}

START_TEST(each_sets_its_own)
{
    static const char *const word[] = {
        "requests=2.5/s", "stored=1.5K", "jobs=1000000", "body=1",
        "memory=2t",      "time=0.25",   "flops=1e30"};
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        ck_assert_msg(lipd_limit_read(&token, word[i]), "%s", word[i]);
    ck_assert_double_eq(token.rate.per_second, 2.5);
    ck_assert_uint_eq(token.quota.stored, 1536);
    ck_assert_uint_eq(token.quota.jobs, 1000000);
    ck_assert_uint_eq(token.quota.body, 1);
    ck_assert_uint_eq(token.quota.memory, (size_t)2 << 40);
    ck_assert_double_eq(token.quota.seconds, 0.25);
    ck_assert_double_eq(token.quota.flops, 1e30);
    /* Each once only. */
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        ck_assert_msg(!lipd_limit_read(&token, word[i]), "%s", word[i]);
}
END_TEST

static const char *const bad[] = {
    "",           "jobs",        "jobs=",        "jobs=0",     "jobs=-1",
    "jobs=1.5",   "jobs=1K",     "jobs=1e7",     "jobs=nan",   "Jobs=1",
    "body=5X",    "body=5KK",    "body=1e16",    "body=0.1",   "time=inf",
    "time=5s",    "time=0",      "time=0x10",    "flops=1e31", "flops=+1",
    "requests=5", "requests=/s", "requests=1/m", "memory= 5",  "secrets=1",
};

START_TEST(what_is_none_is_not_taken)
{
    const struct lipd_token none = {.scopes = 0};
    ck_assert_msg(!lipd_limit_read(&token, bad[_i]), "%s", bad[_i]);
    ck_assert_mem_eq(&token, &none, sizeof none);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/access_limits");
    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, setup, NULL);
    tcase_add_test(limits, each_sets_its_own);
    tcase_add_loop_test(limits, what_is_none_is_not_taken, 0,
                        sizeof bad / sizeof *bad);
    suite_add_tcase(suite, limits);
    return run_suite(suite);
}
