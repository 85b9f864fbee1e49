/* SPDX-License-Identifier: MIT
 *
 * The pull scanner: what is JSON and what is not and at which byte, bounded
 * depth, values and their errors with pointers, time linear in the bytes. */
#include "formats/json_scan.h"

#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct lip_ctx ctx;
static struct lip_json json;

static void begin(const char *text)
{
    ctx = (struct lip_ctx){.deadline = 0};
    lip_json_init(&json, (const unsigned char *)text, strlen(text), 0, "",
                  &ctx);
}

static enum lip_status pass(const char *text, size_t size)
{
    ctx = (struct lip_ctx){.deadline = 0};
    lip_json_init(&json, (const unsigned char *)text, size, 0, "", &ctx);
    enum lip_status status = lip_json_skip(&json, NULL);
    return status == LIP_OK ? lip_json_end(&json) : status;
}

START_TEST(takes_json)
{
    static const char *const texts[] = {
        "null",
        " true ",
        "false\n",
        "0",
        "-0.5e+10",
        "\"\"",
        "[]",
        "{}",
        "[1, 2 ,\t3\r\n]",
        "{\"a\":{\"b\":[{},[],\"\\u0000\"]}}",
        "[[[[]]],{\"\":null}]",
        "\"\xc3\xa9\"",
        "1e400",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ck_assert_msg(pass(texts[i], strlen(texts[i])) == LIP_OK, "%s: %s",
                      texts[i], ctx.error.detail);
}
END_TEST

/* Broken text is told with the byte; nothing looks past the end. */
START_TEST(refuses_what_is_not_json)
{
    static const struct {
        const char *text, *byte;
    } cases[] = {
        {"", "0"},
        {"  ", "2"},
        {"nul", "0"},
        {"nulll", "4"},
        {"tru", "0"},
        {"[1,]", "3"},
        {"[1 2]", "3"},
        {"[1", "2"},
        {"[", "1"},
        {"{\"a\":1,}", "7"},
        {"{\"a\" 1}", "5"},
        {"{a:1}", "1"},
        {"{\"a\":}", "5"},
        {"{\"a\":1", "6"},
        {"{", "1"},
        {"[01]", "1"},
        {"[1.]", "1"},
        {"[.5]", "1"},
        {"[+1]", "1"},
        {"[1e]", "1"},
        {"[-]", "1"},
        {"[1}", "2"},
        {"{\"a\":1]", "6"},
        {"1 2", "2"},
        {"{} x", "3"},
        {"\"a", "2"},
        {"\"\n\"", "1"},
        {"\"\\x\"", "1"},
        {"'a'", "0"},
        {"[1,,2]", "3"},
        {"{\"a\":1,2}", "7"},
        {"\xef\xbb\xbf{}", "0"},
        {"/**/1", "0"},
        {"[\"\xff\"]", "2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].text);
        char *exact = malloc(n ? n : 1);
        memcpy(exact, cases[i].text, n);
        ck_assert_msg(pass(exact, n) == LIP_MALFORMED, "%s", cases[i].text);
        ck_assert_int_eq(ctx.error.place, LIP_AT_BYTE);
        ck_assert_msg(strcmp(ctx.error.where, cases[i].byte) == 0,
                      "%s: byte %s", cases[i].text, ctx.error.where);
        free(exact);
    }
}
END_TEST

/* Each cut of a document is broken, none is read beyond. */
START_TEST(every_cut_is_refused)
{
    static const char text[] =
        "{\"layers\":[{\"w\":[[1.5e3,-2],[true,null]],\"s\":\"\\ud83d\\ude00\"}"
        "]}";
    for (size_t n = 0; n + 1 < sizeof text; n++) {
        char *exact = malloc(n ? n : 1);
        memcpy(exact, text, n);
        ck_assert_int_eq(pass(exact, n), LIP_MALFORMED);
        free(exact);
    }
    ck_assert_int_eq(pass(text, sizeof text - 1), LIP_OK);
}
END_TEST

START_TEST(depth_is_bounded)
{
    enum { MANY = 1000000 };
    char *text = malloc(2 * MANY);
    memset(text, '[', LIP_JSON_DEPTH);
    memset(text + LIP_JSON_DEPTH, ']', LIP_JSON_DEPTH);
    ck_assert_int_eq(pass(text, 2 * LIP_JSON_DEPTH), LIP_OK);
    memset(text, '[', MANY);
    memset(text + MANY, ']', MANY);
    double start = (double)clock();
    ck_assert_int_eq(pass(text, 2 * MANY), LIP_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "64"));
    for (size_t i = 0; i + 5 <= 2 * MANY; i += 5)
        memcpy(text + i, "{\"a\":", 5);
    ck_assert_int_eq(pass(text, 2 * MANY), LIP_TOO_LARGE);
    ck_assert(((double)clock() - start) / CLOCKS_PER_SEC < 1);
    free(text);
}
END_TEST

START_TEST(values)
{
    double x = 0;
    size_t n = 0;
    bool more = false, truth = false;
    char text[16];
    begin("{\"n\\u0061me\": \"\\u00e9t\\u00e9\", \"x\": -0.0, \"n\": "
          "18446744073709551615, \"t\": true, \"f\": false}");
    ck_assert_int_eq(lip_json_open_object(&json), LIP_OK);
    ck_assert_int_eq(lip_json_next_member(&json, &more), LIP_OK);
    ck_assert(more && lip_json_key_is(&json, "name"));
    ck_assert(!lip_json_key_is(&json, "nam"));
    ck_assert(!lip_json_key_is(&json, "names"));
    ck_assert_int_eq(lip_json_key(&json, text, sizeof text), LIP_OK);
    ck_assert_str_eq(text, "name");
    ck_assert_int_eq(lip_json_string(&json, text, sizeof text), LIP_OK);
    ck_assert_str_eq(text, "\xc3\xa9t\xc3\xa9");
    lip_json_next_member(&json, &more);
    ck_assert_int_eq(lip_json_number(&json, &x), LIP_OK);
    ck_assert(x == 0 && signbit(x));
    lip_json_next_member(&json, &more);
    ck_assert_int_eq(lip_json_size(&json, &n), LIP_OK);
    ck_assert_uint_eq(n, SIZE_MAX);
    lip_json_next_member(&json, &more);
    ck_assert_int_eq(lip_json_bool(&json, &truth), LIP_OK);
    ck_assert(truth);
    lip_json_next_member(&json, &more);
    ck_assert_int_eq(lip_json_bool(&json, &truth), LIP_OK);
    ck_assert(!truth);
    ck_assert_int_eq(lip_json_next_member(&json, &more), LIP_OK);
    ck_assert(!more);
    ck_assert_int_eq(lip_json_end(&json), LIP_OK);
}
END_TEST

static enum lip_status take_number(void)
{
    double x;
    return lip_json_number(&json, &x);
}

static enum lip_status take_size(void)
{
    size_t n;
    return lip_json_size(&json, &n);
}

static enum lip_status take_bool(void)
{
    bool b;
    return lip_json_bool(&json, &b);
}

static enum lip_status take_short_string(void)
{
    char text[4];
    return lip_json_string(&json, text, sizeof text);
}

static enum lip_status take_array(void)
{
    return lip_json_open_array(&json);
}

START_TEST(wrong_values)
{
    static const struct {
        enum lip_status (*take)(void);
        const char *text;
        enum lip_status status;
        const char *says;
    } cases[] = {
        {take_number, "1e400", LIP_INVALID, "not finite"},
        {take_number, "-1e400", LIP_INVALID, "not finite"},
        {take_number, "NaN", LIP_INVALID, "NaN"},
        {take_number, "-Infinity", LIP_INVALID, "finite"},
        {take_number, "nan", LIP_INVALID, "NaN"},
        {take_number, "\"1\"", LIP_INVALID, "a number, not a string"},
        {take_number, "[1]", LIP_INVALID, "a number, not an array"},
        {take_number, "null", LIP_INVALID, "a number, not null"},
        {take_size, "-1", LIP_INVALID, "whole number"},
        {take_size, "1.0", LIP_INVALID, "whole number"},
        {take_size, "1e3", LIP_INVALID, "whole number"},
        {take_size, "18446744073709551616", LIP_INVALID, "2^64"},
        {take_size, "99999999999999999999999", LIP_INVALID, "2^64"},
        {take_bool, "1", LIP_INVALID, "true or false, not a number"},
        {take_short_string, "\"abcd\"", LIP_INVALID, "longer than 3"},
        {take_short_string, "\"a\\u0000\"", LIP_INVALID, "U+0000"},
        {take_short_string, "{}", LIP_INVALID, "a string, not an object"},
        {take_array, "{}", LIP_INVALID, "an array, not an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(cases[i].text);
        ck_assert_msg(cases[i].take() == cases[i].status, "%s", cases[i].text);
        ck_assert_int_eq(ctx.error.place, LIP_AT_POINTER);
        ck_assert_msg(strstr(ctx.error.detail, cases[i].says), "%s: %s",
                      cases[i].text, ctx.error.detail);
    }
}
END_TEST

/* RFC 6901, with the caller's prefix; a pointer too long names a value around
 * the place. */
START_TEST(pointers)
{
    static const char text[] =
        "  {\"a/b\": [0, {\"m~\\u00e9\": [[], [1, \"x\"]]}]}";
    char long_text[600];
    bool more;
    double x;
    ctx = (struct lip_ctx){.deadline = 0};
    lip_json_init(&json, (const unsigned char *)text, strlen(text), 0, "/model",
                  &ctx);
    lip_json_open_object(&json);
    lip_json_next_member(&json, &more);
    lip_json_open_array(&json);
    lip_json_next_element(&json, &more);
    lip_json_skip(&json, NULL);
    lip_json_next_element(&json, &more);
    lip_json_open_object(&json);
    lip_json_next_member(&json, &more);
    lip_json_open_array(&json);
    lip_json_next_element(&json, &more);
    lip_json_skip(&json, NULL);
    lip_json_next_element(&json, &more);
    size_t n;
    double two[2];
    ck_assert_int_eq(lip_json_numbers(&json, two, 2, &n), LIP_INVALID);
    ck_assert_str_eq(ctx.error.where, "/model/a~1b/1/m~0\xc3\xa9/1/1");

    strcpy(long_text, "{\"a\":{\"");
    memset(long_text + strlen("{\"a\":{\""), 'k', 300);
    strcpy(long_text + strlen("{\"a\":{\"") + 300, "\":null}}");
    begin(long_text);
    lip_json_open_object(&json);
    lip_json_next_member(&json, &more);
    lip_json_open_object(&json);
    lip_json_next_member(&json, &more);
    ck_assert_int_eq(lip_json_number(&json, &x), LIP_INVALID);
    ck_assert_str_eq(ctx.error.where, "/a");
}
END_TEST

/* Byte offsets count from the start of the larger text. */
START_TEST(offsets)
{
    static const char text[] = "[1,x]";
    ctx = (struct lip_ctx){.deadline = 0};
    lip_json_init(&json, (const unsigned char *)text, strlen(text), 1000, "",
                  &ctx);
    ck_assert_int_eq(lip_json_skip(&json, NULL), LIP_MALFORMED);
    ck_assert_str_eq(ctx.error.where, "1003");
}
END_TEST

START_TEST(arrays_of_numbers)
{
    double x[4];
    size_t n;
    begin("[1,-2.5 , 3e2\n,0.1] ");
    ck_assert_uint_ge(lip_json_count_bound(&json), 4);
    ck_assert_int_eq(lip_json_numbers(&json, x, 4, &n), LIP_OK);
    ck_assert_uint_eq(n, 4);
    ck_assert(x[0] == 1 && x[1] == -2.5 && x[2] == 300 && x[3] == 0.1);
    begin("[1,2,3,4,5]");
    ck_assert_int_eq(lip_json_numbers(&json, x, 4, &n), LIP_TOO_LARGE);
    begin(" [ ] ");
    ck_assert_int_eq(lip_json_numbers(&json, x, 0, &n), LIP_OK);
    ck_assert_uint_eq(n, 0);
}
END_TEST

/* The bound holds for what is there and stays in proportion to the bytes. */
START_TEST(count_bounds)
{
    static const struct {
        const char *text;
        size_t least, most;
    } cases[] = {
        {"[1,2,3]", 3, 3},
        {"[[1,2],[3,4] , [5,6]]", 6, 6},
        {" [ [1] ] ", 1, 2},
        {"[[1,2,3,4,5,6,7,8,9,10,11,12],[1]], [1,2,3]", 13, 13},
        {"[]", 0, 1},
        {"[,,,,,,,,", 0, 6},
        {"[[,,,,,,,,],[,,,,,,,,,,,", 0, 13},
        {"[", 0, 1},
        {"[[1,2],[3", 3, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(cases[i].text);
        size_t bound = lip_json_count_bound(&json);
        ck_assert_msg(bound >= cases[i].least && bound <= cases[i].most,
                      "%s: %zu", cases[i].text, bound);
    }
}
END_TEST

static bool stop(void *arg, const struct lip_progress *progress)
{
    (void)arg;
    return progress->done < 8e6;
}

/* A long document can be stopped in the middle, inside one array. */
START_TEST(long_work_can_be_cancelled)
{
    enum { BYTES = 20000000 };
    char *text = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i += 2)
        memcpy(text + i, i ? ",1" : "[1", 2);
    ctx = (struct lip_ctx){.progress = stop};
    lip_json_init(&json, (const unsigned char *)text, BYTES, 0, "", &ctx);
    ck_assert_int_eq(lip_json_skip(&json, NULL), LIP_CANCELLED);
    ctx = (struct lip_ctx){.deadline = lip_now() - 1};
    lip_json_init(&json, (const unsigned char *)text, BYTES, 0, "", &ctx);
    ck_assert_int_eq(lip_json_skip(&json, NULL), LIP_TIMEOUT);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_scan");
    TCase *tests = tcase_create("json_scan");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, takes_json);
    tcase_add_test(tests, refuses_what_is_not_json);
    tcase_add_test(tests, every_cut_is_refused);
    tcase_add_test(tests, depth_is_bounded);
    tcase_add_test(tests, values);
    tcase_add_test(tests, wrong_values);
    tcase_add_test(tests, pointers);
    tcase_add_test(tests, offsets);
    tcase_add_test(tests, arrays_of_numbers);
    tcase_add_test(tests, count_bounds);
    tcase_add_test(tests, long_work_can_be_cancelled);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
