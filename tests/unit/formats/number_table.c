/* SPDX-License-Identifier: MIT
 *
 * Every row of the table of powers of five, recomputed with GMP. */
#include "formats/number.h"

#include "tests/support/suite.h"

#include <gmp.h>
#include <stddef.h>

/* The 128 leading bits of 5^q for q >= 0; of floor(2^b / 5^-q) + 1 for q < 0,
 * with b = z + 127 down to -27 and 2z + 128 below, 2^z the least power of two
 * that is at least 5^-q. */
static void expected(mpz_t out, int q)
{
    mpz_ui_pow_ui(out, 5, (unsigned long)(q < 0 ? -q : q));
    if (q < 0) {
        mpz_t unit;
        size_t z = mpz_sizeinbase(out, 2);
        mpz_init_set_ui(unit, 1);
        mpz_mul_2exp(unit, unit, q >= -27 ? z + 127 : 2 * z + 128);
        mpz_fdiv_q(out, unit, out);
        mpz_add_ui(out, out, 1);
        mpz_clear(unit);
    }
    size_t bits = mpz_sizeinbase(out, 2);
    if (bits > 128)
        mpz_fdiv_q_2exp(out, out, bits - 128);
    else
        mpz_mul_2exp(out, out, 128 - bits);
}

START_TEST(rows_are_the_leading_bits)
{
    mpz_t want, high;
    mpz_inits(want, high, NULL);
    for (int q = LIP_FIVE_MIN; q <= LIP_FIVE_MAX; q++) {
        const uint64_t *row = lip_five_powers + 2 * (q - LIP_FIVE_MIN);
        expected(want, q);
        mpz_fdiv_q_2exp(high, want, 64);
        ck_assert_msg(mpz_get_ui(high) == row[0], "high word of 5^%d", q);
        ck_assert_msg(mpz_get_ui(want) == row[1], "low word of 5^%d", q);
    }
    mpz_clears(want, high, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("number_table");
    TCase *tests = tcase_create("number_table");
    tcase_add_test(tests, rows_are_the_leading_bits);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
