/* SPDX-License-Identifier: MIT
 *
 * Up to 19 significant digits w and a power of ten q decide nearly every
 * number: w 10^q = w 5^q 2^q, and the 128 leading bits of 5^q give the product
 * to enough bits to round it (Eisel and Lemire; proof that this never goes
 * wrong: N. Mushtak and D. Lemire, Fast number parsing without fallback,
 * 2023). The rest goes to strtod, which is exact, on a bounded copy. */
#include "formats/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A midpoint of two doubles has at most 767 significant digits: what follows
 * the first COPIED digits matters only by being zero or not. */
enum { WORD_DIGITS = 19, COPIED = 800 };

static const int64_t EXPONENT_LIMIT = INT64_C(1000000000000000000);

struct span {
    const unsigned char *begin, *end;
};

struct decimal {
    bool negative;
    struct span whole, fraction; /* digits before and after the point */
    int64_t exponent;            /* as written after 'e' */
};

static bool is_digit(unsigned char c)
{
    return (unsigned)(c - '0') < 10;
}

static uint64_t load(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "eight digits at a time are read in little-endian order");

static bool eight_digits(uint64_t v)
{
    return !(((v + 0x4646464646464646) | (v - 0x3030303030303030)) &
             0x8080808080808080);
}

static uint64_t eight_value(uint64_t v)
{
    v -= 0x3030303030303030;
    v = v * 10 + (v >> 8);
    return (((v & 0x000000ff000000ff) * 0x000f424000000064) +
            (((v >> 16) & 0x000000ff000000ff) * 0x0000271000000001)) >>
           32;
}

/* Takes the digits at p into *w, which wraps where there are too many. */
static const unsigned char *take_digits(uint64_t *w, const unsigned char *p,
                                        const unsigned char *end)
{
    uint64_t value = *w, v;
    while (end - p >= 8 && eight_digits(v = load(p))) {
        value = value * 100000000 + eight_value(v);
        p += 8;
    }
    while (p < end && is_digit(*p))
        value = value * 10 + (uint64_t)(*p++ - '0');
    *w = value;
    return p;
}

/* "e-12" to *exponent, which stays within EXPONENT_LIMIT. */
static const unsigned char *take_exponent(int64_t *exponent,
                                          const unsigned char *p,
                                          const unsigned char *end)
{
    bool negative = false;
    int64_t e = 0;
    p++;
    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    if (p >= end || !is_digit(*p))
        return NULL;
    for (; p < end && is_digit(*p); p++)
        if (e < EXPONENT_LIMIT / 10)
            e = 10 * e + (*p - '0');
    *exponent = negative ? -e : e;
    return p;
}

/* Splits the number at p; *w gets its digits, wrapped. */
static const unsigned char *split(struct decimal *d, uint64_t *w,
                                  const unsigned char *p,
                                  const unsigned char *end)
{
    *w = 0;
    d->exponent = 0;
    d->negative = p < end && *p == '-';
    p += d->negative;
    d->whole.begin = p;
    p = take_digits(w, p, end);
    d->whole.end = d->fraction.begin = d->fraction.end = p;
    if (p == d->whole.begin ||
        (*d->whole.begin == '0' && p > d->whole.begin + 1))
        return NULL;
    if (p < end && *p == '.') {
        d->fraction.begin = ++p;
        d->fraction.end = p = take_digits(w, p, end);
        if (p == d->fraction.begin)
            return NULL;
    }
    if (p < end && (*p | 0x20) == 'e')
        p = take_exponent(&d->exponent, p, end);
    return p;
}

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

struct product {
    uint64_t high, low;
};

/* The leading 128 bits of w 5^q (w normalised), exact where that matters. */
static struct product multiply(uint64_t w, int q)
{
    const uint64_t *five = lip_five_powers + 2 * (q - LIP_FIVE_MIN);
    const uint64_t undecided = UINT64_MAX >> 55;
    __uint128_t first = (__uint128_t)w * five[0];
    if (((uint64_t)(first >> 64) & undecided) == undecided)
        first += (uint64_t)(((__uint128_t)w * five[1]) >> 64);
    return (struct product){(uint64_t)(first >> 64), (uint64_t)first};
}

