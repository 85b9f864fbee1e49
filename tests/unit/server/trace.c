/* SPDX-License-Identifier: MIT
 *
 * traceparent as the standard has it, and everything that is not it. */
#include "server/trace.h"

#include "tests/support/suite.h"

#include <string.h>

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static struct lipd_trace trace;

START_TEST(a_good_one_is_taken)
{
    char field[LIPD_TRACE_FIELD];
    lipd_trace_read(&trace, "00-" ID "-" PARENT "-01");
    ck_assert_str_eq(trace.id, ID);
    ck_assert_str_eq(trace.parent, PARENT);
    ck_assert_str_eq(trace.flags, "01");
    ck_assert_uint_eq(strspn(trace.span, "0123456789abcdef"), 16);
    ck_assert_str_ne(trace.span, PARENT);
    lipd_trace_write(field, &trace);
    ck_assert_uint_eq(strlen(field), 55);
    ck_assert_ptr_nonnull(strstr(field, ID));
    ck_assert_ptr_nonnull(strstr(field, trace.span));
}
END_TEST

START_TEST(spans_differ)
{
    struct lipd_trace other;
    lipd_trace_read(&trace, "00-" ID "-" PARENT "-00");
    lipd_trace_read(&other, "00-" ID "-" PARENT "-00");
    ck_assert_str_ne(trace.span, other.span);
}
END_TEST

/* Later versions may have more, after a dash. */
START_TEST(later_versions_are_read_as_far_as_they_are_known)
{
    lipd_trace_read(&trace, "cc-" ID "-" PARENT "-01-what-comes");
    ck_assert_str_eq(trace.id, ID);
    lipd_trace_read(&trace, "01-" ID "-" PARENT "-01");
    ck_assert_str_eq(trace.id, ID);
}
END_TEST

static const char *const bad[] = {
    NULL,
    "",
    "00",
    "00-" ID,
    "00-" ID "-" PARENT,
    "00-" ID "-" PARENT "-",
    "00-" ID "-" PARENT "-1",
    "00-" ID "-" PARENT "-01-more",
    "00-" ID "-" PARENT "-01 ",
    "cc-" ID "-" PARENT "-01.what",
    "ff-" ID "-" PARENT "-01",
    "0-" ID "-" PARENT "-01",
    "0x-" ID "-" PARENT "-01",
    " 00-" ID "-" PARENT "-01",
    "00-00000000000000000000000000000000-" PARENT "-01",
    "00-" ID "-0000000000000000-01",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
    "00-" ID "0-" PARENT "-01",
    "00_" ID "-" PARENT "-01",
    "00-\"bf92f3577b34da6a3ce929d0e0e4736-" PARENT "-01",
};

START_TEST(a_bad_one_is_none)
{
    char field[LIPD_TRACE_FIELD];
    lipd_trace_read(&trace, bad[_i]);
    ck_assert_msg(!*trace.id && !*trace.parent && !*trace.span, "%s", bad[_i]);
    lipd_trace_write(field, &trace);
    ck_assert_str_eq(field, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/trace");
    TCase *tcase = tcase_create("trace");
    tcase_add_test(tcase, a_good_one_is_taken);
    tcase_add_test(tcase, spans_differ);
    tcase_add_test(tcase, later_versions_are_read_as_far_as_they_are_known);
    tcase_add_loop_test(tcase, a_bad_one_is_none, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
