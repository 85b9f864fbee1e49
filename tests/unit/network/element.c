/* SPDX-License-Identifier: MIT
 *
 * Element types: widening is exact for every bit pattern, NaN and infinity are
 * found wherever they stand. */
#include "network/element.h"

#include "tests/support/suite.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const struct lip_element *const type[] = {
    &lip_element_f64, &lip_element_f32, &lip_element_f16, &lip_element_bf16};
enum { TYPES = sizeof type / sizeof *type };

/* (-1)^s 2^(e - bias) (1 + m / 2^digits), by the definition of the format. */
static double by_definition(uint64_t bits, int digits, int exponent_bits)
{
    int last = (1 << exponent_bits) - 1, bias = last / 2;
    int e = (int)(bits >> digits) & last;
    double m = (double)(bits & (((uint64_t)1 << digits) - 1));
    double sign = bits >> (digits + exponent_bits) ? -1 : 1;
    if (e == last)
        return m > 0 ? NAN : sign * INFINITY;
    if (e == 0)
        return sign * ldexp(m, 1 - bias - digits);
    return sign * ldexp(m + ldexp(1, digits), e - bias - digits);
}

static void assert_same(double a, double b)
{
    if (isnan(b) ? !isnan(a) : memcmp(&a, &b, sizeof a) != 0)
        ck_abort_msg("%.17g is not %.17g", a, b);
}

/* All 65536 patterns of the two-byte types, at an odd address. */
START_TEST(two_byte_types_widen_exactly)
{
    static unsigned char bytes[1 + 2 * 65536];
    static double out[65536];
    for (uint32_t i = 0; i < 65536; i++) {
        bytes[1 + 2 * i] = (unsigned char)i;
        bytes[2 + 2 * i] = (unsigned char)(i >> 8);
    }
    lip_element_f16.widen(out, bytes + 1, 65536);
    for (uint32_t i = 0; i < 65536; i++)
        assert_same(out[i], by_definition(i, 10, 5));
    lip_element_bf16.widen(out, bytes + 1, 65536);
    for (uint32_t i = 0; i < 65536; i++)
        assert_same(out[i], by_definition(i, 7, 8));
}
END_TEST

static void put_little(unsigned char *bytes, uint32_t bits)
{
    bytes[0] = (unsigned char)bits;
    bytes[1] = (unsigned char)(bits >> 8);
}

