/* SPDX-License-Identifier: MIT
 *
 * Properties, each in exact rational arithmetic (GMP): the text of the upper
 * side is >= the double, of the lower side <=, and every text is a JSON number
 * that reads back as the same bits. */
#include "api/decimal.h"

#include "tests/support/suite.h"

#include <ctype.h>
#include <float.h>
#include <gmp.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_DOUBLES = 20000 };

/* The real number that a decimal text stands for. */
static void exact(mpq_t out, const char *text)
{
    char digits[API_DECIMAL_SIZE];
    size_t n = 0;
    long exponent = 0;
    bool point = false;
    const char *p = text;
    for (; *p && *p != 'e'; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        digits[n++] = *p;
        exponent -= point;
    }
    digits[n] = '\0';
    if (*p == 'e')
        exponent += strtol(p + 1, NULL, 10);
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)labs(exponent));
    ck_assert_int_eq(mpz_set_str(mpq_numref(out), digits, 10), 0);
    mpz_set_ui(mpq_denref(out), 1);
    if (exponent > 0)
        mpz_mul(mpq_numref(out), mpq_numref(out), power);
    else
        mpz_set(mpq_denref(out), power);
    mpz_clear(power);
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?(e[+-][0-9]+)? */
static bool is_json(const char *p)
{
    p += *p == '-';
    if (!isdigit((unsigned char)*p) ||
        (*p == '0' && isdigit((unsigned char)p[1])))
        return false;
    p += strspn(p, "0123456789");
    if (*p == '.') {
        size_t n = strspn(++p, "0123456789");
        if (n == 0)
            return false;
        p += n;
    }
    if (*p == 'e') {
        p++;
        if (*p != '+' && *p != '-')
            return false;
        size_t n = strspn(++p, "0123456789");
        if (n == 0)
            return false;
        p += n;
    }
    return *p == '\0';
}

static void check_side(double value, enum api_side side)
{
    char text[API_DECIMAL_SIZE];
    size_t size = api_decimal(text, value, side);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_msg(is_json(text), "%s is not JSON", text);
    double back = strtod(text, NULL);
    ck_assert_msg(memcmp(&back, &value, sizeof back) == 0,
                  "%a became %s, which is %a", value, text, back);
    if (side == API_SIDE_NEAREST)
        return;
    mpq_t shown, real;
    mpq_inits(shown, real, NULL);
    exact(shown, text);
    mpq_set_d(real, value);
    int order = mpq_cmp(shown, real);
    ck_assert_msg(side == API_SIDE_UPPER ? order >= 0 : order <= 0,
                  "%s is on the wrong side of %a", text, value);
    mpq_clears(shown, real, NULL);
}

static void check(double value)
{
    for (int sign = 0; sign < 2; sign++) {
        double v = sign ? -value : value;
        check_side(v, API_SIDE_NEAREST);
        check_side(v, API_SIDE_UPPER);
        check_side(v, API_SIDE_LOWER);
    }
}

