/* SPDX-License-Identifier: MIT
 *
 * Property: GET /methods shows each table of the library row by row, with
 * every text that a row has. */
#include "api/bound.h"

#include "bounds/norms/layer_norm.h"

#include "tests/support/contract.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <string.h>

static json_t *root;

static void setup(void)
{
    struct api_text text;
    size_t size;
    api_text_init(&text, 1 << 20, NULL);
    api_methods_write(&text);
    char *bytes = api_text_take(&text, &size);
    ck_assert_ptr_nonnull(bytes);
    contract_add("Methods", bytes);
    root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(root);
    lip_free(bytes);
}

static void teardown(void)
{
    json_decref(root);
}

static const json_t *row(const char *table, size_t i)
{
    return json_array_get(json_object_get(root, table), i);
}

static void ck_text(const json_t *object, const char *key, const char *expected)
{
    const char *text = json_string_value(json_object_get(object, key));
    ck_assert_msg(text && strlen(expected) > 0, "%s", key);
    ck_assert_str_eq(text, expected);
}

START_TEST(test_methods)
{
    size_t i = 0;
    for (; lip_methods[i]; i++) {
        const struct lip_method *m = lip_methods[i];
        const json_t *shown = row("methods", i);
        ck_text(shown, "id", m->id);
        ck_text(shown, "title", m->title);
        ck_text(shown, "formula", m->formula);
        ck_text(shown, "norms", m->norms);
        ck_text(shown, "supports", m->supports);
        ck_text(shown, "cost", m->cost_text);
        ck_text(shown, "citation", m->citation);
    }
    ck_assert_uint_eq(json_array_size(json_object_get(root, "methods")), i);
    for (i = 0; lip_norm_methods[i]; i++) {
        const json_t *shown = row("layer_norms", i);
        ck_text(shown, "id", lip_norm_methods[i]->id);
        ck_text(shown, "title", lip_norm_methods[i]->title);
        ck_text(shown, "formula", lip_norm_methods[i]->formula);
        ck_text(shown, "citation", lip_norm_methods[i]->citation);
    }
    ck_assert_uint_eq(json_array_size(json_object_get(root, "layer_norms")), i);
}
END_TEST

START_TEST(test_activations)
{
    size_t i = 0;
    for (; lip_activations[i]; i++) {
        const json_t *shown = row("activations", i);
        const json_t *list = json_object_get(shown, "parameters");
        const struct lip_parameter *p = lip_activations[i]->parameter;
        size_t k = 0;
        ck_text(shown, "name", lip_activations[i]->name);
        ck_text(shown, "formula", lip_activations[i]->formula);
        for (; p[k].name; k++) {
            const json_t *q = json_array_get(list, k);
            ck_text(q, "name", p[k].name);
            ck_assert_double_eq(
                json_number_value(json_object_get(q, "default")),
                p[k].fallback);
            ck_assert_double_eq(
                json_number_value(json_object_get(q, "minimum")), p[k].min);
            ck_assert_double_eq(
                json_number_value(json_object_get(q, "maximum")), p[k].max);
        }
        ck_assert_uint_eq(json_array_size(list), k);
    }
    ck_assert_uint_eq(json_array_size(json_object_get(root, "activations")), i);
}
END_TEST

START_TEST(test_formats)
{
    size_t i = 0;
    for (; lip_formats[i]; i++) {
        ck_text(row("formats", i), "name", lip_formats[i]->name);
        ck_text(row("formats", i), "title", lip_formats[i]->title);
        ck_text(row("formats", i), "media_type", lip_formats[i]->media_type);
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
