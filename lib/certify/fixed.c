/* SPDX-License-Identifier: MIT
 *
 * Block fixed point. Magnitudes are cut off, never rounded up, so that each
 * cut loses less than one unit. */
#include "certify/fixed.h"

#include "linalg/rounding.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

/* A finite double as sign, whole number below 2^53 and exponent; exact. */
struct parts {
    uint64_t m;
    int e;
    bool negative;
};

static struct parts take_apart(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint64_t m = bits & (((uint64_t)1 << 52) - 1);
    int e = (int)(bits >> 52 & 2047);
    if (e > 0)
        m |= (uint64_t)1 << 52;
    return (struct parts){m, (e > 0 ? e : 1) - 1075, bits >> 63};
}

/* 2^e, or more where that is below the smallest normal double. */
static double power_up(long e)
{
    if (e > 1023)
        return INFINITY;
    uint64_t bits = (uint64_t)(e < -1022 ? 1 : e + 1023) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

enum lip_status lip_fixed_new(struct lip_fixed *out, size_t count, size_t limbs,
                              struct lip_ctx *ctx)
{
    *out = (struct lip_fixed){.count = count, .limbs = limbs};
    out->magnitude = lip_alloc(ctx, count, limbs * sizeof *out->magnitude);
    if (out->magnitude)
        out->negative = lip_alloc(ctx, count, sizeof *out->negative);
    if (out->negative)
        out->radius = lip_alloc(ctx, count, sizeof *out->radius);
    if (out->radius)
        return LIP_OK;
    lip_fixed_clear(out);
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

void lip_fixed_clear(struct lip_fixed *x)
{
    lip_free(x->magnitude);
    lip_free(x->negative);
    lip_free(x->radius);
    memset(x, 0, sizeof *x);
}

enum lip_status lip_sums_new(struct lip_sums *out, size_t count, size_t limbs,
                             struct lip_ctx *ctx)
{
    *out = (struct lip_sums){.limbs = limbs};
    out->limb = lip_alloc(ctx, count, (limbs + 2) * sizeof *out->limb);
    if (out->limb)
        out->radius = lip_alloc(ctx, count, sizeof *out->radius);
    if (out->radius)
        return LIP_OK;
    lip_sums_clear(out);
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

void lip_sums_clear(struct lip_sums *sums)
{
    lip_free(sums->limb);
    lip_free(sums->radius);
    memset(sums, 0, sizeof *sums);
}

/* Bits of a whole number. */
static long bit_length(const uint64_t *limb, size_t limbs)
{
    for (size_t i = limbs; i-- > 0;)
        if (limb[i])
            return (long)(64 * i) + 64 - __builtin_clzll(limb[i]);
    return 0;
}

long lip_fixed_top(const struct lip_fixed *x)
{
    long most = 0;
    for (size_t k = 0; k < x->count; k++) {
        long bits = bit_length(x->magnitude + k * x->limbs, x->limbs);
        most = bits > most ? bits : most;
    }
    return most ? x->exponent + most : LONG_MIN;
}

/* Terms reach 2^top, sums 2^(top + 40); the unit is 64 limbs + 53 bits below
 * 2^top, which leaves room to spare. A product of a vector that uses all its
 * limbs and the largest factor then ends exactly at the unit. */
void lip_sums_begin(struct lip_sums *sums, size_t count, size_t limbs, long top)
{
    sums->limbs = limbs;
    sums->exponent = top - 64 * (long)limbs - 53;
    memset(sums->limb, 0, count * (limbs + 2) * sizeof *sums->limb);
    memset(sums->radius, 0, count * sizeof *sums->radius);
}

/* sum += or -= p 2^shift, cut off at the unit; p has `limbs` limbs. */
static void add_shifted(uint64_t *sum, size_t sum_limbs, const uint64_t *p,
                        size_t limbs, long shift, bool negative)
{
    long jump = shift >= 0 ? shift / 64 : -((63 - shift) / 64);
    int bits = (int)(shift - 64 * jump);
    uint64_t carry = negative, flip = negative ? UINT64_MAX : 0;
    for (long i = 0; i < (long)sum_limbs; i++) {
        long at = i - jump;
        uint64_t here = at >= 0 && at < (long)limbs ? p[at] : 0;
        uint64_t below = at > 0 && at <= (long)limbs ? p[at - 1] : 0;
        uint64_t part = bits ? here << bits | below >> (64 - bits) : here;
        wide t = (wide)sum[i] + (part ^ flip) + carry;
        sum[i] = (uint64_t)t;
        carry = (uint64_t)(t >> 64);
    }
}

/* The same where p has two limbs, the sum three, and shift lies between -127
 * and 0: nearly every product of shallow networks. */
static void add_short(uint64_t *sum, wide p, long shift, bool negative)
{
    p >>= -shift;
    uint64_t flip = negative ? UINT64_MAX : 0;
    wide t = (wide)sum[0] + ((uint64_t)p ^ flip) + negative;
    sum[0] = (uint64_t)t;
    t = (wide)sum[1] + ((uint64_t)(p >> 64) ^ flip) + (uint64_t)(t >> 64);
    sum[1] = (uint64_t)t;
    sum[2] += flip + (uint64_t)(t >> 64);
}

void lip_sums_product(struct lip_sums *sums, size_t i, double factor,
                      const struct lip_fixed *x, size_t k)
{
    struct parts f = take_apart(factor);
    const uint64_t *m = x->magnitude + k * x->limbs;
    long shift = x->exponent + f.e - sums->exponent;
    uint64_t *sum = sums->limb + i * (sums->limbs + 2);
    if (f.m == 0 || (x->radius[k] == 0 && bit_length(m, x->limbs) == 0))
        return;
    bool negative = f.negative != x->negative[k];
    if (x->limbs == 1 && shift <= 0 && shift > -128) {
        if (m[0])
            add_short(sum, (wide)m[0] * f.m, shift, negative);
    } else {
        uint64_t p[LIP_FIXED_LIMBS + 1], carry = 0;
        for (size_t j = 0; j < x->limbs; j++) {
            wide t = (wide)m[j] * f.m + carry;
            p[j] = (uint64_t)t;
            carry = (uint64_t)(t >> 64);
        }
        p[x->limbs] = carry;
        add_shifted(sum, sums->limbs + 2, p, x->limbs + 1, shift, negative);
    }
    if (x->radius[k] != 0)
        sums->radius[i] += (double)f.m * power_up(shift) * x->radius[k];
    sums->radius[i] += shift < 0; /* what was cut off */
}

void lip_sums_widen(struct lip_sums *sums, size_t i, double factor,
                    const struct lip_fixed *x, size_t k)
{
    double scale = power_up(x->exponent - sums->exponent);
    if (x->radius[k] != 0)
        sums->radius[i] += lip_mul_up(factor, lip_mul_up(x->radius[k], scale));
}

void lip_sums_error(struct lip_sums *sums, size_t i, double error)
{
    long e = -sums->exponent;
    int clamped = e > 4000 ? 4000 : e < -4000 ? -4000 : (int)e;
    sums->radius[i] += lip_up(ldexp(error, clamped));
}

void lip_sums_term(struct lip_sums *sums, size_t i, double term)
{
    struct parts t = take_apart(term);
    long shift = t.e - sums->exponent;
    add_shifted(sums->limb + i * (sums->limbs + 2), sums->limbs + 2, &t.m, 1,
                shift, t.negative);
    sums->radius[i] += shift < 0;
}

static void negate(uint64_t *limb, size_t limbs)
{
    uint64_t carry = 1;
    for (size_t i = 0; i < limbs; i++) {
        limb[i] = ~limb[i] + carry;
        carry = carry && limb[i] == 0;
    }
}

/* out[limbs] = in >> drop. */
static void shift_right(uint64_t *out, size_t limbs, const uint64_t *in,
                        size_t in_limbs, long drop)
{
    size_t jump = (size_t)drop / 64;
    int bits = (int)(drop % 64);
    for (size_t i = 0; i < limbs; i++) {
        uint64_t here = i + jump < in_limbs ? in[i + jump] : 0;
        uint64_t above = i + jump + 1 < in_limbs ? in[i + jump + 1] : 0;
        out[i] = bits ? here >> bits | above << (64 - bits) : here;
    }
}

void lip_fixed_take(struct lip_fixed *x, size_t count, struct lip_sums *sums,
                    size_t terms)
{
    size_t limbs = sums->limbs, length = limbs + 2;
    x->count = count;
    x->limbs = limbs;
    long most = 0;
    for (size_t k = 0; k < count; k++) {
        uint64_t *sum = sums->limb + k * length;
        x->negative[k] = sum[length - 1] >> 63;
        if (x->negative[k])
            negate(sum, length);
        long bits = bit_length(sum, length);
        most = bits > most ? bits : most;
    }
    long drop = most > 64 * (long)limbs ? most - 64 * (long)limbs : 0;
    x->exponent = sums->exponent + drop;
    for (size_t k = 0; k < count; k++) {
        shift_right(x->magnitude + k * limbs, limbs, sums->limb + k * length,
                    length, drop);
        /* A term adds twice to the radius, and takes two roundings before. */
        double r = sums->radius[k];
        r = r != 0 ? lip_mul_up(lip_inflate(r, 2 * terms + 4), power_up(-drop))
                   : 0;
        x->radius[k] = drop ? lip_add_up(r, 1) : r;
    }
}

/* The 64 leading bits of a number of `bits` > 0 bits, and whether others
 * follow. */
static uint64_t leading(const uint64_t *limb, size_t limbs, long bits,
                        bool *more)
{
    uint64_t top;
    *more = false;
    if (bits <= 64) {
        top = limb[0] << (64 - bits);
        return top;
    }
    long drop = bits - 64;
    shift_right(&top, 1, limb, limbs, drop);
    for (size_t i = 0; i < (size_t)drop / 64; i++)
        *more = *more || limb[i];
    if (drop % 64)
        *more = *more || limb[drop / 64] << (64 - drop % 64);
    return top;
}

int lip_fixed_compare(const struct lip_fixed *x, size_t k, double y)
{
    const uint64_t *m = x->magnitude + k * x->limbs;
    long bits = bit_length(m, x->limbs);
    int sign_x = bits == 0 ? 0 : x->negative[k] ? -1 : 1;
    int sign_y = (y > 0) - (y < 0);
    if (sign_x != sign_y || sign_x == 0)
        return (sign_x > sign_y) - (sign_x < sign_y);
    struct parts p = take_apart(y);
    long bits_y = bit_length(&p.m, 1);
    long top_x = x->exponent + bits, top_y = p.e + bits_y;
    if (top_x != top_y)
        return top_x > top_y ? sign_x : -sign_x;
    bool more;
    uint64_t lead = leading(m, x->limbs, bits, &more);
    uint64_t lead_y = p.m << (64 - bits_y);
    if (lead == lead_y)
        return more ? sign_x : 0;
    return lead > lead_y ? sign_x : -sign_x;
}

double lip_fixed_double(const struct lip_fixed *x, size_t k, double *error)
{
    const uint64_t *m = x->magnitude + k * x->limbs;
    long bits = bit_length(m, x->limbs), top = x->exponent + bits;
    bool more;
    *error = INFINITY;
    if (bits > 0 && top > 1023)
        return INFINITY;
    if (x->exponent > 2000)
        return INFINITY;
    int e = x->exponent < -3000 ? -3000 : (int)x->exponent;
    /* Cutting to 53 bits loses less than 2^(top - 53), ldexp of a number that
     * ends up subnormal at most 2^-1074. */
    *error = lip_add_up(lip_up(ldexp(x->radius[k], e)), 0x1p-1073);
    if (bits == 0 || top < -1100)
        return 0;
    uint64_t lead = leading(m, x->limbs, bits, &more);
    double v = ldexp((double)(lead >> 11), (int)top - 53);
    *error = lip_add_up(*error, lip_up(ldexp(1, (int)top - 53)));
    return x->negative[k] ? -v : v;
}

/* The unit of entry k, or that of the other one where it is zero for sure. */
static long unit_of(const struct lip_fixed *x, size_t k, long other)
{
    bool zero = x->radius[k] == 0 &&
                bit_length(x->magnitude + k * x->limbs, x->limbs) == 0;
    return zero ? other : x->exponent;
}

long lip_fixed_apart(double *mantissa, const struct lip_fixed *x,
                     const struct lip_fixed *y, size_t k)
{
    long unit_x = unit_of(x, k, LONG_MIN);
    long unit_y = unit_of(y, k, unit_x);
    unit_x = unit_of(x, k, unit_y);
    const struct lip_fixed *hi = unit_x >= unit_y ? x : y;
    const struct lip_fixed *lo = hi == x ? y : x;
    size_t limbs = x->limbs;
    long gap = labs(unit_x - unit_y);
    uint64_t d[LIP_FIXED_LIMBS + 1] = {0};
    memcpy(d, hi->magnitude + k * limbs, limbs * sizeof *d);
    /* Cutting the lower one at the unit of the higher loses less than 1. */
    add_shifted(d, limbs + 1, lo->magnitude + k * limbs, limbs, -gap,
                hi->negative[k] == lo->negative[k]);
    if (d[limbs] >> 63)
        negate(d, limbs + 1);
    double radius = lip_add_up(
        hi->radius[k],
        lip_add_up(lip_mul_up(lo->radius[k], power_up(-gap)), gap > 0));
    long bits = bit_length(d, limbs + 1);
    *mantissa = 0;
    if (bits == 0 || !isfinite(radius))
        return 0;
    bool more;
    uint64_t lead = leading(d, limbs + 1, bits, &more);
    double size = ldexp((double)(lead >> 11), (int)bits - 53);
    if (!(size > radius))
        return 0;
    int e = 0;
    *mantissa = frexp(lip_down(size - radius), &e);
    return (unit_x > unit_y ? unit_x : unit_y) + e;
}
