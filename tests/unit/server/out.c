/* SPDX-License-Identifier: MIT
 *
 * Text that grows: nothing lost at the seams, nothing beyond the limit. */
#include "server/out.h"

#include "tests/support/suite.h"

#include <string.h>

START_TEST(prints_join_over_many_growths)
{
    struct lipd_out out;
    size_t size;
    lipd_out_init(&out, 1 << 20, NULL);
    for (int i = 0; i < 10000; i++)
        lipd_out_print(&out, "%05d", i);
    char *text = lipd_out_take(&out, &size);
    ck_assert_uint_eq(size, 50000);
    ck_assert_uint_eq(strlen(text), size);
    for (int i = 0; i < 10000; i++) {
        int value = 0;
        for (int k = 0; k < 5; k++)
            value = 10 * value + text[5 * i + k] - '0';
        ck_assert_int_eq(value, i);
    }
    lip_free(text);
}
END_TEST

START_TEST(the_limit_fails_the_whole)
{
    struct lipd_out out;
    size_t size;
    lipd_out_init(&out, 100, NULL);
    lipd_out_print(&out, "%90d", 1);
    ck_assert(!out.failed);
    lipd_out_print(&out, "%90d", 1);
    lipd_out_print(&out, "x");
    ck_assert_ptr_null(lipd_out_take(&out, &size));
}
END_TEST

START_TEST(no_memory_fails_the_whole)
{
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lipd_out out;
    size_t size;
    lip_budget_init(&budget, 6000);
    lipd_out_init(&out, 1 << 20, &ctx);
    lipd_out_print(&out, "%3000d", 1);
    lipd_out_print(&out, "%3000d", 1);
    ck_assert_ptr_null(lipd_out_take(&out, &size));
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/out");
    TCase *tcase = tcase_create("growing");
    tcase_add_test(tcase, prints_join_over_many_growths);
    tcase_add_test(tcase, the_limit_fails_the_whole);
    tcase_add_test(tcase, no_memory_fails_the_whole);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
