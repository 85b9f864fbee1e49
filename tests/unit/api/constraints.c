/* SPDX-License-Identifier: MIT
 *
 * Property: GET /constraints shows each table that a training request may
 * choose from, row by row. */
#include "api/train.h"

#include "tests/support/contract.h"
#include "tests/support/shown.h"
#include "tests/support/suite.h"

#include <string.h>

static json_t *root;

static void setup(void)
{
    root = shown_document(api_constraints_write, "Constraints");
}

static void teardown(void)
{
    json_decref(root);
}

static const json_t *row(const char *table, size_t i)
{
    return json_array_get(json_object_get(root, table), i);
}

#define CK_TABLE(key, table)                                                   \
    do {                                                                       \
        size_t n = 0;                                                          \
        for (; (table)[n]; n++) {                                              \
            shown_text(row(key, n), "name", (table)[n]->name);                 \
            shown_text(row(key, n), "title", (table)[n]->title);               \
        }                                                                      \
        ck_assert_uint_eq(json_array_size(json_object_get(root, key)), n);     \
    } while (0)

START_TEST(test_tables)
{
    CK_TABLE("constraints", lip_constraints);
    CK_TABLE("layers", lip_trainable_kinds);
    CK_TABLE("losses", lip_losses);
    CK_TABLE("optimizers", lip_optimisers);
    CK_TABLE("schedules", lip_schedules);
    CK_TABLE("initializations", lip_initials);
    CK_TABLE("normalizations", lip_normalisations);
    CK_TABLE("generators", lip_generators);
}
END_TEST

START_TEST(test_parameters)
{
    for (size_t i = 0; lip_trainable_kinds[i]; i++)
        shown_parameters(row("layers", i), lip_trainable_kinds[i]->parameter);
    for (size_t i = 0; lip_losses[i]; i++)
        shown_parameters(row("losses", i), lip_losses[i]->parameter);
}
END_TEST

/* projection does every easy pair whose layers are easy too: 1->1, 1->2,
 * 1->inf, 2->2, 2->inf, inf->inf; rank-one-clip does 2->2 only. */
START_TEST(test_norms)
{
    for (size_t i = 0; lip_constraints[i]; i++) {
        const json_t *norms = json_object_get(row("constraints", i), "norms");
        const json_t *directions =
            json_object_get(row("constraints", i), "directions");
        ck_assert(json_is_boolean(directions));
        ck_assert(json_is_true(directions) == lip_constraints[i]->monotone);
        if (strcmp(lip_constraints[i]->name, "projection") == 0)
            ck_assert_uint_eq(json_array_size(norms), 6);
        if (strcmp(lip_constraints[i]->name, "rank-one-clip") == 0) {
            ck_assert_uint_eq(json_array_size(norms), 1);
            ck_assert_int_eq(json_integer_value(json_object_get(
                                 json_array_get(norms, 0), "input")),
                             2);
        }
    }
}
END_TEST

START_TEST(test_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/constraints");
    TCase *t = tcase_create("constraints");
    tcase_add_unchecked_fixture(t, contract_open, NULL);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_tables);
    tcase_add_test(t, test_parameters);
    tcase_add_test(t, test_norms);
    tcase_add_test(t, test_contract);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
