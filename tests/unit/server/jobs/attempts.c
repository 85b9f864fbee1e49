/* SPDX-License-Identifier: MIT
 *
 * Getting on is told from going round in circles. */
#include "server/jobs/attempts.h"

#include "server/jobs/folder.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool weigh(struct lipd_attempts *attempts, const char *line)
{
    return lipd_attempts_weigh(attempts, line, strlen(line));
}

START_TEST(a_hundredth_of_the_way_counts)
{
    struct lipd_attempts a = {.vain = 3, .best = 4};
    ck_assert(weigh(&a, "{\"done\": 3, \"total\": 20}"));
    ck_assert(weigh(&a, "{\"done\": 4.19, \"total\": 20}"));
    ck_assert_uint_eq(a.vain, 3);
    ck_assert(weigh(&a, "{\"done\": 4.21, \"total\": 20}"));
    ck_assert_uint_eq(a.vain, 0);
    ck_assert_double_eq(a.best, 4.21);
}
END_TEST

START_TEST(creeping_up_is_not_getting_on)
{
    struct lipd_attempts a = {.vain = 1};
    char line[64];
    /* Each attempt is heard of a little further before it crashes. */
    for (int i = 0; i < 9; i++) {
        snprintf(line, sizeof line, "{\"done\": %g, \"total\": 100}",
                 0.1 + 0.1 * i);
        ck_assert(weigh(&a, line));
    }
    ck_assert_uint_eq(a.vain, 1);
}
END_TEST

START_TEST(what_is_no_object_is_refused)
{
    struct lipd_attempts a = {.vain = 2};
    ck_assert(!weigh(&a, "[5]"));
    ck_assert(!weigh(&a, "{\"done\": 5"));
    ck_assert(!weigh(&a, ""));
    ck_assert(weigh(&a, "{\"done\": \"5\", \"total\": null}"));
    ck_assert(weigh(&a, "{}"));
    ck_assert_uint_eq(a.vain, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attempts");
    TCase *tests = tcase_create("attempts");
    tcase_add_test(tests, a_hundredth_of_the_way_counts);
    tcase_add_test(tests, creeping_up_is_not_getting_on);
    tcase_add_test(tests, what_is_no_object_is_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
