/* SPDX-License-Identifier: MIT
 *
 * Properties: what the writer gives is the JSON of the calls that made it;
 * whatever a string holds, the text stays valid; the buffer never grows past
 * its limit; a failure of any allocation is told once and leaks nothing. */
#include "api/text.h"

#include "tests/support/suite.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void setup(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static void teardown(void)
{
    ck_assert_uint_eq(budget.used, 0);
}

static void write_all(struct api_text *t)
{
    api_object_open(t, NULL);
    api_put_string(t, "s", "a\"b\\c\n\x01 \xc3\xa9");
    api_put_bool(t, "yes", true);
    api_put_bool(t, "no", false);
    api_put_count(t, "n", UINT64_MAX);
    api_put_number(t, "x", 0.1);
    api_put_upper(t, "u", 0.1);
    api_put_lower(t, "l", 0.1);
    api_array_open(t, "empty");
    api_array_close(t);
    api_array_open(t, "list");
    api_put_count(t, NULL, 1);
    api_object_open(t, NULL);
    api_object_close(t);
    api_put_string(t, NULL, "");
    api_array_close(t);
    api_object_close(t);
}

static const char expected[] =
    "{\"s\":\"a\\\"b\\\\c\\u000a\\u0001 \xc3\xa9\",\"yes\":true,\"no\":false,"
    "\"n\":18446744073709551615,\"x\":0.1,\"u\":0.10000000000000001,"
    "\"l\":0.1,\"empty\":[],\"list\":[1,{},\"\"]}";

START_TEST(test_document)
{
    struct api_text t;
    size_t size;
    api_text_init(&t, 1000, &ctx);
    write_all(&t);
    char *text = api_text_take(&t, &size);
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(size, strlen(expected));
    lip_free(text);
}
END_TEST

/* Exactly the limit fits, one byte less does not. */
START_TEST(test_limit)
{
    struct api_text t;
    size_t size;
    api_text_init(&t, strlen(expected), &ctx);
    write_all(&t);
    char *text = api_text_take(&t, &size);
    ck_assert_ptr_nonnull(text);
    lip_free(text);

    api_text_init(&t, strlen(expected) - 1, &ctx);
    write_all(&t);
    ck_assert_ptr_null(api_text_take(&t, &size));
    ck_assert_int_eq(ctx.error.status, LIP_TOO_LARGE);
}
END_TEST

static char *string_document(const char *value)
{
    struct api_text t;
    size_t size;
    api_text_init(&t, 100000, &ctx);
    api_array_open(&t, NULL);
    api_put_string(&t, NULL, value);
    api_array_close(&t);
    return api_text_take(&t, &size);
}

/* Every string of two bytes: jansson, which checks UTF-8, must take it, and
 * what was valid UTF-8 must come back as it was. */
START_TEST(test_any_bytes)
{
    for (unsigned a = 1; a < 256; a++) {
        for (unsigned b = 1; b < 256; b++) {
            char value[] = {(char)a, (char)b, '\0'};
            char *text = string_document(value);
            json_t *list = json_loads(text, 0, NULL);
            ck_assert_msg(list != NULL, "bytes %02x %02x gave %s", a, b, text);
            json_t *same = json_string(value);
            if (same)
                ck_assert(json_equal(same, json_array_get(list, 0)));
            json_decref(same);
            json_decref(list);
            lip_free(text);
        }
    }
}
END_TEST

static void ck_string(const char *value, const char *json)
{
    char *text = string_document(value);
    ck_assert_str_eq(text, json);
    lip_free(text);
}

/* Overlong forms, surrogates, what lies past U+10FFFF and cut sequences are no
 * UTF-8: each byte becomes U+FFFD. */
