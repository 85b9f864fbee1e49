/* SPDX-License-Identifier: MIT
 *
 * Jobs never get nothing, and all of them together no more than half. */
#include "server/jobs/limits.h"

#include "server/machine.h"
#include "tests/support/suite.h"

START_TEST(zeros_are_shared_out)
{
    struct lipd_config config = {.jobs = 0};
    size_t processes = lipd_job_processes(&config);
    ck_assert_uint_ge(processes, 1);
    ck_assert_uint_ge(lipd_job_threads(&config), 1);
    ck_assert_uint_le(processes * lipd_job_threads(&config),
                      lipd_machine_processors());
    ck_assert_uint_le(processes * lipd_job_memory(&config),
                      lipd_machine_memory() / 2);
}
END_TEST

START_TEST(more_jobs_than_there_are_processors)
{
    struct lipd_config config = {.jobs = 1000};
    ck_assert_uint_eq(lipd_job_processes(&config), 1000);
    ck_assert_uint_eq(lipd_job_threads(&config), 1);
    ck_assert_uint_ge(lipd_job_memory(&config), 1);
}
END_TEST

START_TEST(what_is_said_holds)
{
    struct lipd_config config = {
        .jobs = 3, .job_threads = 7, .job_memory = 12345};
    ck_assert_uint_eq(lipd_job_processes(&config), 3);
    ck_assert_uint_eq(lipd_job_threads(&config), 7);
    ck_assert_uint_eq(lipd_job_memory(&config), 12345);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tests = tcase_create("limits");
    tcase_add_test(tests, zeros_are_shared_out);
    tcase_add_test(tests, more_jobs_than_there_are_processors);
    tcase_add_test(tests, what_is_said_holds);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