/* w 10^q to nearest. False where the product does not decide the rounding. */
static bool convert(double *out, uint64_t w, int64_t q)
{
    enum { MANTISSA = 52, BIAS = 1023 };
    *out = 0;
    if (w == 0 || q < LIP_FIVE_MIN)
        return true;
    *out = INFINITY;
    if (q > LIP_FIVE_MAX)
        return true;
    int zeros = __builtin_clzll(w);
    struct product p = multiply(w << zeros, (int)q);
    if (p.low == UINT64_MAX && (q < -27 || q > 55))
        return false;
    int upper = (int)(p.high >> 63), shift = upper + 64 - MANTISSA - 3;
    uint64_t m = p.high >> shift; /* 54 bits: one more than the result has */
    /* floor(q log2(10)) + 63 is the binary exponent of the product's unit */
    int e = (int)((217706 * q) >> 16) + 63 + upper - zeros + BIAS;
    if (e <= 0) { /* subnormal: give up bits, then round as ever */
        if (1 - e >= 64) {
            *out = 0;
            return true;
        }
        m >>= 1 - e;
        m = (m + (m & 1)) >> 1;
        *out = from_bits(m); /* the carry to 2^52 is the smallest normal */
        return true;
    }
    /* Halfway cases are exact products; only these q can give one. */
    if (p.low <= 1 && q >= -4 && q <= 23 && (m & 3) == 1 &&
        m << shift == p.high)
        m &= ~(uint64_t)1;
    m = (m + (m & 1)) >> 1;
    uint64_t bits = ((uint64_t)e << MANTISSA) + (m - (UINT64_C(1) << MANTISSA));
    if (bits < UINT64_C(0x7ff) << MANTISSA)
        *out = from_bits(bits);
    return true;
}

/* Walks the digits of a decimal from the first that is not zero. */
struct walk {
    const struct decimal *d;
    const unsigned char *at;
    bool in_fraction;
    int64_t exponent; /* of the unit of the digit last given */
};

static int next_digit(struct walk *walk)
{
    if (!walk->in_fraction && walk->at == walk->d->whole.end) {
        walk->in_fraction = true;
        walk->at = walk->d->fraction.begin;
    }
    if (walk->in_fraction && walk->at == walk->d->fraction.end)
        return -1;
    walk->exponent = walk->in_fraction
                         ? -(walk->at + 1 - walk->d->fraction.begin)
                         : walk->d->whole.end - walk->at - 1;
    return *walk->at++ - '0';
}

static int first_digit(struct walk *walk, const struct decimal *d)
{
    *walk = (struct walk){.d = d, .at = d->whole.begin};
    int digit;
    do {
        digit = next_digit(walk);
    } while (digit == 0);
    return digit;
}

/* Any number of digits: what strtod needs of them, as "dddde-123". The sum of
 * exponents cannot overflow: lengths are below 2^60. */
static double convert_long(const struct decimal *d)
{
    char copy[COPIED + 1 + 24];
    size_t n = 0;
    int64_t exponent = 0;
    struct walk walk;
    int digit = first_digit(&walk, d);
    for (; digit >= 0 && n < COPIED; digit = next_digit(&walk)) {
        copy[n++] = (char)('0' + digit);
        exponent = walk.exponent;
    }
    if (n == 0)
        return 0;
    while (digit == 0)
        digit = next_digit(&walk);
    if (digit > 0) { /* something follows: it only breaks ties */
        copy[n++] = '1';
        exponent--;
    }
    exponent += d->exponent;
    if (exponent > 400)
        return INFINITY;
    if (exponent < -2000)
        return 0;
    snprintf(copy + n, sizeof copy - n, "e%d", (int)exponent);
    return strtod(copy, NULL);
}

/* More than 19 digits: the first 19 and the next number above them often round
 * alike. */
static double convert_cut(const struct decimal *d)
{
    struct walk walk;
    uint64_t w = 0;
    int taken = 0;
    int64_t exponent = 0;
    int digit = first_digit(&walk, d);
    for (; digit >= 0 && taken < WORD_DIGITS; digit = next_digit(&walk)) {
        w = 10 * w + (uint64_t)digit;
        taken++;
        exponent = walk.exponent;
    }
    double low, high;
    exponent += d->exponent;
    if (convert(&low, w, exponent) &&
        (digit < 0 || (convert(&high, w + 1, exponent) && low == high)))
        return low;
    return convert_long(d);
}

const unsigned char *lip_number_read(double *out, const unsigned char *at,
                                     const unsigned char *end)
{
    struct decimal d;
    uint64_t w;
    at = split(&d, &w, at, end);
    if (!at)
        return NULL;
    int64_t fraction = d.fraction.end - d.fraction.begin;
    double x;
    if (d.whole.end - d.whole.begin + fraction > WORD_DIGITS)
        x = convert_cut(&d);
    else if (!convert(&x, w, d.exponent - fraction))
        x = convert_long(&d);
    *out = d.negative ? -x : x;
    return at;
}

const unsigned char *lip_number_skip(const unsigned char *at,
                                     const unsigned char *end)
{
    struct decimal d;
    uint64_t w;
    return split(&d, &w, at, end);
}
