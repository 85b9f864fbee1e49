/* SPDX-License-Identifier: MIT
 *
 * Limits that follow from the configuration and the machine. */
#include "server/service.h"

#include "server/machine.h"
#include "tests/support/suite.h"

#include <stdint.h>

static struct lipd_config config;
static struct lipd_service service;

static void init(const char *name, const char *value)
{
    char complaint[256];
    lipd_config_read(&config, 0, NULL, NULL, complaint, sizeof complaint);
    if (name)
        ck_assert(
            lipd_config_set(&config, name, value, complaint, sizeof complaint));
    ck_assert_int_eq(lipd_service_init(&service, &config, NULL), LIP_OK);
}

START_TEST(zeros_become_what_the_machine_has)
{
    init(NULL, NULL);
    ck_assert_uint_eq(service.workers, lipd_machine_processors());
    ck_assert_uint_eq(service.max_memory, lipd_machine_memory() / 2);
    ck_assert_uint_eq(service.max_request_memory, service.max_memory / 2);
    lipd_service_clear(&service);
}
END_TEST

/* Whatever the memory limit: the largest body that is accepted can be booked
 * on an idle daemon. */
START_TEST(the_largest_body_can_be_booked)
{
    static const char *const limits[] = {"1", "1M", "3M", "100M", "10G", "1T"};
    init("max_memory", limits[_i]);
    ck_assert_uint_gt(service.max_body, 0);
    ck_assert_uint_le(service.max_body, config.max_body);
    ck_assert(
        lipd_queue_reserve(&service.queue, lipd_estimate(service.max_body)));
    lipd_queue_release(&service.queue, lipd_estimate(service.max_body));
    lipd_service_clear(&service);
}
END_TEST

START_TEST(estimates_grow_and_do_not_overflow)
{
    ck_assert_uint_gt(lipd_estimate(0), 0);
    ck_assert_uint_ge(lipd_estimate(1000) - lipd_estimate(0), 1000);
    ck_assert_uint_eq(lipd_estimate(SIZE_MAX), SIZE_MAX);
    ck_assert_uint_eq(lipd_estimate(SIZE_MAX / 2), SIZE_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/service");
    TCase *tcase = tcase_create("limits");
    tcase_add_test(tcase, zeros_become_what_the_machine_has);
    tcase_add_loop_test(tcase, the_largest_body_can_be_booked, 0, 6);
    tcase_add_test(tcase, estimates_grow_and_do_not_overflow);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
