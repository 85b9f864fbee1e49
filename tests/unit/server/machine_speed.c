/* SPDX-License-Identifier: MIT
 *
 * The speed of the machine: what the option says, or a plausible measurement,
 * the same each time. */
#include "server/config.h"
#include "server/machine.h"
#include "tests/support/suite.h"

START_TEST(the_option_counts)
{
    static struct lipd_config config = {.flops_per_second = 123};
    ck_assert_double_eq(lipd_machine_speed(&config), 123);
}
END_TEST

START_TEST(else_it_is_measured_once)
{
    static struct lipd_config config;
    double speed = lipd_machine_speed(&config);
    ck_assert_double_gt(speed, 1e6);
    ck_assert_double_lt(speed, 1e13);
    ck_assert_double_eq(lipd_machine_speed(&config), speed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/machine_speed");
    TCase *tc = tcase_create("machine_speed");
    tcase_add_test(tc, the_option_counts);
    tcase_add_test(tc, else_it_is_measured_once);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
