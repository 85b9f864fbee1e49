/* SPDX-License-Identifier: MIT
 *
 * Every log line is one line and one JSON object, whatever text is put in. */
#include "server/log.h"

#include "tests/support/suite.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

static char output[65536];
static int ends[2];

static void setup(void)
{
    ck_assert_int_eq(pipe(ends), 0);
    lipd_log_to(ends[1]);
}

/* What was logged so far; at least one byte must have been. */
static const char *logged(void)
{
    ssize_t n = read(ends[0], output, sizeof output - 1);
    ck_assert_int_ge(n, 0);
    output[n] = '\0';
    return output;
}

static json_t *only_line(void)
{
    const char *line = logged();
    ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(object);
    return object;
}

static const char *text_of(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

START_TEST(a_line_says_when_how_bad_and_what)
{
    lipd_log(LIPD_WARNING, "event", "%d requests", 3);
    json_t *line = only_line();
    ck_assert_str_eq(text_of(line, "level"), "warning");
    ck_assert_str_eq(text_of(line, "event"), "event");
    ck_assert_str_eq(text_of(line, "message"), "3 requests");
    ck_assert_uint_eq(strlen(text_of(line, "time")), 24);
    json_decref(line);
}
END_TEST

START_TEST(hostile_text_stays_inside_its_string)
{
    static const char *const texts[] = {"a\nb\",\"level\":\"x", "\\", "\x1b[2J",
                                        "\xff\xfe\xc3(", "\x7f\r\t\x01"};
    lipd_log(LIPD_ERROR, "event", "%s", texts[_i]);
    json_t *line = only_line();
    ck_assert_str_eq(text_of(line, "level"), "error");
    for (const char *c = output; c[1]; c++)
        ck_assert_msg((unsigned char)*c >= 0x20, "byte %d in a line", *c);
    json_decref(line);
}
END_TEST

START_TEST(lower_levels_are_not_written)
{
    lipd_log_level("warning");
    lipd_log(LIPD_INFO, "quiet", "no");
    lipd_log(LIPD_WARNING, "loud", "yes");
    json_t *line = only_line();
    ck_assert_str_eq(text_of(line, "event"), "loud");
    json_decref(line);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_dropped_whole)
{
    static char text[20000];
    struct api_text line;
    memset(text, 'a', sizeof text - 1);
    lipd_log_open(&line, LIPD_ERROR, "long");
    api_put_string(&line, "text", text);
    lipd_log_close(&line);
    lipd_log(LIPD_ERROR, "next", "short");
    json_t *object = only_line();
    ck_assert_str_eq(text_of(object, "event"), "next");
    json_decref(object);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/log");
    TCase *tcase = tcase_create("lines");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_line_says_when_how_bad_and_what);
    tcase_add_loop_test(tcase, hostile_text_stays_inside_its_string, 0, 5);
    tcase_add_test(tcase, lower_levels_are_not_written);
    tcase_add_test(tcase, a_line_that_is_too_long_is_dropped_whole);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
