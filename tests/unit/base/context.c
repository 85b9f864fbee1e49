/* SPDX-License-Identifier: MIT
 *
 * The error record keeps the first failure, safe to print; a long computation
 * hears of deadlines and of a listener that says stop. */
#include "base/context.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

START_TEST(the_first_failure_stays)
{
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(
        lip_fail_at(&ctx, LIP_INVALID, LIP_AT_TENSOR, "fc1", "has %d rows", 3),
        LIP_INVALID);
    ck_assert_int_eq(lip_fail(&ctx, LIP_TOO_LARGE, "later"), LIP_TOO_LARGE);
    ck_assert_int_eq(ctx.error.status, LIP_INVALID);
    ck_assert_int_eq(ctx.error.place, LIP_AT_TENSOR);
    ck_assert_str_eq(ctx.error.where, "fc1");
    ck_assert_str_eq(ctx.error.detail, "has 3 rows");
}
END_TEST

START_TEST(a_cleared_record_takes_the_next)
{
    struct lip_ctx ctx = {0};
    lip_fail(&ctx, LIP_INVALID, "first");
    lip_error_clear(&ctx);
    ck_assert_int_eq(ctx.error.status, LIP_OK);
    ck_assert_str_eq(ctx.error.detail, "");
    lip_fail(&ctx, LIP_TIMEOUT, "second");
    ck_assert_str_eq(ctx.error.detail, "second");
}
END_TEST

START_TEST(nothing_in_it_acts_on_a_terminal)
{
    struct lip_ctx ctx = {0};
    lip_fail_at(&ctx, LIP_INVALID, LIP_AT_TENSOR, "a\nb\x7f", "x\x1b[2J\ty");
    ck_assert_str_eq(ctx.error.where, "a?b?");
    ck_assert_str_eq(ctx.error.detail, "x?[2J?y");
}
END_TEST

START_TEST(long_texts_are_cut)
{
    struct lip_ctx ctx = {0};
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    lip_fail_at(&ctx, LIP_INVALID, LIP_AT_TENSOR, text, "%s", text);
    ck_assert_uint_eq(strlen(ctx.error.detail), sizeof ctx.error.detail - 1);
    ck_assert_uint_eq(strlen(ctx.error.where), sizeof ctx.error.where - 1);
}
END_TEST

START_TEST(a_failure_needs_no_context)
{
    ck_assert_int_eq(lip_fail(NULL, LIP_INVALID, "x"), LIP_INVALID);
    ck_assert_int_eq(lip_tick(NULL, "phase", 0, 1, NAN), LIP_OK);
}
END_TEST

/* Says stop at the third call; keeps what it was told. */
static struct lip_progress told;
static int calls;
static bool third_time_stops(void *arg, const struct lip_progress *progress)
{
    ck_assert_ptr_eq(arg, &calls);
    told = *progress;
    return ++calls < 3;
}

START_TEST(a_listener_hears_and_stops)
{
    struct lip_ctx ctx = {.progress = third_time_stops, .progress_arg = &calls};
    calls = 0;
    ck_assert_int_eq(lip_tick(&ctx, "one", 1, 9, 2.5), LIP_OK);
    ck_assert_str_eq(told.phase, "one");
    ck_assert_double_eq(told.done, 1);
    ck_assert_double_eq(told.total, 9);
    ck_assert_double_eq(told.best, 2.5);
    ck_assert_int_eq(lip_tick(&ctx, "two", 2, 9, NAN), LIP_OK);
    ck_assert_int_eq(lip_tick(&ctx, "three", 3, 9, NAN), LIP_CANCELLED);
    ck_assert_int_eq(ctx.error.status, LIP_CANCELLED);
}
END_TEST

START_TEST(a_deadline_ends_the_work)
{
    struct lip_ctx ctx = {.deadline = lip_now() + 1000};
    ck_assert_int_eq(lip_tick(&ctx, "sums", 0, 1, NAN), LIP_OK);
    ctx.deadline = lip_now() - 1e-3;
    ck_assert_int_eq(lip_tick(&ctx, "sums", 0, 1, NAN), LIP_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "sums"));
}
END_TEST

START_TEST(the_clock_never_goes_back)
{
    double last = lip_now();
    for (int i = 0; i < 10000; i++) {
        double now = lip_now();
        ck_assert(now >= last);
        last = now;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/context");
    TCase *tcase = tcase_create("context");
    tcase_add_test(tcase, the_first_failure_stays);
    tcase_add_test(tcase, a_cleared_record_takes_the_next);
    tcase_add_test(tcase, nothing_in_it_acts_on_a_terminal);
    tcase_add_test(tcase, long_texts_are_cut);
    tcase_add_test(tcase, a_failure_needs_no_context);
    tcase_add_test(tcase, a_listener_hears_and_stops);
    tcase_add_test(tcase, a_deadline_ends_the_work);
    tcase_add_test(tcase, the_clock_never_goes_back);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