START_TEST(test_not_utf8)
{
#define BAD "\xef\xbf\xbd"
    ck_string("\xc0\xaf", "[\"" BAD BAD "\"]");
    ck_string("\xe0\x80\xaf", "[\"" BAD BAD BAD "\"]");
    ck_string("\xed\xa0\x80", "[\"" BAD BAD BAD "\"]");
    ck_string("\xf4\x90\x80\x80", "[\"" BAD BAD BAD BAD "\"]");
    ck_string("\xf0\x9f\x98", "[\"" BAD BAD BAD "\"]");
    ck_string("\xe2\x82"
              "a",
              "[\"" BAD BAD "a\"]");
    ck_string("\xf0\x9f\x98\x80\xe2\x82\xac", "[\"\xf0\x9f\x98\x80\xe2\x82\xac"
                                              "\"]");
    ck_string("\x7f", "[\"\\u007f\"]");
}
END_TEST

START_TEST(test_infinity_is_refused)
{
    const double bad[] = {INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < 3; i++) {
        struct api_text t;
        size_t size;
        lip_error_clear(&ctx);
        api_text_init(&t, 1000, &ctx);
        api_array_open(&t, NULL);
        api_put_number(&t, NULL, bad[i]);
        api_array_close(&t);
        ck_assert_ptr_null(api_text_take(&t, &size));
        ck_assert_int_eq(ctx.error.status, LIP_UNPROVEN);
    }
}
END_TEST

/* Brackets that do not match are a fault of the caller that must not leave. */
START_TEST(test_unbalanced)
{
    struct api_text t;
    size_t size;
    api_text_init(&t, 1000, &ctx);
    api_array_open(&t, NULL);
    ck_assert_ptr_null(api_text_take(&t, &size));
    api_text_init(&t, 1000, &ctx);
    api_array_close(&t);
    ck_assert_ptr_null(api_text_take(&t, &size));
    api_text_init(&t, 1000, &ctx);
    for (int i = 0; i < 100; i++)
        api_array_open(&t, NULL);
    for (int i = 0; i < 100; i++)
        api_array_close(&t);
    ck_assert_ptr_null(api_text_take(&t, &size));
    api_text_init(&t, 1000, &ctx);
    ck_assert_ptr_null(api_text_take(&t, &size));
}
END_TEST

START_TEST(test_failing_allocations)
{
    char value[3000];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (long n = 0;; n++) {
        struct api_text t;
        size_t size;
        lip_error_clear(&ctx);
        atomic_store(&budget.fail_after, n);
        api_text_init(&t, 100000, &ctx);
        api_array_open(&t, NULL);
        api_put_string(&t, NULL, value);
        api_array_close(&t);
        char *text = api_text_take(&t, &size);
        lip_free(text);
        if (text) {
            ck_assert_int_ge(n, 2);
            break;
        }
        ck_assert_int_eq(ctx.error.status, LIP_NO_MEMORY);
        ck_assert_uint_eq(budget.used, 0);
    }
}
END_TEST

START_TEST(test_raw)
{
    static const char *const bad[] = {
        "", " ", "{", "1 2", "{},1", "NaN", "[1,]", "\"\x01\"", "\"\xff\""};
    struct api_text t;
    size_t size;
    api_text_init(&t, 1000, &ctx);
    api_array_open(&t, NULL);
    api_put_raw(&t, NULL, "{\"a\": 0.10000000000000001 }");
    api_put_raw(&t, NULL, "7");
    api_array_close(&t);
    char *text = api_text_take(&t, &size);
    ck_assert_str_eq(text, "[{\"a\": 0.10000000000000001 },7]");
    lip_free(text);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        api_text_init(&t, 1000, &ctx);
        api_array_open(&t, NULL);
        api_put_raw(&t, NULL, bad[i]);
        api_array_close(&t);
        ck_assert_ptr_null(api_text_take(&t, &size));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/text");
    TCase *t = tcase_create("text");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_document);
    tcase_add_test(t, test_limit);
    tcase_add_test(t, test_any_bytes);
    tcase_add_test(t, test_not_utf8);
    tcase_add_test(t, test_infinity_is_refused);
    tcase_add_test(t, test_raw);
    tcase_add_test(t, test_unbalanced);
    tcase_add_test(t, test_failing_allocations);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
