/* SPDX-License-Identifier: MIT
 *
 * States have the names of the contract, and those that end a job are told
 * from those that do not. */
#include "server/jobs/job_store.h"

#include "tests/support/suite.h"

START_TEST(states_have_their_names)
{
    static const struct {
        enum lipd_job_state state;
        const char *name;
        bool over;
    } expected[] = {{LIPD_JOB_QUEUED, "queued", false},
                    {LIPD_JOB_RUNNING, "running", false},
                    {LIPD_JOB_SUCCEEDED, "succeeded", true},
                    {LIPD_JOB_FAILED, "failed", true},
                    {LIPD_JOB_CANCELLED, "cancelled", true}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        ck_assert_str_eq(lipd_job_state_name(expected[i].state),
                         expected[i].name);
        ck_assert_int_eq(lipd_job_over(expected[i].state), expected[i].over);
    }
}
END_TEST

START_TEST(clearing_twice_is_safe)
{
    struct lipd_job job = {.id = "1", .request = lip_strdup(NULL, "{}")};
    struct lipd_job_event event = {.data = lip_strdup(NULL, "{}")};
    for (int i = 0; i < 2; i++) {
        lipd_job_clear(&job);
        lipd_job_event_clear(&event);
        ck_assert_ptr_null(job.request);
        ck_assert_ptr_null(event.data);
        ck_assert_str_eq(job.id, "");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("job");
    TCase *tests = tcase_create("job");
    tcase_add_test(tests, states_have_their_names);
    tcase_add_test(tests, clearing_twice_is_safe);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
