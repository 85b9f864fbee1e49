/* SPDX-License-Identifier: MIT
 *
 * Entity tags are strong: other bytes, another tag; and what fits. */
#include "server/store/results.h"

#include "tests/support/suite.h"

#include <string.h>

START_TEST(tags_are_of_the_bytes)
{
    char one[LIPD_RESULT_ETAG], other[LIPD_RESULT_ETAG];
    lipd_result_etag(one, "abc", 3);
    lipd_result_etag(other, "abcd", 3);
    ck_assert_str_eq(one, other);
    ck_assert_str_eq(one, "\"ba7816bf8f01cfea414140de5dae2223\"");
    lipd_result_etag(other, "abd", 3);
    ck_assert_str_ne(one, other);
}
END_TEST

START_TEST(a_quarter_is_the_most)
{
    struct lipd_results results = {NULL, 1 << 20};
    ck_assert(lipd_result_fits(&results, (1 << 18) - LIPD_RESULT_ROW));
    ck_assert(!lipd_result_fits(&results, (1 << 18) - LIPD_RESULT_ROW + 1));
    ck_assert(!lipd_result_fits(&results, (size_t)-1));
    results.most = 1;
    ck_assert(!lipd_result_fits(&results, 0));
}
END_TEST

START_TEST(clearing_twice_is_clearing)
{
    struct lipd_result result = {.document = NULL};
    lipd_result_clear(&result);
    lipd_result_clear(&result);
    ck_assert_ptr_null(result.document);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("results");
    TCase *tests = tcase_create("results");
    tcase_add_test(tests, tags_are_of_the_bytes);
    tcase_add_test(tests, a_quarter_is_the_most);
    tcase_add_test(tests, clearing_twice_is_clearing);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
