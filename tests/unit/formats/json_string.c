/* SPDX-License-Identifier: MIT
 *
 * JSON strings: what ends them, what breaks them and where, what escapes mean,
 * and UTF-8 against a slow decoder on all short sequences. */
#include "formats/json_string.h"

#include "tests/support/suite.h"

#include <stdint.h>
#include <string.h>

/* -1 where the string is fine, else the offset of the broken byte. */
static long broken_at(const char *text, size_t n)
{
    const unsigned char *begin = (const unsigned char *)text, *where = begin;
    const char *fault = NULL;
    const unsigned char *end =
        lip_json_string_end(begin, begin + n, &fault, &where);
    if (end) {
        ck_assert_int_eq(*end, '"');
        return -1;
    }
    ck_assert_ptr_nonnull(fault);
    return where - begin;
}

START_TEST(ends_and_faults)
{
    static const struct {
        const char *text;
        long where;
    } cases[] = {
        {"\"", -1},
        {"a b\",", -1},
        {"\\\"\"", -1},
        {"\\\\\"x", -1},
        {"\\u00e9\\/\\b\\f\\n\\r\\t\"", -1},
        {"\\ud83d\\ude00\"", -1},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", -1},
        {"abc", 3},
        {"a\\", 1},
        {"a\\\"", 3},
        {"a\\x\"", 1},
        {"a\\u12g4\"", 1},
        {"a\\u12\"", 1},
        {"\\ud83d\"", 0},
        {"\\ud83dx\\ude00\"", 0},
        {"\\ud83d\\u0041\"", 0},
        {"\\ude00\"", 0},
        {"ab\ncd\"", 2},
        {"\x01\"", 0},
        {"a\x80\"", 1},
        {"a\xc3\"", 1},
        {"\xc0\x80\"", 0},
        {"\xed\xa0\x80\"", 0},
        {"\xf4\x90\x80\x80\"", 0},
        {"\xff\"", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(broken_at(cases[i].text, strlen(cases[i].text)) ==
                          cases[i].where,
                      "case %zu", i);
}
END_TEST

START_TEST(escapes_are_resolved)
{
    static const char text[] =
        "a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac"
        "\\ud83d\\ude00\xc3\xa9";
    static const char want[] = "a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac"
                               "\xf0\x9f\x98\x80\xc3\xa9";
    const unsigned char *at = (const unsigned char *)text;
    char out[100];
    size_t n = 0;
    while (at < (const unsigned char *)text + sizeof text - 1)
        n += lip_json_string_next((unsigned char *)out + n, &at);
    ck_assert_uint_eq(n, sizeof want - 1);
    ck_assert_mem_eq(out, want, n);
}
END_TEST

/* The slow way: decode by the bit patterns, then ask for the shortest form. */
static bool slow_valid(const unsigned char *b, size_t n)
{
    for (size_t i = 0; i < n;) {
        int extra = b[i] < 0x80             ? 0
                    : (b[i] & 0xe0) == 0xc0 ? 1
                    : (b[i] & 0xf0) == 0xe0 ? 2
                    : (b[i] & 0xf8) == 0xf0 ? 3
                                            : -1;
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (extra < 0 || i + (size_t)extra >= n)
            return false;
        uint32_t c = extra ? b[i] & (0x3f >> extra) : b[i];
        for (int k = 1; k <= extra; k++) {
            if ((b[i + (size_t)k] & 0xc0) != 0x80)
                return false;
            c = c << 6 | (b[i + (size_t)k] & 0x3f);
        }
        if (c < least[extra] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            return false;
        i += (size_t)extra + 1;
    }
    return true;
}

START_TEST(utf8_as_the_slow_decoder)
{
    static const unsigned char third[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++)
            for (size_t c = 0; c < 36; c++) {
                unsigned char text[4] = {(unsigned char)a, (unsigned char)b,
                                         third[c % 6], third[c / 6]};
                for (size_t n = 0; n <= 4; n++)
                    if (lip_utf8_valid(text, n) != slow_valid(text, n))
                        ck_abort_msg("%02x %02x %02x %02x, %zu bytes", a, b,
                                     text[2], text[3], n);
            }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_string");
    TCase *tests = tcase_create("json_string");
    tcase_add_test(tests, ends_and_faults);
    tcase_add_test(tests, escapes_are_resolved);
    tcase_add_test(tests, utf8_as_the_slow_decoder);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
