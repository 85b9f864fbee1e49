/* SPDX-License-Identifier: MIT
 *
 * Decimal to double, bit for bit against strtod (which glibc rounds exactly):
 * random numbers of every size and length, halfway cases and their neighbours,
 * the edges of the range, numbers of a million digits. */
#include "formats/number.h"

#include "tests/support/suite.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t state;

/* xorshift64* */
static uint64_t next(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}

static void seed(void)
{
    const char *given = getenv("TEST_SEED");
    state = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    printf("TEST_SEED=%llu\n", (unsigned long long)state);
    fflush(stdout);
    state = state ? state : 1;
}

/* TEST_COUNT numbers of each sort; fewer under valgrind, which is there for
 * other faults. */
static long rounds(void)
{
    const char *count = getenv("TEST_COUNT"), *loaded = getenv("LD_PRELOAD");
    if (count)
        return strtol(count, NULL, 10);
    return loaded && strstr(loaded, "vgpreload") ? 10000 : 1000000;
}

/* Reading and skipping take the same bytes. */
static const unsigned char *read_text(double *out, const char *text, size_t n)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *past = lip_number_read(out, at, at + n);
    if (past != lip_number_skip(at, at + n))
        ck_abort_msg("skipping %.200s", text);
    return past;
}

static void agree(const char *text)
{
    size_t n = strlen(text);
    double ours = 0, theirs = strtod(text, NULL);
    const unsigned char *past = read_text(&ours, text, n);
    if (past != (const unsigned char *)text + n ||
        memcmp(&ours, &theirs, sizeof ours) != 0)
        ck_abort_msg("%.200s: %a, not %a", text, ours, theirs);
}

static double random_double(void)
{
    double x;
    do {
        uint64_t bits = next();
        memcpy(&x, &bits, sizeof x);
    } while (!isfinite(x));
    return x;
}

START_TEST(random_doubles_at_every_length)
{
    char text[64];
    for (long i = 0; i < rounds(); i++) {
        snprintf(text, sizeof text, "%.*e", (int)(next() % 25),
                 random_double());
        agree(text);
    }
}
END_TEST

START_TEST(random_digits_and_exponents)
{
    char text[64];
    for (long i = 0; i < rounds(); i++) {
        snprintf(text, sizeof text, "%llue%d",
                 (unsigned long long)(next() >> next() % 64),
                 (int)(next() % 720) - 360);
        agree(text);
        snprintf(text, sizeof text, "-%llu.%019llu",
                 (unsigned long long)(next() >> next() % 64),
                 (unsigned long long)(next() % 10000000000000000000u));
        agree(text);
    }
}
END_TEST

/* The middle of two doubles has one bit more than they have: long double holds
 * it, but for the smallest, and printf writes all its digits. */
START_TEST(halfway_and_just_beside)
{
    static char text[1200], beside[1300];
    for (long i = 0; i < rounds() / 20; i++) {
        uint64_t bits;
        double x = random_double(), up;
        memcpy(&bits, &x, sizeof bits);
        if (i % 3 == 0) /* subnormal */
            bits &= UINT64_C(0x000fffffffffffff);
        if (i % 3 == 1) /* near one: few digits */
            bits = (bits & UINT64_C(0x000fffffffffffff)) |
                   (UINT64_C(1013) + next() % 80) << 52;
        memcpy(&x, &bits, sizeof x);
        up = nextafter(x, INFINITY);
        if (!isfinite(up))
            continue;
        long double half = ((long double)x + (long double)up) / 2;
        snprintf(text, sizeof text, "%.1100Le", half);
        agree(text);
        char *e = strchr(text, 'e');
        snprintf(beside, sizeof beside, "%.*s1%s", (int)(e - text), text, e);
        agree(beside);
        snprintf(text, sizeof text, "%.*Le", (int)(15 + next() % 800), half);
        agree(text);
    }
}
END_TEST

