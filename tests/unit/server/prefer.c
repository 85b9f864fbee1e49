/* SPDX-License-Identifier: MIT
 *
 * What of Prefer is heeded, in every spelling that RFC 7240 allows. */
#include "server/prefer.h"

#include "tests/support/suite.h"

static const struct {
    const char *field;
    bool async;
    unsigned wait;
} row[] = {
    {NULL, false, 0},
    {"", false, 0},
    {"respond-async", true, 0},
    {"Respond-Async", true, 0},
    {"wait=10", false, 10},
    {"wait = 10", false, 10},
    {"WAIT=\"10\"", false, 10},
    {"return=minimal, wait=3", false, 3},
    {"wait=3;x=\"a,respond-async\", handling=strict", false, 3},
    {"a=\"wait=4, \\\"respond-async\", wait=2", false, 2},
    {"wait=1, respond-async", true, 0},
    {"respond-async;foo=bar,wait=1", true, 0},
    {"wait=5, wait=6", false, 5},
    {"wait=0", false, 0},
    {"wait", false, 0},
    {"wait=", false, 0},
    {"wait=-3", false, 0},
    {"wait=3s", false, 0},
    {"wait=\"3", false, 0},
    {"wait=99999999999999999999", false, 1000000},
    {"respond-asynchronously", false, 0},
    {"async=respond-async", false, 0},
    {",,, ;=,\"", false, 0},
    {"\\", false, 0},
    {"a=\"\\", false, 0},
};

START_TEST(what_is_said_is_heard)
{
    struct lipd_prefer prefer;
    lipd_prefer_read(&prefer, row[_i].field);
    ck_assert_msg(prefer.async == row[_i].async && prefer.wait == row[_i].wait,
                  "%s: %d %u", row[_i].field ? row[_i].field : "none",
                  prefer.async, prefer.wait);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prefer");
    TCase *tests = tcase_create("prefer");
    tcase_add_loop_test(tests, what_is_said_is_heard, 0,
                        (int)(sizeof row / sizeof *row));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
