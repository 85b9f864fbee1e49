/* SPDX-License-Identifier: MIT
 *
 * Splitting an envelope: members with their spans, and what is refused. */
#include "formats/json_scan.h"

#include "tests/support/suite.h"

#include <string.h>

enum { MOST = 4 };

static struct lip_ctx ctx;
static struct lip_json_member member[MOST];
static size_t count;

static enum lip_status list(const char *text)
{
    struct lip_json json;
    ctx = (struct lip_ctx){.deadline = 0};
    lip_json_init(&json, (const unsigned char *)text, strlen(text), 0, "",
                  &ctx);
    return lip_json_members(member, MOST, &count, &json);
}

START_TEST(spans)
{
    static const char text[] =
        " { \"norm\" : 2 ,\"\\u006dodel\":{\"layers\":[ ]} , \"m\":[\"x\",1],"
        "\"t\":\"a\\\"}\"}\n";
    static const struct {
        const char *key, *value;
        enum lip_json_type type;
    } want[] = {{"norm", "2", LIP_JSON_NUMBER},
                {"model", "{\"layers\":[ ]}", LIP_JSON_OBJECT},
                {"m", "[\"x\",1]", LIP_JSON_ARRAY},
                {"t", "\"a\\\"}\"", LIP_JSON_STRING}};
    ck_assert_int_eq(list(text), LIP_OK);
    ck_assert_uint_eq(count, 4);
    for (size_t i = 0; i < 4; i++) {
        size_t n = member[i].end - member[i].start;
        ck_assert_str_eq(member[i].key, want[i].key);
        ck_assert_int_eq(member[i].type, want[i].type);
        ck_assert_uint_eq(n, strlen(want[i].value));
        ck_assert_mem_eq(text + member[i].start, want[i].value, n);
    }
    ck_assert_int_eq(list("{}"), LIP_OK);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(refusals)
{
    static const struct {
        const char *text;
        enum lip_status status;
        enum lip_place place;
        const char *where;
    } cases[] = {
        {"[]", LIP_INVALID, LIP_AT_POINTER, ""},
        {"{\"a\":1,\"\\u0061\":2}", LIP_INVALID, LIP_AT_POINTER, "/a"},
        {"{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}", LIP_TOO_LARGE,
         LIP_AT_POINTER, "/e"},
        {"{\"0123456789012345678901234567890123456789012345678901234567890123"
         "\":1}",
         LIP_INVALID, LIP_AT_POINTER,
         "/0123456789012345678901234567890123456789012345678901234567890123"},
        {"{\"a\":[1,}", LIP_MALFORMED, LIP_AT_BYTE, "8"},
        {"{\"a\":1} {", LIP_MALFORMED, LIP_AT_BYTE, "8"},
        {"{\"a\":1", LIP_MALFORMED, LIP_AT_BYTE, "6"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(list(cases[i].text) == cases[i].status, "%s",
                      cases[i].text);
        ck_assert_int_eq(ctx.error.place, cases[i].place);
        ck_assert_str_eq(ctx.error.where, cases[i].where);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_members");
    TCase *tests = tcase_create("json_members");
    tcase_add_test(tests, spans);
    tcase_add_test(tests, refusals);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
