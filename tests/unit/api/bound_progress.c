/* SPDX-License-Identifier: MIT
 *
 * What the listener of a request hears: it never goes back, never says that all
 * is over before it is, and its best is the least of what was proven. */
#include "api/bound_progress.h"

#include "tests/support/suite.h"

#include <math.h>

static struct lip_progress heard;
static int times;
static bool answer;
static struct lip_ctx ctx;
static struct api_bound_progress progress;

static bool listen(void *arg, const struct lip_progress *told)
{
    ck_assert_ptr_eq(arg, &heard);
    heard = *told;
    times++;
    return answer;
}

static void setup(void)
{
    answer = true;
    times = 0;
    ctx = (struct lip_ctx){.progress = listen, .progress_arg = &heard};
    api_bound_progress_begin(&progress, &ctx);
    progress.total = 3;
}

static void over(double upper_bound)
{
    struct lip_bound bound = {.upper_bound = upper_bound,
                              .optimum_at_least = NAN};
    bound.skipped = isnan(upper_bound);
    api_bound_progress_over(&progress, &bound);
}

#define TICK(done, total, best)                                                \
    ck_assert_int_eq(lip_tick(&ctx, "inside", done, total, best), LIP_OK)

START_TEST(methods_are_counted)
{
    TICK(1, 4, NAN);
    ck_assert_str_eq(heard.phase, API_BOUND_UNIT);
    ck_assert(heard.done == 0.25 && heard.total == 3);
    ck_assert(isnan(heard.best));
    over(5);
    ck_assert(heard.done == 1 && heard.best == 5 && times == 2);
    over(NAN);
    ck_assert(heard.done == 2 && heard.best == 5);
    TICK(1, 2, 4);
    ck_assert(heard.done == 2.5 && heard.best == 4);
    TICK(1, 2, 6);
    ck_assert(heard.best == 4);
    over(4);
    ck_assert(heard.done == 3 && heard.total == 3 && heard.best == 4);
}
END_TEST

/* A method's second phase begins at its 0; a total may be wrong or unknown. */
START_TEST(it_never_goes_back_or_ahead)
{
    static const double done[] = {3, 0, 9, 1, 0, 1e300},
                        total[] = {4, 4, 2, 0, 0, 1};
    double before = 0;
    for (size_t i = 0; i < sizeof done / sizeof *done; i++) {
        TICK(done[i], total[i], NAN);
        ck_assert(heard.done >= before && heard.done < 1);
        before = heard.done;
    }
    over(1);
    over(1);
    over(1);
    /* What comes after the methods is none. */
    TICK(1, 2, NAN);
    ck_assert(heard.done == 3);
}
END_TEST

START_TEST(what_the_listener_says_counts)
{
    answer = false;
    ck_assert_int_eq(lip_tick(&ctx, "inside", 0, 1, NAN), LIP_CANCELLED);
}
END_TEST

START_TEST(afterwards_the_context_is_as_it_was)
{
    api_bound_progress_end(&progress);
    ck_assert(ctx.progress == listen && ctx.progress_arg == &heard);
    ctx = (struct lip_ctx){.deadline = 0};
    api_bound_progress_begin(&progress, &ctx);
    ck_assert(!ctx.progress);
    over(1);
    api_bound_progress_end(&progress);
    ck_assert(!ctx.progress);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bound_progress");
    TCase *tests = tcase_create("bound_progress");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, methods_are_counted);
    tcase_add_test(tests, it_never_goes_back_or_ahead);
    tcase_add_test(tests, what_the_listener_says_counts);
    tcase_add_test(tests, afterwards_the_context_is_as_it_was);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
