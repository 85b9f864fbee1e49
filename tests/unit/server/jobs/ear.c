/* SPDX-License-Identifier: MIT
 *
 * What was heard concerns those that were named, once; when in doubt, all. */
#include "server/jobs/ear.h"

#include "tests/support/suite.h"

#include <stdio.h>

static struct lipd_ear ear;

static void setup(void)
{
    lipd_ear_init(&ear);
}

static void teardown(void)
{
    lipd_ear_clear(&ear);
}

START_TEST(names_are_told_once)
{
    lipd_ear_hear(&ear, "a");
    lipd_ear_hear(&ear, "b");
    struct lipd_heard heard;
    ck_assert(lipd_ear_take(&ear, &heard));
    ck_assert(lipd_heard_concerns(&heard, "a"));
    ck_assert(lipd_heard_concerns(&heard, "b"));
    ck_assert(!lipd_heard_concerns(&heard, "c"));
    lipd_ear_hear(&ear, "c");
    ck_assert(lipd_ear_take(&ear, &heard));
    ck_assert(!lipd_heard_concerns(&heard, "a"));
}
END_TEST

START_TEST(in_doubt_it_is_all)
{
    struct lipd_heard heard;
    ck_assert(!lipd_ear_take(&ear, &heard));
    lipd_ear_hear(&ear, "b");
    lipd_ear_hear(&ear, "");
    ck_assert(lipd_ear_take(&ear, &heard));
    ck_assert(lipd_heard_concerns(&heard, "a"));
    for (int i = 0; i <= LIPD_HEARD; i++)
        lipd_ear_hear(&ear, "b");
    ck_assert(lipd_ear_take(&ear, &heard));
    ck_assert(lipd_heard_concerns(&heard, "a"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ear");
    TCase *tests = tcase_create("ear");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, names_are_told_once);
    tcase_add_test(tests, in_doubt_it_is_all);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
