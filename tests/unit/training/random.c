/* SPDX-License-Identifier: MIT
 *
 * Draws by counter: uniform, normal, independent streams, fair shuffles. */
#include "training/random.h"

#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>

enum { COUNT = 20000 };

/* Mean and variance of the two distributions, within five deviations. */
START_TEST(moments)
{
    double u = 0, uu = 0, g = 0, gg = 0, fourth = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        double x = lip_draw_uniform(3, 1, i), y = lip_draw_normal(3, 2, i);
        ck_assert(x >= 0 && x < 1);
        u += x / COUNT;
        uu += x * x / COUNT;
        g += y / COUNT;
        gg += y * y / COUNT;
        fourth += y * y * y * y / COUNT;
    }
    ck_assert_double_lt(fabs(u - 0.5), 0.011);
    ck_assert_double_lt(fabs(uu - 1.0 / 3), 0.011);
    ck_assert_double_lt(fabs(g), 0.036);
    ck_assert_double_lt(fabs(gg - 1), 0.05);
    ck_assert_double_lt(fabs(fourth - 3), 0.4);
}
END_TEST

/* A draw depends on seed, stream and number, and on nothing else. */
START_TEST(by_counter)
{
    uint64_t x = lip_draw(1, 2, 3);
    lip_draw(9, 9, 9);
    ck_assert_uint_eq(lip_draw(1, 2, 3), x);
    ck_assert_uint_ne(lip_draw(2, 2, 3), x);
    ck_assert_uint_ne(lip_draw(1, 3, 3), x);
    ck_assert_uint_ne(lip_draw(1, 2, 4), x);
}
END_TEST

/* Each element once; each place is as likely for each element. */
START_TEST(permutations)
{
    uint32_t order[5];
    int seen[5][5] = {{0}};
    for (uint64_t run = 0; run < COUNT; run++) {
        unsigned mask = 0;
        lip_draw_permutation(order, 5, run, 4);
        for (int i = 0; i < 5; i++) {
            mask |= 1u << order[i];
            seen[i][order[i]]++;
        }
        ck_assert_uint_eq(mask, 31);
    }
    for (int i = 0; i < 25; i++)
        ck_assert_int_le(abs(seen[i / 5][i % 5] - COUNT / 5), 300);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/random");
    TCase *tc = tcase_create("random");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, moments);
    tcase_add_test(tc, by_counter);
    tcase_add_test(tc, permutations);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
