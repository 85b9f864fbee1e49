/* SPDX-License-Identifier: MIT
 *
 * Schedules: positive, at most 1, where each is high and low. */
#include "training/schedule.h"

#include "tests/support/suite.h"

#include <math.h>

static double at(const char *name, double part)
{
    return lip_schedule_find(name)->factor(part);
}

START_TEST(range)
{
    for (int k = 0; lip_schedules[k]; k++)
        for (int i = 0; i < 1000; i++) {
            double factor = lip_schedules[k]->factor(i / 1000.0);
            ck_assert(factor > 0 && factor <= 1);
        }
    ck_assert_ptr_null(lip_schedule_find("nothing"));
}
END_TEST

START_TEST(values)
{
    ck_assert_double_eq(at("constant", 0.9), 1);
    ck_assert_double_eq(at("linear", 0.4), 1);
    ck_assert_double_lt(fabs(at("linear", 1) - 0.01), 1e-12);
    ck_assert_double_lt(fabs(at("cosine", 0.5) - 0.5), 1e-12);
    ck_assert_double_lt(fabs(at("step", 0.6) - 0.1), 1e-12);
    ck_assert_double_lt(fabs(at("one-cycle", 0) - 0.04), 1e-12);
    ck_assert_double_lt(fabs(at("one-cycle", 0.3) - 1), 1e-12);
    ck_assert_double_lt(at("one-cycle", 1), 1e-5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/schedule");
    TCase *tc = tcase_create("schedule");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, range);
    tcase_add_test(tc, values);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
