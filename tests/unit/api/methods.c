/* SPDX-License-Identifier: MIT
 *
 * Property: GET /methods shows each table of the library row by row, with
 * every text that a row has. */
#include "api/bound.h"

#include "bounds/norms/layer_norm.h"

#include "tests/support/contract.h"
#include "tests/support/shown.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <string.h>

static json_t *root;

static void setup(void)
{
    root = shown_document(api_methods_write, "Methods");
}

static void teardown(void)
{
    json_decref(root);
}

static const json_t *row(const char *table, size_t i)
{
    return json_array_get(json_object_get(root, table), i);
}

START_TEST(test_methods)
{
    size_t i = 0;
    for (; lip_methods[i]; i++) {
        const struct lip_method *m = lip_methods[i];
        const json_t *shown = row("methods", i);
        shown_text(shown, "id", m->id);
        shown_text(shown, "title", m->title);
        shown_text(shown, "formula", m->formula);
        shown_text(shown, "norms", m->norms);
        shown_text(shown, "supports", m->supports);
        shown_text(shown, "cost", m->cost_text);
        shown_text(shown, "citation", m->citation);
    }
    ck_assert_uint_eq(json_array_size(json_object_get(root, "methods")), i);
    for (i = 0; lip_norm_methods[i]; i++) {
        const json_t *shown = row("layer_norms", i);
        shown_text(shown, "id", lip_norm_methods[i]->id);
        shown_text(shown, "title", lip_norm_methods[i]->title);
        shown_text(shown, "formula", lip_norm_methods[i]->formula);
        shown_text(shown, "citation", lip_norm_methods[i]->citation);
    }
    ck_assert_uint_eq(json_array_size(json_object_get(root, "layer_norms")), i);
}
END_TEST

START_TEST(test_activations)
{
    size_t i = 0;
    for (; lip_activations[i]; i++) {
        const json_t *shown = row("activations", i);
        shown_text(shown, "name", lip_activations[i]->name);
        shown_text(shown, "formula", lip_activations[i]->formula);
        shown_parameters(shown, lip_activations[i]->parameter);
    }
    ck_assert_uint_eq(json_array_size(json_object_get(root, "activations")), i);
}
END_TEST

START_TEST(test_formats)
{
    size_t i = 0;
    for (; lip_formats[i]; i++) {
        shown_text(row("formats", i), "name", lip_formats[i]->name);
        shown_text(row("formats", i), "title", lip_formats[i]->title);
        shown_text(row("formats", i), "media_type", lip_formats[i]->media_type);
    }
    ck_assert_uint_eq(json_array_size(json_object_get(root, "formats")), i);
}
END_TEST

START_TEST(test_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/methods");
    TCase *t = tcase_create("methods");
    tcase_add_unchecked_fixture(t, contract_open, NULL);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_methods);
    tcase_add_test(t, test_activations);
    tcase_add_test(t, test_formats);
    tcase_add_test(t, test_contract);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
