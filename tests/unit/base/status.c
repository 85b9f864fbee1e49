/* SPDX-License-Identifier: MIT
 *
 * Every status has a name of its own. */
#include "base/status.h"
#include "tests/support/suite.h"

#include <string.h>

START_TEST(names_differ)
{
    for (int a = LIP_OK; a <= LIP_UNPROVEN; a++) {
        ck_assert_str_ne(lip_status_name((enum lip_status)a), "unknown");
        for (int b = LIP_OK; b < a; b++)
            ck_assert_str_ne(lip_status_name((enum lip_status)a),
                             lip_status_name((enum lip_status)b));
    }
}
END_TEST

START_TEST(what_is_no_status_is_unknown)
{
    ck_assert_str_eq(lip_status_name((enum lip_status)(LIP_UNPROVEN + 1)),
                     "unknown");
    ck_assert_str_eq(lip_status_name((enum lip_status) - 1), "unknown");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/status");
    TCase *tcase = tcase_create("names");
    tcase_add_test(tcase, names_differ);
    tcase_add_test(tcase, what_is_no_status_is_unknown);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
