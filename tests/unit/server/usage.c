/* SPDX-License-Identifier: MIT
 *
 * What the process says it takes grows with what it takes. */
#include "server/usage.h"

#include "tests/support/suite.h"

#include <stdlib.h>
#include <unistd.h>

START_TEST(memory_is_seen)
{
    enum { SIZE = 64 << 20 };
    struct lipd_usage before, after;
    lipd_usage(&before);
    volatile char *block = malloc(SIZE);
    ck_assert_ptr_nonnull((void *)block);
    for (size_t i = 0; i < SIZE; i += 4096)
        block[i] = 1;
    lipd_usage(&after);
    ck_assert_int_gt(before.resident, 0);
    ck_assert_msg(after.resident >= before.resident + SIZE / 2, "%ld %ld",
                  (long)before.resident, (long)after.resident);
    free((void *)block);
}
END_TEST

START_TEST(descriptors_are_counted)
{
    struct lipd_usage before, after;
    int ends[2];
    lipd_usage(&before);
    ck_assert_int_eq(pipe(ends), 0);
    lipd_usage(&after);
    ck_assert_int_ge(before.descriptors, 3);
    ck_assert_int_eq(after.descriptors, before.descriptors + 2);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(time_goes_up)
{
    struct lipd_usage before, after;
    lipd_usage(&before);
    do
        lipd_usage(&after);
    while (after.cpu < before.cpu + 10000000);
    ck_assert_int_gt(before.cpu, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/usage");
    TCase *tcase = tcase_create("usage");
    tcase_add_test(tcase, memory_is_seen);
    tcase_add_test(tcase, descriptors_are_counted);
    tcase_add_test(tcase, time_goes_up);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
