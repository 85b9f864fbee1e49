/* SPDX-License-Identifier: MIT
 *
 * Shapes: counts that fit, and their text. */
#include "tests/support/graph.h"
#include "tests/support/suite.h"

#include "network/shape.h"

#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void start(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

START_TEST(counts_are_products)
{
    struct lip_shape s = {3, {3, 32, 32}};
    char text[LIP_SHAPE_TEXT];
    ck_assert_uint_eq(lip_shape_count(&s), 3072);
    ck_assert_str_eq(lip_shape_text(text, sizeof text, &s), "3 x 32 x 32");
    struct lip_shape other = s, vector = lip_shape_vector(7);
    ck_assert(lip_shape_equal(&s, &other));
    other.dim[2] = 31;
    ck_assert(!lip_shape_equal(&s, &other));
    ck_assert(!lip_shape_equal(&s, &vector));
    ck_assert_str_eq(lip_shape_text(text, sizeof text, &vector), "7");
    ck_assert_uint_eq(lip_shape_count(&(struct lip_shape){0}), 1);
    ck_assert(ctx.budget == &budget);
}
END_TEST

START_TEST(what_is_too_large_counts_as_nothing)
{
    struct lip_shape huge = {3, {SIZE_MAX, 2, 3}};
    ck_assert_uint_eq(lip_shape_count(&huge), 0);
    struct lip_shape large = {2, {LIP_MAX_WIDTH, 2}};
    ck_assert_uint_eq(lip_shape_count(&large), 0);
    struct lip_shape empty = {2, {0, 2}};
    ck_assert_uint_eq(lip_shape_count(&empty), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/shape");
    TCase *tc = tcase_create("shape");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, counts_are_products);
    tcase_add_test(tc, what_is_too_large_counts_as_nothing);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
