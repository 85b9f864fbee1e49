/* SPDX-License-Identifier: MIT
 *
 * The list of named tensors: bounded growth, order, repeated names. */
#include "formats/tensor_list.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static struct lip_tensor_list list_of(size_t limit)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
    return (struct lip_tensor_list){.limit = limit};
}

static void add(struct lip_tensor_list *list, const char *name)
{
    struct lip_named_tensor *item = lip_tensor_list_add(list, &ctx);
    ck_assert_ptr_nonnull(item);
    snprintf(item->name, sizeof item->name, "%s", name);
}

START_TEST(grows_to_its_limit)
{
    struct lip_tensor_list list = list_of(100);
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "%03d", 999 - i);
        add(&list, name);
    }
    ck_assert_ptr_null(lip_tensor_list_add(&list, &ctx));
    ck_assert_int_eq(ctx.error.status, LIP_TOO_LARGE);
    ck_assert_int_eq(lip_tensor_list_sort(&list, &ctx), LIP_OK);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "%03d", 900 + i);
        ck_assert_str_eq(list.item[i].name, name);
        ck_assert_ptr_null(list.item[i].tensor.data);
    }
    lip_tensor_list_clear(&list);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

START_TEST(names_are_unique)
{
    struct lip_tensor_list list = list_of(4);
    add(&list, "b");
    add(&list, "a");
    add(&list, "b");
    ck_assert_int_eq(lip_tensor_list_sort(&list, &ctx), LIP_INVALID);
    ck_assert_int_eq(ctx.error.place, LIP_AT_TENSOR);
    ck_assert_str_eq(ctx.error.where, "b");
    lip_tensor_list_clear(&list);
}
END_TEST

START_TEST(empty_lists_and_no_memory)
{
    struct lip_tensor_list list = list_of(4);
    ck_assert_int_eq(lip_tensor_list_sort(&list, &ctx), LIP_OK);
    atomic_store(&budget.fail_after, 0);
    ck_assert_ptr_null(lip_tensor_list_add(&list, &ctx));
    ck_assert_int_eq(ctx.error.status, LIP_NO_MEMORY);
    lip_tensor_list_clear(&list);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

/* Clearing lets go of what the tensors hold. */
START_TEST(tensors_are_let_go)
{
    struct lip_tensor_list list = list_of(4);
    for (int i = 0; i < 3; i++) {
        struct lip_named_tensor *item = lip_tensor_list_add(&list, &ctx);
        item->tensor.buffer = lip_buffer_take(lip_alloc(&ctx, 8, 1), 8, &ctx);
        item->tensor.data = lip_buffer_bytes(item->tensor.buffer);
    }
    lip_tensor_list_clear(&list);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tensor_list");
    TCase *tests = tcase_create("tensor_list");
    tcase_add_test(tests, grows_to_its_limit);
    tcase_add_test(tests, names_are_unique);
    tcase_add_test(tests, empty_lists_and_no_memory);
    tcase_add_test(tests, tensors_are_let_go);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
