/* SPDX-License-Identifier: MIT
 *
 * Digests are SHA-256 of a byte form that no machine changes. */
#include "base/digest.h"
#include "tests/support/suite.h"

#include <string.h>

/* Test vectors of FIPS 180-4. */
START_TEST(known_texts)
{
    static const char *const text[] = {"", "abc"};
    static const char *const digest[] = {
        "sha256:e3b0c44298fc1c149afbf4c8996fb924"
        "27ae41e4649b934ca495991b7852b855",
        "sha256:ba7816bf8f01cfea414140de5dae2223"
        "b00361a396177a9cb410ff61f20015ad"};
    struct sha256_ctx hash;
    char out[LIP_DIGEST_TEXT];
    sha256_init(&hash);
    sha256_update(&hash, strlen(text[_i]), (const uint8_t *)text[_i]);
    lip_digest_text(out, &hash);
    ck_assert_str_eq(out, digest[_i]);
}
END_TEST

static void of_u64(char *out, uint64_t value)
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    lip_digest_u64(&hash, value);
    lip_digest_text(out, &hash);
}

static void of_double(char *out, double value)
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    lip_digest_double(&hash, value);
    lip_digest_text(out, &hash);
}

START_TEST(numbers_are_little_endian)
{
    const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct sha256_ctx hash;
    char by_hand[LIP_DIGEST_TEXT], out[LIP_DIGEST_TEXT];
    sha256_init(&hash);
    sha256_update(&hash, sizeof bytes, bytes);
    lip_digest_text(by_hand, &hash);
    of_u64(out, 0x0807060504030201u);
    ck_assert_str_eq(out, by_hand);
}
END_TEST

START_TEST(doubles_count_by_their_bits)
{
    char a[LIP_DIGEST_TEXT], b[LIP_DIGEST_TEXT];
    of_double(a, 1.0);
    of_u64(b, 0x3ff0000000000000u);
    ck_assert_str_eq(a, b);
    of_double(b, 1.0 + 0x1p-52);
    ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(both_zeros_are_one_number)
{
    char a[LIP_DIGEST_TEXT], b[LIP_DIGEST_TEXT];
    of_double(a, 0.0);
    of_double(b, -0.0);
    ck_assert_str_eq(a, b);
    of_double(b, 0x1p-1074);
    ck_assert_str_ne(a, b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/digest");
    TCase *tcase = tcase_create("digest");
    tcase_add_loop_test(tcase, known_texts, 0, 2);
    tcase_add_test(tcase, numbers_are_little_endian);
    tcase_add_test(tcase, doubles_count_by_their_bits);
    tcase_add_test(tcase, both_zeros_are_one_number);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
