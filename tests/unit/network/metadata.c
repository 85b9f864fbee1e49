/* SPDX-License-Identifier: MIT
 *
 * Pairs of text: kept as they are, within bounds, freed whole. */
#include "network/metadata.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static struct lip_budget budget;

START_TEST(what_is_past_the_bounds_is_left_out)
{
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_metadata metadata = {0};
    char name[LIP_METADATA_NAME + 1], value[LIP_METADATA_VALUE + 1];
    lip_budget_init(&budget, 0);
    memset(name, 'n', sizeof name);
    memset(value, 'v', sizeof value);
    name[LIP_METADATA_NAME] = value[LIP_METADATA_VALUE] = '\0';
    ck_assert_int_eq(lip_metadata_add(&metadata, name, "", &ctx), LIP_OK);
    ck_assert_int_eq(lip_metadata_add(&metadata, "", value, &ctx), LIP_OK);
    ck_assert_uint_eq(metadata.count, 0);
    ck_assert_int_eq(lip_metadata_add(&metadata, name + 1, value + 1, &ctx),
                     LIP_OK);
    ck_assert_str_eq(lip_metadata_find(&metadata, name + 1), value + 1);
    for (int i = 0; i < LIP_METADATA_ITEMS; i++) {
        snprintf(name, sizeof name, "%d", i);
        ck_assert_int_eq(lip_metadata_add(&metadata, name, "x", &ctx), LIP_OK);
    }
    ck_assert_uint_eq(metadata.count, LIP_METADATA_ITEMS);
    ck_assert_ptr_nonnull(lip_metadata_find(&metadata, "62"));
    ck_assert_ptr_null(lip_metadata_find(&metadata, "63"));
    lip_metadata_clear(&metadata);
    ck_assert_uint_eq(metadata.count, 0);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

START_TEST(lack_of_memory_leaves_a_whole_set)
{
    enum lip_status status = LIP_NO_MEMORY;
    for (long n = 0; status != LIP_OK; n++) {
        struct lip_ctx ctx = {.budget = &budget};
        struct lip_metadata metadata = {0};
        lip_budget_init(&budget, 0);
        ck_assert_int_eq(lip_metadata_add(&metadata, "a", "1", &ctx), LIP_OK);
        budget.fail_after = n;
        status = lip_metadata_add(&metadata, "b", "2", &ctx);
        ck_assert_uint_eq(metadata.count, status == LIP_OK ? 2 : 1);
        ck_assert_str_eq(lip_metadata_find(&metadata, "a"), "1");
        lip_metadata_clear(&metadata);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
        ck_assert(n < 10);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/metadata");
    TCase *tests = tcase_create("metadata");
    tcase_add_test(tests, what_is_past_the_bounds_is_left_out);
    tcase_add_test(tests, lack_of_memory_leaves_a_whole_set);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
