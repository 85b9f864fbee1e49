/* SPDX-License-Identifier: MIT
 *
 * The token bucket, at times that the test makes. */
#include "server/access_rate.h"

#include "tests/support/suite.h"

START_TEST(without_a_rate_there_is_no_limit)
{
    struct lipd_rate rate = {.per_second = 0};
    unsigned seconds = 0;
    for (int i = 0; i < 1000; i++)
        ck_assert(lipd_rate_take(&rate, 5, &seconds));
}
END_TEST

START_TEST(a_second_is_worth_the_rate_and_no_more)
{
    struct lipd_rate rate = {.per_second = 10};
    unsigned seconds = 0;
    int taken = 0;
    for (int i = 0; i < 100; i++)
        taken += lipd_rate_take(&rate, 5, &seconds);
    ck_assert_int_eq(taken, 10);
    ck_assert_uint_eq(seconds, 1);
    for (int i = 0; i < 100; i++)
        taken += lipd_rate_take(&rate, 5.5, &seconds);
    ck_assert_int_eq(taken, 15);
    for (int i = 0; i < 100; i++) /* an hour later it is full, not more */
        taken += lipd_rate_take(&rate, 3605, &seconds);
    ck_assert_int_eq(taken, 25);
}
END_TEST

START_TEST(who_waits_as_long_as_told_is_let_in)
{
    struct lipd_rate rate = {.per_second = 0.1};
    unsigned seconds = 0;
    ck_assert(lipd_rate_take(&rate, 100, &seconds));
    ck_assert(!lipd_rate_take(&rate, 103, &seconds));
    ck_assert_uint_eq(seconds, 7);
    ck_assert(!lipd_rate_take(&rate, 109.5, &seconds));
    ck_assert(lipd_rate_take(&rate, 110, &seconds));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/access_rate");
    TCase *rate = tcase_create("rate");
    tcase_add_test(rate, without_a_rate_there_is_no_limit);
    tcase_add_test(rate, a_second_is_worth_the_rate_and_no_more);
    tcase_add_test(rate, who_waits_as_long_as_told_is_let_in);
    suite_add_tcase(suite, rate);
    return run_suite(suite);
}