START_TEST(edges)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "0e5",
        "-0.0e-7",
        "1",
        "0.1",
        "9007199254740993",
        "9007199254740992.5",
        "9007199254740993.0000000000000000000000000000000000000000000000001",
        "12345678901234567890",
        "1e22",
        "1e23",
        "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-400",
        "-1e-400",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "2.2250738585072014e-308",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "1e400",
        "-1e400",
        "1e999999999999999999999",
        "1e-999999999999999999999",
        "0e99999999999999999999",
        "0.000000000000000000000000000000000000000001",
        "100000000000000000000000000000000000000000000",
        "7.2057594037927933e16",
        "6.9294956446009195e15",
        "0.500000000000000166533453693773481063544750213623046875",
        "8.5e-5",
        "12E+3",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        agree(texts[i]);
}
END_TEST

/* Midpoints have at most 767 digits; here the last of a million decides. */
START_TEST(a_million_digits)
{
    enum { ZEROS = 1000000 };
    char *text = malloc(ZEROS + 64);
    size_t n = (size_t)sprintf(text, "9007199254740993.");
    memset(text + n, '0', ZEROS);
    strcpy(text + n + ZEROS, "1");
    double x = 0;
    double start = (double)clock();
    read_text(&x, text, n + ZEROS);
    ck_assert_double_eq(x, 9007199254740992.0);
    read_text(&x, text, n + ZEROS + 1);
    ck_assert_double_eq(x, 9007199254740994.0);
    strcpy(text, "0.");
    memset(text + 2, '0', ZEROS);
    strcpy(text + 2 + ZEROS, "17e1000001");
    read_text(&x, text, strlen(text));
    ck_assert_double_eq(x, 1.7);
    memset(text, '7', ZEROS);
    strcpy(text + ZEROS, "e-1000000");
    read_text(&x, text, strlen(text));
    ck_assert_double_eq(x, 7.0 / 9.0);
    strcpy(text + ZEROS, "e-999000");
    read_text(&x, text, strlen(text));
    ck_assert(isinf(x));
    ck_assert(((double)clock() - start) / CLOCKS_PER_SEC < 1);
    free(text);
}
END_TEST

/* Where the text ends, and what is no number. */
START_TEST(grammar)
{
    static const struct {
        const char *text;
        int taken; /* -1: no number */
    } cases[] = {
        {"", -1},      {"-", -1},    {"+1", -1},  {".5", -1},  {"1.", -1},
        {"1.e5", -1},  {"01", -1},   {"-01", -1}, {"00", -1},  {"1e", -1},
        {"1e+", -1},   {"1e-x", -1}, {"NaN", -1}, {"inf", -1}, {"0x10", 1},
        {"1,2", 1},    {"-1.5]", 4}, {"1e5 ", 3}, {"0,", 1},   {"1.25.5", 4},
        {"12e3e4", 4}, {"1_000", 1}, {"- 1", -1}, {"1-2", 1},  {"1e1.5", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double x;
        const char *text = cases[i].text;
        const unsigned char *past = read_text(&x, text, strlen(text));
        int taken = past ? (int)((const char *)past - text) : -1;
        ck_assert_msg(taken == cases[i].taken, "\"%s\": %d", text, taken);
    }
}
END_TEST

/* Nothing at or past the end is looked at, wherever the end is. */
START_TEST(stays_within_the_bytes)
{
    static const char text[] = "-123456789012345678901.5e-12";
    for (size_t n = 0; n < sizeof text; n++) {
        char *exact = malloc(n ? n : 1);
        double x;
        memcpy(exact, text, n);
        read_text(&x, exact, n);
        free(exact);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("number");
    TCase *tests = tcase_create("number");
    seed();
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, random_doubles_at_every_length);
    tcase_add_test(tests, random_digits_and_exponents);
    tcase_add_test(tests, halfway_and_just_beside);
    tcase_add_test(tests, edges);
    tcase_add_test(tests, a_million_digits);
    tcase_add_test(tests, grammar);
    tcase_add_test(tests, stays_within_the_bytes);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
