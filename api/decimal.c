/* SPDX-License-Identifier: MIT
 *
 * printf gives all digits of a double on request: an exact decimal number. Cut
 * after n digits and, where digits were lost and the side asks for it, raised
 * by one in the last place, it lies on the asked side; the fewest digits that
 * still read back as the double are kept. With all digits it is the double
 * itself, so the search ends. */
#include "api/decimal.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 0.d1 d2 ... dn times 10^point, d1 nonzero. */
struct decimal {
    bool negative;
    int point;
    size_t count;
    char digit[API_DECIMAL_DIGITS + 1];
};

/* Any decimal of up to 15 digits survives the way through a normal double, so
 * that fewer digits than 15 need no trial: they show as trailing zeros. */
static int fewest_digits(double value)
{
    return fabs(value) < DBL_MIN ? 1 : DBL_DIG;
}

static bool reads_back(const char *text, double value)
{
    double read = strtod(text, NULL);
    return memcmp(&read, &value, sizeof value) == 0;
}

/* A nonzero double rounded to nearest at `digits` digits. */
static void decimal_of(struct decimal *out, double value, int digits)
{
    char text[API_DECIMAL_SIZE];
    snprintf(text, sizeof text, "%.*e", digits - 1, fabs(value));
    out->negative = signbit(value);
    out->point = (int)strtol(strchr(text, 'e') + 1, NULL, 10) + 1;
    out->digit[0] = text[0];
    memcpy(out->digit + 1, text + 2, (size_t)digits - 1);
    out->count = (size_t)digits;
    while (out->digit[out->count - 1] == '0')
        out->count--;
}

/* The first n digits of `all`, raised by one in the last place where `away`
 * and something was cut off. */
static void cut(struct decimal *out, const struct decimal *all, size_t n,
                bool away)
{
    *out = *all;
    if (n >= all->count)
        return;
    while (away && n > 0 && out->digit[n - 1] == '9')
        n--;
    if (n == 0) {
        out->digit[0] = '1';
        out->count = 1;
        out->point++;
        return;
    }
    if (away)
        out->digit[n - 1]++;
    while (out->digit[n - 1] == '0')
        n--;
    out->count = n;
}

/* Digits that are enough to write a double exactly: it is m 2^-s with m below
 * 2^53, so that 10^s times it, m 5^s, has at most 16 + 0.7 s digits; without a
 * fraction (s <= 0) it is below 2^(53 - s). */
static int enough_digits(double value)
{
    int exponent;
    frexp(value, &exponent);
    int s = DBL_MANT_DIG - exponent;
    int enough = s > 0 ? 17 + 7 * s / 10 : 17 - 31 * s / 100;
    return enough < API_DECIMAL_DIGITS ? enough : API_DECIMAL_DIGITS;
}

static char *put_zeros(char *p, int count)
{
    while (count-- > 0)
        *p++ = '0';
    return p;
}

static char *put_digits(char *p, const struct decimal *d, int from, int to)
{
    int count = (int)d->count, end = to < count ? to : count;
    for (int i = from; i < end; i++)
        *p++ = d->digit[i];
    return put_zeros(p, to - (from > end ? from : end));
}

/* Plain where that is short, else with an exponent; both are JSON. */
static size_t write_decimal(char *out, const struct decimal *d)
{
    char *p = out;
    int count = (int)d->count;
    bool plain = d->point >= -4 && d->point <= 17;
    int whole = plain ? d->point : 1;
    if (d->negative)
        *p++ = '-';
    if (whole > 0)
        p = put_digits(p, d, 0, whole);
    else
        *p++ = '0';
    if (count > whole) {
        *p++ = '.';
        p = put_zeros(p, -whole);
        p = put_digits(p, d, whole > 0 ? whole : 0, count);
    }
    if (!plain)
        p += snprintf(p, 8, "e%+d", d->point - 1);
    *p = '\0';
    return (size_t)(p - out);
}

static size_t write_nearest(char *out, double value)
{
    size_t size = 0;
    for (int n = fewest_digits(value); n <= DBL_DECIMAL_DIG; n++) {
        struct decimal d;
        decimal_of(&d, value, n);
        size = write_decimal(out, &d);
        if (reads_back(out, value))
            break;
    }
    return size;
}

static size_t write_sided(char *out, double value, bool away)
{
    struct decimal all, d;
    decimal_of(&all, value, enough_digits(value));
    size_t size = 0;
    for (size_t n = (size_t)fewest_digits(value); n <= API_DECIMAL_DIGITS;
         n++) {
        cut(&d, &all, n, away);
        size = write_decimal(out, &d);
        if (reads_back(out, value))
            break;
    }
    return size;
}

size_t api_decimal(char out[API_DECIMAL_SIZE], double value, enum api_side side)
{
    if (value == 0) {
        /* "-0" is an integer to many readers, which lose its sign. */
        const char *zero = signbit(value) ? "-0.0" : "0";
        memcpy(out, zero, strlen(zero) + 1);
        return strlen(zero);
    }
    if (side == API_SIDE_NEAREST)
        return write_nearest(out, value);
    /* Away from zero: up for positive, down for negative numbers. */
    return write_sided(out, value, (side == API_SIDE_UPPER) == (value > 0));
}
