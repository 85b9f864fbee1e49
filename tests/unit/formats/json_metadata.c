/* SPDX-License-Identifier: MIT
 *
 * Metadata in JSON: an object of texts, each once, bounded. */
#include "formats/json_parts.h"

#include "tests/support/suite.h"

#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;
static struct lip_metadata metadata;

static enum lip_status take(const char *text)
{
    struct lip_json json;
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
    lip_json_init(&json, (const unsigned char *)text, strlen(text), 0, "",
                  &ctx);
    return lip_json_metadata(&metadata, &json);
}

static void done(void)
{
    lip_metadata_clear(&metadata);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}

START_TEST(texts_are_taken)
{
    ck_assert_int_eq(take("{\"a\":\"\\u00e9\\\"\",\"b\":\"\","
                          "\"c\":\"has \\u0000 in it\"}"),
                     LIP_OK);
    ck_assert_uint_eq(metadata.count, 2);
    ck_assert_str_eq(lip_metadata_find(&metadata, "a"), "\xc3\xa9\"");
    ck_assert_str_eq(lip_metadata_find(&metadata, "b"), "");
    done();
    ck_assert_int_eq(take("{}"), LIP_OK);
    ck_assert_uint_eq(metadata.count, 0);
    done();
}
END_TEST

START_TEST(a_long_text_is_left_out)
{
    static char text[LIP_METADATA_VALUE + 40] = "{\"a\":\"";
    size_t n = strlen(text);
    memset(text + n, 'x', LIP_METADATA_VALUE);
    static const char rest[] = "\",\"b\":\"1\"}";
    memcpy(text + n + LIP_METADATA_VALUE, rest, sizeof rest);
    ck_assert_int_eq(take(text), LIP_OK);
    ck_assert_uint_eq(metadata.count, 1);
    ck_assert_str_eq(lip_metadata_find(&metadata, "b"), "1");
    done();
}
END_TEST

START_TEST(other_things_are_refused)
{
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"{\"a\":1}", "/a"},
        {"{\"a\":null}", "/a"},
        {"{\"a\":{}}", "/a"},
        {"[\"a\"]", ""},
        {"{\"a\":\"1\",\"a\":\"2\"}", "/a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(take(cases[i].text), LIP_INVALID);
        ck_assert_str_eq(ctx.error.where, cases[i].where);
        done();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_metadata");
    TCase *tests = tcase_create("json_metadata");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, texts_are_taken);
    tcase_add_test(tests, a_long_text_is_left_out);
    tcase_add_test(tests, other_things_are_refused);
    return run_suite(suite);
}