static uint32_t narrowed(const struct lip_element *type16, double value)
{
    unsigned char bytes[2];
    type16->narrow(bytes, &value, 1);
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

/* Every finite number comes back; between two neighbours the nearer one is
 * taken, in the middle the even one, also at the end of the range. */
static void check_narrowing(const struct lip_element *type16,
                            uint32_t infinity_bits)
{
    for (uint32_t sign = 0; sign <= 0x8000; sign += 0x8000)
        for (uint32_t i = 0; i < infinity_bits; i++) {
            unsigned char bytes[4];
            double value[2];
            put_little(bytes, i | sign);
            put_little(bytes + 2, (i + 1) | sign);
            type16->widen(value, bytes, 2);
            if (i + 1 == infinity_bits) /* as if the range went on */
                value[1] = copysign(ldexp(1, ilogb(value[0]) + 1), value[0]);
            double middle = (value[0] + value[1]) / 2;
            ck_assert_uint_eq(narrowed(type16, value[0]), i | sign);
            ck_assert_uint_eq(narrowed(type16, middle), (i + i % 2) | sign);
            ck_assert_uint_eq(narrowed(type16, nextafter(middle, value[0])),
                              i | sign);
            ck_assert_uint_eq(narrowed(type16, nextafter(middle, value[1])),
                              (i + 1) | sign);
        }
    ck_assert_uint_eq(narrowed(type16, 1e300), infinity_bits);
    ck_assert_uint_eq(narrowed(type16, -INFINITY), infinity_bits | 0x8000);
    ck_assert_uint_eq(narrowed(type16, 5e-324), 0);
}

START_TEST(two_byte_types_narrow_to_the_nearest)
{
    check_narrowing(&lip_element_f16, 0x7c00);
    check_narrowing(&lip_element_bf16, 0x7f80);
}
END_TEST

START_TEST(wide_types_narrow_to_the_nearest)
{
    const double value[] = {0.1, -0.0, 1e300, 5e-324, -3};
    unsigned char bytes[5 * 8];
    double back[5];
    lip_element_f64.narrow(bytes, value, 5);
    lip_element_f64.widen(back, bytes, 5);
    ck_assert_mem_eq(back, value, sizeof value);
    lip_element_f32.narrow(bytes, value, 5);
    lip_element_f32.widen(back, bytes, 5);
    for (size_t i = 0; i < 5; i++)
        assert_same(back[i], (double)(float)value[i]);
}
END_TEST

/* Patterns spread over all of float32, in counts that end inside a block. */
START_TEST(float32_widens_exactly)
{
    enum { COUNT = 3 * 256 + 17 };
    unsigned char bytes[1 + 4 * COUNT];
    double out[COUNT];
    uint32_t pattern[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        pattern[i] = i < 8 ? i : i * 2654435761u;
        for (int k = 0; k < 4; k++)
            bytes[1 + 4 * i + (uint32_t)k] =
                (unsigned char)(pattern[i] >> (8 * k));
    }
    lip_element_f32.widen(out, bytes + 1, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_same(out[i], by_definition(pattern[i], 23, 8));
}
END_TEST

START_TEST(float64_is_little_endian)
{
    static const unsigned char bytes[] = {9, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f,
                                          1, 0, 0, 0, 0, 0, 0, 0x80};
    double out[2];
    lip_element_f64.widen(out, bytes + 1, 2);
    assert_same(out[0], 1.5);
    assert_same(out[1], -0x1p-1074);
}
END_TEST

/* Special patterns, high byte last, and the largest finite ones. */
static void put(unsigned char *to, size_t size, uint64_t bits)
{
    for (size_t k = 0; k < size; k++)
        to[k] = (unsigned char)(bits >> (8 * k));
}

/* +infinity of each type, from which the others are made. */
static const uint64_t infinity[] = {0x7ff0000000000000u, 0x7f800000u, 0x7c00u,
                                    0x7f80u};

START_TEST(specials_are_found_at_every_place)
{
    enum { COUNT = 2 * 256 + 5 };
    size_t size = type[_i]->size;
    unsigned char bytes[1 + 8 * COUNT];
    uint64_t sign = (uint64_t)1 << (8 * size - 1);
    uint64_t special[] = {infinity[_i], infinity[_i] | sign, infinity[_i] + 1,
                          sign - 1, 2 * sign - 1};
    for (size_t at = 0; at < COUNT; at += at < 300 ? 7 : 1) {
        for (size_t i = 0; i < COUNT; i++) /* largest finite, either sign */
            put(bytes + 1 + i * size, size,
                (infinity[_i] - 1) | (i % 2 ? sign : 0));
        ck_assert_uint_eq(type[_i]->find_special(bytes + 1, COUNT), COUNT);
        put(bytes + 1 + at * size, size, special[at % 5]);
        put(bytes + 1 + (COUNT - 1) * size, size, special[0]);
        ck_assert_uint_eq(type[_i]->find_special(bytes + 1, COUNT), at);
    }
    ck_assert_uint_eq(type[_i]->find_special(bytes + 1, 0), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/element");
    TCase *tc = tcase_create("element");
    tcase_add_test(tc, two_byte_types_narrow_to_the_nearest);
    tcase_add_test(tc, wide_types_narrow_to_the_nearest);
    tcase_add_test(tc, two_byte_types_widen_exactly);
    tcase_add_test(tc, float32_widens_exactly);
    tcase_add_test(tc, float64_is_little_endian);
    tcase_add_loop_test(tc, specials_are_found_at_every_place, 0, TYPES);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
