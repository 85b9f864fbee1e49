/* SPDX-License-Identifier: MIT
 *
 * Tags and ranges as RFC 9110 has them. */
#include "server/conditional.h"

#include "tests/support/suite.h"

#include <string.h>

START_TEST(tags_tell_bytes_apart)
{
    char one[LIPD_ETAG], other[LIPD_ETAG];
    lipd_etag(one, "abc", 3);
    ck_assert_str_eq(one, "\"ba7816bf8f01cfea414140de5dae2223\"");
    lipd_etag(other, "abd", 3);
    ck_assert_str_ne(one, other);
}
END_TEST

START_TEST(lists_of_tags)
{
    static const struct {
        const char *list;
        bool among;
    } row[] = {
        {NULL, false},
        {"", false},
        {"*", true},
        {" *\t", true},
        {"*, \"b\"", false},
        {"\"b\", *", false},
        {"**", false},
        {"\"a\"", true},
        {"W/\"a\"", true},
        {"\"b\", \"a\"", true},
        {"\"b\",W/\"a\" ", true},
        {"\"b\"", false},
        {"a", false},
        {"\"a", false},
        {"\"aa\"", false},
        {"\"b\" , \"c\"", false},
        {"b, \"a\"", false},
        {", ,\"a\"", true},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        ck_assert_msg(lipd_etag_among(row[i].list, "\"a\"") == row[i].among,
                      "%s", row[i].list);
}
END_TEST

START_TEST(any_is_no_list)
{
    static const char *const none[] = {NULL, "", "\"*\"", "*,*", "\"a\", *"};
    ck_assert(lipd_etag_any("*") && lipd_etag_any(" * "));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_msg(!lipd_etag_any(none[i]), "%s", none[i]);
}
END_TEST

START_TEST(ranges)
{
    static const struct {
        const char *field;
        enum lipd_range range;
        size_t first, count;
    } row[] = {
        {NULL, LIPD_WHOLE, 0, 0},
        {"", LIPD_WHOLE, 0, 0},
        {"bytes=0-0", LIPD_PART, 0, 1},
        {"bytes=0-99", LIPD_PART, 0, 100},
        {"bytes=0-100", LIPD_PART, 0, 100},
        {"bytes=10-19", LIPD_PART, 10, 10},
        {"BYTES=10-19", LIPD_PART, 10, 10},
        {"bytes= 10-19 ", LIPD_PART, 10, 10},
        {"bytes=99-", LIPD_PART, 99, 1},
        {"bytes=100-", LIPD_NO_PART, 0, 0},
        {"bytes=100-200", LIPD_NO_PART, 0, 0},
        {"bytes=-1", LIPD_PART, 99, 1},
        {"bytes=-100", LIPD_PART, 0, 100},
        {"bytes=-1000", LIPD_PART, 0, 100},
        {"bytes=-0", LIPD_NO_PART, 0, 0},
        {"bytes=99999999999999999999999-", LIPD_NO_PART, 0, 0},
        {"bytes=1-99999999999999999999999", LIPD_PART, 1, 99},
        {"bytes=-99999999999999999999999", LIPD_PART, 0, 100},
        {"bytes=20-10", LIPD_WHOLE, 0, 0},
        {"bytes=0-1,2-3", LIPD_WHOLE, 0, 0},
        {"bytes=-", LIPD_WHOLE, 0, 0},
        {"bytes=", LIPD_WHOLE, 0, 0},
        {"bytes=1", LIPD_WHOLE, 0, 0},
        {"bytes=a-b", LIPD_WHOLE, 0, 0},
        {"bytes=1-2x", LIPD_WHOLE, 0, 0},
        {"bytes=--1", LIPD_WHOLE, 0, 0},
        {"bytes 1-2", LIPD_WHOLE, 0, 0},
        {"items=1-2", LIPD_WHOLE, 0, 0},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        size_t first = 0, count = 0;
        enum lipd_range range =
            lipd_range_read(&first, &count, row[i].field, 100);
        ck_assert_msg(range == row[i].range, "%s", row[i].field);
        ck_assert_msg(first == row[i].first && count == row[i].count,
                      "%s: %zu, %zu", row[i].field, first, count);
    }
}
END_TEST

static struct lipd_request request;

static void answer(const char *match, const char *range, const char *if_range)
{
    request = (struct lipd_request){
        .if_none_match = match, .range = range, .if_range = if_range};
    lipd_reply_static(&request, 200, "x/y", "abc", 3);
    lipd_reply_conditional(&request, true);
}

#define TAG "\"ba7816bf8f01cfea414140de5dae2223\""

START_TEST(conditions_make_answers)
{
    answer(NULL, NULL, NULL);
    ck_assert_int_eq(request.reply.status, 200);
    ck_assert_str_eq(request.reply.etag, TAG);
    answer(TAG, "bytes=1-1", NULL);
    ck_assert_int_eq(request.reply.status, 304);
    answer(NULL, "bytes=1-1", TAG);
    ck_assert_int_eq(request.reply.status, 206);
    ck_assert_uint_eq(request.reply.size, 1);
    ck_assert_int_eq(*request.reply.data, 'b');
    ck_assert_str_eq(request.reply.content_range, "bytes 1-1/3");
    answer(NULL, "bytes=1-1", "W/" TAG);
    ck_assert_int_eq(request.reply.status, 200);
    answer(NULL, "bytes=3-", NULL);
    ck_assert_int_eq(request.reply.status, 416);
    ck_assert_str_eq(request.reply.content_range, "bytes */3");
    lipd_request_clear(&request);
    /* Only with GET, and only of what was found. */
    request = (struct lipd_request){.range = "bytes=1-1", .head_only = true};
    lipd_reply_static(&request, 200, "x/y", "abc", 3);
    lipd_reply_conditional(&request, true);
    ck_assert_int_eq(request.reply.status, 200);
    request = (struct lipd_request){.range = "bytes=1-1"};
    lipd_reply_static(&request, 404, "x/y", "abc", 3);
    lipd_reply_conditional(&request, true);
    ck_assert_int_eq(request.reply.status, 404);
    ck_assert_str_eq(request.reply.etag, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/conditional");
    TCase *tcase = tcase_create("conditional");
    tcase_add_test(tcase, tags_tell_bytes_apart);
    tcase_add_test(tcase, lists_of_tags);
    tcase_add_test(tcase, any_is_no_list);
    tcase_add_test(tcase, ranges);
    tcase_add_test(tcase, conditions_make_answers);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
