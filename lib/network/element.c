/* SPDX-License-Identifier: MIT
 *
 * Reading and writing stored numbers. The loops run over blocks of a fixed
 * number of elements, which the compiler turns into vector code; the rest of an
 * array is done one by one.
 *
 * A number is NaN or infinite where all bits of its exponent are set. Adding
 * the lowest exponent bit to the exponent field alone then carries into the
 * sign's place, and nowhere else: one AND, one ADD and one OR an element. */
#include "network/element.h"

#include <endian.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 256 };

static uint64_t load64(const unsigned char *bytes)
{
    uint64_t bits;
    memcpy(&bits, bytes, sizeof bits);
    return le64toh(bits);
}

static uint32_t load32(const unsigned char *bytes)
{
    uint32_t bits;
    memcpy(&bits, bytes, sizeof bits);
    return le32toh(bits);
}

static uint16_t load16(const unsigned char *bytes)
{
    uint16_t bits;
    memcpy(&bits, bytes, sizeof bits);
    return le16toh(bits);
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void store16(unsigned char *bytes, uint16_t bits)
{
    bits = htole16(bits);
    memcpy(bytes, &bits, sizeof bits);
}

/* float64 */

static void widen_f64(double *out, const unsigned char *bytes, size_t count)
{
    if (BYTE_ORDER == LITTLE_ENDIAN) {
        memcpy(out, bytes, count * 8);
        return;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = double_of(load64(bytes + 8 * i));
}

static void narrow_f64(unsigned char *bytes, const double *value, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &value[i], sizeof bits);
        bits = htole64(bits);
        memcpy(bytes + 8 * i, &bits, sizeof bits);
    }
}

static const uint64_t exponent64 = 0x7ff0000000000000u;

static size_t special_f64(const unsigned char *bytes, size_t count)
{
    size_t i = 0;
    for (; count - i >= BLOCK; i += BLOCK) {
        uint64_t carry = 0;
        for (size_t k = 0; k < BLOCK; k++)
            carry |= (load64(bytes + 8 * (i + k)) & exponent64) +
                     ((uint64_t)1 << 52);
        if (carry >> 63)
            break;
    }
    while (i < count && (load64(bytes + 8 * i) & exponent64) != exponent64)
        i++;
    return i;
}

const struct lip_element lip_element_f64 = {
    .name = "float64",
    .size = 8,
    .widen = widen_f64,
    .narrow = narrow_f64,
    .find_special = special_f64,
};

/* float32 */

static void widen_f32(double *out, const unsigned char *bytes, size_t count)
{
    size_t i = 0;
    for (; count - i >= BLOCK; i += BLOCK)
        for (size_t k = 0; k < BLOCK; k++)
            out[i + k] = float_of(load32(bytes + 4 * (i + k)));
    for (; i < count; i++)
        out[i] = float_of(load32(bytes + 4 * i));
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void narrow_f32(unsigned char *bytes, const double *value, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = htole32(bits_of_float((float)value[i]));
        memcpy(bytes + 4 * i, &bits, sizeof bits);
    }
}

static const uint32_t exponent32 = 0x7f800000u;

static size_t special_f32(const unsigned char *bytes, size_t count)
{
    size_t i = 0;
    for (; count - i >= BLOCK; i += BLOCK) {
        uint32_t carry = 0;
        for (size_t k = 0; k < BLOCK; k++)
            carry |= (load32(bytes + 4 * (i + k)) & exponent32) +
                     ((uint32_t)1 << 23);
        if (carry >> 31)
            break;
    }
    while (i < count && (load32(bytes + 4 * i) & exponent32) != exponent32)
        i++;
    return i;
}

const struct lip_element lip_element_f32 = {
    .name = "float32",
    .size = 4,
    .widen = widen_f32,
    .narrow = narrow_f32,
    .find_special = special_f32,
};

/* Two-byte types, whose exponent field is `exponent`. */
static inline size_t special_16(const unsigned char *bytes, size_t count,
                                uint16_t exponent)
{
    uint16_t lowest = exponent & (uint16_t)(~exponent + 1u);
    size_t i = 0;
    for (; count - i >= BLOCK; i += BLOCK) {
        uint16_t carry = 0;
        for (size_t k = 0; k < BLOCK; k++) {
            uint16_t field = load16(bytes + 2 * (i + k)) & exponent;
            carry |= (uint16_t)(field + lowest);
        }
        if (carry >> 15)
            break;
    }
    while (i < count && (load16(bytes + 2 * i) & exponent) != exponent)
        i++;
    return i;
}

/* A finite value to the nearest multiple of the unit that a type with `digits`
 * bits of mantissa and least unit 2^least has there. */
static double round_to(double value, int digits, int least)
{
    int exponent;
    frexp(value, &exponent);
    int unit = exponent - digits < least ? least : exponent - digits;
    return ldexp(rint(ldexp(value, -unit)), unit);
}

/* float16: sign, 5 bits of exponent, 10 of mantissa. For a finite one
 * |value| = (mantissa + 1024 [exponent > 0]) 2^(max(exponent, 1) - 25). */
static double half_of(uint16_t bits)
{
    uint64_t sign = (uint64_t)(bits >> 15) << 63;
    uint64_t exponent = bits >> 10 & 31, mantissa = bits & 1023;
    if (exponent == 31)
        return double_of(sign | exponent64 | mantissa << 42);
    double whole = (double)(mantissa | (exponent ? 1024 : 0));
    uint64_t power = 1023 - 25 + (exponent ? exponent : 1);
    return whole * double_of(sign | power << 52);
}

static void widen_f16(double *out, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = half_of(load16(bytes + 2 * i));
}

/* The bits of a number that float16 has, or infinity. */
static uint16_t bits_of_half(double value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double size = fabs(value);
    int exponent;
    if (isnan(value))
        return sign | 0x7e00;
    if (size >= 65536)
        return sign | 0x7c00;
    if (size < 0x1p-14)
        return sign | (uint16_t)ldexp(size, 24);
    frexp(size, &exponent);
    uint16_t mantissa = (uint16_t)ldexp(size, 11 - exponent) & 1023;
    return sign | (uint16_t)((exponent + 14) << 10) | mantissa;
}

static void narrow_f16(unsigned char *bytes, const double *value, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double rounded =
            isfinite(value[i]) ? round_to(value[i], 11, -24) : value[i];
        store16(bytes + 2 * i, bits_of_half(rounded));
    }
}

static size_t special_f16(const unsigned char *bytes, size_t count)
{
    return special_16(bytes, count, 0x7c00);
}

const struct lip_element lip_element_f16 = {
    .name = "float16",
    .size = 2,
    .widen = widen_f16,
    .narrow = narrow_f16,
    .find_special = special_f16,
};

/* bfloat16: the upper half of a float32 */

static void widen_bf16(double *out, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = float_of((uint32_t)load16(bytes + 2 * i) << 16);
}

static void narrow_bf16(unsigned char *bytes, const double *value, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double rounded =
            isfinite(value[i]) ? round_to(value[i], 8, -133) : value[i];
        uint32_t bits = bits_of_float((float)rounded);
        store16(bytes + 2 * i, (uint16_t)(bits >> 16));
    }
}

static size_t special_bf16(const unsigned char *bytes, size_t count)
{
    return special_16(bytes, count, 0x7f80);
}

const struct lip_element lip_element_bf16 = {
    .name = "bfloat16",
    .size = 2,
    .widen = widen_bf16,
    .narrow = narrow_bf16,
    .find_special = special_bf16,
};
