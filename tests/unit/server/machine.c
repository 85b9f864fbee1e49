/* SPDX-License-Identifier: MIT
 *
 * Processors and memory this process may use. */
#include "server/machine.h"

#include "tests/support/suite.h"

#include <sched.h>

START_TEST(quotas)
{
    static const struct {
        const char *text;
        size_t processors;
    } cases[] = {{"max 100000\n", 0},  {"50000 100000\n", 1},
                 {"100000 100000", 1}, {"150000 100000\n", 2},
                 {"800000 100000", 8}, {"", 0},
                 {"1000", 0},          {"0 100000", 0}};
    ck_assert_uint_eq(lipd_machine_quota(cases[_i].text), cases[_i].processors);
}
END_TEST

START_TEST(the_affinity_mask_counts)
{
    cpu_set_t before, one;
    size_t all = lipd_machine_processors();
    ck_assert_uint_ge(all, 1);
    ck_assert_int_eq(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_uint_eq(lipd_machine_processors(), 1);
    ck_assert_uint_le(all, (size_t)CPU_COUNT(&before));
}
END_TEST

START_TEST(memory_is_something)
{
    ck_assert_uint_gt(lipd_machine_memory(), 16 << 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/machine");
    TCase *tcase = tcase_create("machine");
    tcase_add_loop_test(tcase, quotas, 0, 8);
    tcase_add_test(tcase, the_affinity_mask_counts);
    tcase_add_test(tcase, memory_is_something);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
