/* SPDX-License-Identifier: MIT
 *
 * Memory is aligned, counted to the byte, bounded by its budget, and what it
 * holds survives growth. */
#include "base/context.h"
#include "tests/support/suite.h"

#include <stdint.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void setup(void)
{
    lip_budget_init(&budget, 1 << 20);
    ctx = (struct lip_ctx){.budget = &budget};
}

START_TEST(blocks_are_aligned)
{
    unsigned char *block[200];
    for (size_t i = 0; i < 200; i++) {
        block[i] = lip_alloc(&ctx, i, 1);
        ck_assert_ptr_nonnull(block[i]);
        ck_assert_uint_eq((uintptr_t)block[i] % 64, 0);
        memset(block[i], 0xa5, i);
    }
    for (size_t i = 0; i < 200; i++)
        lip_free(block[i]);
}
END_TEST

START_TEST(all_that_is_taken_is_given_back)
{
    void *a = lip_alloc(&ctx, 1000, 8);
    char *b = lip_strdup(&ctx, "some text");
    ck_assert_str_eq(b, "some text");
    ck_assert_uint_ge(budget.used, 8010);
    a = lip_realloc(&ctx, a, 3000, 8);
    ck_assert_uint_ge(budget.used, 24010);
    a = lip_realloc(&ctx, a, 10, 8);
    ck_assert_uint_lt(budget.used, 1000);
    ck_assert_uint_ge(budget.peak, 24010);
    lip_free(a);
    lip_free(b);
    lip_free(NULL);
    ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(the_limit_holds_and_nothing_is_lost)
{
    char *a = lip_alloc(&ctx, 1000, 1);
    memcpy(a, "kept", 5);
    ck_assert_ptr_null(lip_alloc(&ctx, 1 << 20, 1));
    ck_assert_int_eq(ctx.error.status, LIP_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "1048576"));
    ck_assert_ptr_null(lip_realloc(&ctx, a, 1 << 20, 1));
    ck_assert_str_eq(a, "kept");
    size_t used = budget.used;
    lip_free(a);
    ck_assert_uint_lt(budget.used, used);
    ck_assert_uint_eq(budget.used, 0);
}
END_TEST

static bool give_more(struct lip_budget *asked, size_t used)
{
    if (used > 1 << 20)
        return false;
    asked->limit = used;
    return true;
}

/* A budget that is asked for more gives exactly what it can. */
START_TEST(a_budget_may_grow)
{
    budget.limit = 1000;
    budget.grow = give_more;
    void *some = lip_alloc(&ctx, 1 << 19, 1);
    ck_assert_ptr_nonnull(some);
    ck_assert_uint_eq(budget.limit, budget.used);
    ck_assert_ptr_null(lip_alloc(&ctx, 1 << 20, 1));
    ck_assert_int_eq(ctx.error.status, LIP_TOO_LARGE);
    lip_free(some);
    ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(products_that_overflow_are_refused)
{
    char *a = lip_alloc(&ctx, 8, 1);
    ck_assert_ptr_null(lip_alloc(&ctx, SIZE_MAX / 2, 3));
    ck_assert_int_eq(ctx.error.status, LIP_TOO_LARGE);
    lip_error_clear(&ctx);
    ck_assert_ptr_null(lip_calloc(&ctx, SIZE_MAX, 1));
    ck_assert_int_eq(ctx.error.status, LIP_TOO_LARGE);
    lip_error_clear(&ctx);
    ck_assert_ptr_null(lip_realloc(&ctx, a, SIZE_MAX / 4, 8));
    ck_assert_int_eq(ctx.error.status, LIP_TOO_LARGE);
    lip_free(a);
    ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(contents_survive_growing_and_shrinking)
{
    unsigned char *a = lip_alloc(&ctx, 1, 1);
    size_t held = 1;
    a[0] = 7;
    for (size_t size = 1; size < 200000; size = size * 3 + 1) {
        a = lip_realloc(&ctx, a, size, 1);
        ck_assert_uint_eq((uintptr_t)a % 64, 0);
        for (size_t i = 0; i < held; i++)
            ck_assert_uint_eq(a[i], (unsigned char)(7 * (i + 1)));
        for (size_t i = 0; i < size; i++)
            a[i] = (unsigned char)(7 * (i + 1));
        held = size;
    }
    a = lip_realloc(&ctx, a, 100, 1);
    for (size_t i = 0; i < 100; i++)
        ck_assert_uint_eq(a[i], (unsigned char)(7 * (i + 1)));
    lip_free(a);
}
END_TEST

START_TEST(calloc_is_zero_also_in_used_memory)
{
    unsigned char *a = lip_alloc(&ctx, 5000, 1);
    memset(a, 0xff, 5000);
    lip_free(a);
    a = lip_calloc(&ctx, 5000, 1);
    for (size_t i = 0; i < 5000; i++)
        ck_assert_uint_eq(a[i], 0);
    lip_free(a);
}
END_TEST

/* As many allocations succeed as were granted, and every later one fails. */
START_TEST(failures_can_be_asked_for)
{
    void *block[3];
    budget.fail_after = 3;
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(block[i] = lip_alloc(&ctx, 1, 1));
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_null(lip_alloc(&ctx, 1, 1));
    ck_assert_int_eq(ctx.error.status, LIP_NO_MEMORY);
    for (int i = 0; i < 3; i++)
        lip_free(block[i]);
    ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(a_budget_is_a_choice)
{
    char *a = lip_strdup(NULL, "free of any budget");
    a = lip_realloc(NULL, a, 1 << 22, 1);
    ck_assert_str_eq(a, "free of any budget");
    lip_free(a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/memory");
    TCase *tcase = tcase_create("memory");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, blocks_are_aligned);
    tcase_add_test(tcase, all_that_is_taken_is_given_back);
    tcase_add_test(tcase, the_limit_holds_and_nothing_is_lost);
    tcase_add_test(tcase, products_that_overflow_are_refused);
    tcase_add_test(tcase, contents_survive_growing_and_shrinking);
    tcase_add_test(tcase, calloc_is_zero_also_in_used_memory);
    tcase_add_test(tcase, failures_can_be_asked_for);
    tcase_add_test(tcase, a_budget_may_grow);
    tcase_add_test(tcase, a_budget_is_a_choice);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