static uint64_t next_random(uint64_t *state)
{
    /* splitmix64 */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t seed_of_run(void)
{
    const char *seed = getenv("TEST_SEED");
    return seed ? strtoull(seed, NULL, 10) : 20240517;
}

static long count_of_run(void)
{
    const char *count = getenv("TEST_COUNT");
    return count ? strtol(count, NULL, 10) : RANDOM_DOUBLES;
}

START_TEST(test_random_bits)
{
    uint64_t state = seed_of_run();
    printf("seed %llu\n", (unsigned long long)state);
    for (long i = count_of_run(); i > 0; i--) {
        uint64_t bits = next_random(&state);
        double v;
        memcpy(&v, &bits, sizeof v);
        if (isfinite(v))
            check(v);
    }
}
END_TEST

/* The size of real bounds, where the plain notation is used. */
START_TEST(test_random_usual)
{
    uint64_t state = seed_of_run() + 1;
    for (long i = count_of_run() / 2; i > 0; i--) {
        double u = (double)(next_random(&state) >> 11) * 0x1p-53;
        check(ldexp(u, (int)(next_random(&state) % 80) - 20));
    }
}
END_TEST

START_TEST(test_random_subnormal)
{
    uint64_t state = seed_of_run() + 2;
    for (long i = count_of_run() / 20; i > 0; i--) {
        int shift = (int)(next_random(&state) % 52);
        uint64_t bits = (next_random(&state) >> 12) >> shift;
        double v;
        memcpy(&v, &bits, sizeof v);
        check(v);
    }
}
END_TEST

/* Powers of two have a neighbour below that is twice as close. */
START_TEST(test_powers_of_two)
{
    for (int e = -1074; e <= 1023; e++) {
        double v = ldexp(1, e);
        check(v);
        check(nextafter(v, 0));
        check(nextafter(v, INFINITY) < INFINITY ? nextafter(v, INFINITY) : v);
    }
}
END_TEST

START_TEST(test_powers_of_ten)
{
    for (int e = -323; e <= 308; e++) {
        char text[16];
        snprintf(text, sizeof text, "1e%d", e);
        double v = strtod(text, NULL);
        check(v);
        check(nextafter(v, 0));
        check(nextafter(v, INFINITY));
    }
}
END_TEST

START_TEST(test_ends_of_the_range)
{
    const double v[] = {0,
                        DBL_MAX,
                        nextafter(DBL_MAX, 0),
                        DBL_MIN,
                        0x1p-1074,
                        0x1.8p-1073,
                        1e300,
                        1e-300,
                        0.1,
                        9.5,
                        99999999999999992.0,
                        1};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        check(v[i]);
}
END_TEST

static void ck_text(double value, enum api_side side, const char *expected)
{
    char text[API_DECIMAL_SIZE];
    api_decimal(text, value, side);
    ck_assert_str_eq(text, expected);
}

/* People read these: no digit that says nothing. */
START_TEST(test_texts)
{
    ck_text(0, API_SIDE_UPPER, "0");
    ck_text(-0.0, API_SIDE_NEAREST, "-0.0");
    ck_text(0.1, API_SIDE_NEAREST, "0.1");
    ck_text(0.1, API_SIDE_LOWER, "0.1");
    ck_text(0.1, API_SIDE_UPPER, "0.10000000000000001");
    ck_text(-0.1, API_SIDE_UPPER, "-0.1");
    ck_text(-0.1, API_SIDE_LOWER, "-0.10000000000000001");
    ck_text(2.5, API_SIDE_UPPER, "2.5");
    ck_text(100, API_SIDE_LOWER, "100");
    ck_text(1e17, API_SIDE_UPPER, "1e+17");
    ck_text(12345678, API_SIDE_NEAREST, "12345678");
    ck_text(0.00001, API_SIDE_NEAREST, "0.00001");
    ck_text(0.000001, API_SIDE_NEAREST, "1e-6");
    ck_text(1e300, API_SIDE_NEAREST, "1e+300");
    ck_text(0x1p-1074, API_SIDE_NEAREST, "5e-324");
    ck_text(0x1p-1074, API_SIDE_UPPER, "5e-324");
    ck_text(0x1p-1074, API_SIDE_LOWER, "4e-324");
    ck_text(DBL_MAX, API_SIDE_LOWER, "1.7976931348623157e+308");
    ck_text(DBL_MAX, API_SIDE_UPPER, "1.7976931348623158e+308");
}
END_TEST

/* Between 1000 and 1024 half the distance of doubles, 5.7e-14, is less than
 * the step of 17 digits, 1e-13: texts longer than 17 digits must occur here,
 * or the tests above try less than they say. */
START_TEST(test_seventeen_digits_do_not_always_do)
{
    uint64_t state = 7;
    long longer = 0;
    for (int i = 0; i < 20000; i++) {
        double u = (double)(next_random(&state) >> 11) * 0x1p-53;
        char text[API_DECIMAL_SIZE];
        api_decimal(text, 1000 + 24 * u, API_SIDE_UPPER);
        longer += strlen(text) - strlen(".") > 17;
    }
    ck_assert_int_gt(longer, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/decimal");
    TCase *t = tcase_create("decimal");
    tcase_set_timeout(t, 0);
    tcase_add_test(t, test_random_bits);
    tcase_add_test(t, test_random_usual);
    tcase_add_test(t, test_random_subnormal);
    tcase_add_test(t, test_powers_of_two);
    tcase_add_test(t, test_powers_of_ten);
    tcase_add_test(t, test_ends_of_the_range);
    tcase_add_test(t, test_texts);
    tcase_add_test(t, test_seventeen_digits_do_not_always_do);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
