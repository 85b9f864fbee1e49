/* SPDX-License-Identifier: MIT
 *
 * Each member of a row. */
#include "tests/support/shown.h"

#include "base/memory.h"
#include "tests/support/contract.h"

#include <check.h>
#include <string.h>

json_t *shown_document(void (*write)(struct api_text *text), const char *schema)
{
    struct api_text text;
    size_t size;
    api_text_init(&text, 1 << 20, NULL);
    write(&text);
    char *bytes = api_text_take(&text, &size);
    ck_assert_ptr_nonnull(bytes);
    contract_add(schema, bytes);
    json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(root);
    lip_free(bytes);
    return root;
}

void shown_text(const json_t *object, const char *key, const char *expected)
{
    const char *text = json_string_value(json_object_get(object, key));
    ck_assert_msg(text && strlen(expected) > 0, "%s", key);
    ck_assert_str_eq(text, expected);
}

void shown_parameters(const json_t *object, const struct lip_parameter *p)
{
    const json_t *list = json_object_get(object, "parameters");
    size_t k = 0;
    for (; p[k].name; k++) {
        const json_t *q = json_array_get(list, k);
        shown_text(q, "name", p[k].name);
        ck_assert_double_eq(json_number_value(json_object_get(q, "default")),
                            p[k].fallback);
        ck_assert_double_eq(json_number_value(json_object_get(q, "minimum")),
                            p[k].min);
        ck_assert_double_eq(json_number_value(json_object_get(q, "maximum")),
                            p[k].max);
    }
    ck_assert_uint_eq(json_array_size(list), k);
}
