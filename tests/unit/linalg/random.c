/* SPDX-License-Identifier: MIT
 *
 * Start vectors: the published SplitMix64 stream, the range, the same for the
 * same seed. */
#include "linalg/random.h"

#include "tests/support/suite.h"

#include <math.h>

/* First outputs for seed 1234567, as in the author's reference code. */
START_TEST(published_stream)
{
    static const uint64_t expected[] = {
        6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
        4593380528125082431u, 16408922859458223821u};
    uint64_t state = 1234567;
    for (int k = 0; k < 5; k++)
        ck_assert_uint_eq(lip_random_next(&state), expected[k]);
}
END_TEST

START_TEST(uniform_and_reproducible)
{
    double x[4096], y[4096], sum = 0, square = 0;
    lip_random_fill(x, 4096, 7);
    lip_random_fill(y, 4096, 7);
    for (int k = 0; k < 4096; k++) {
        ck_assert_double_eq(x[k], y[k]);
        ck_assert(x[k] >= -1 && x[k] <= 1);
        sum += x[k];
        square += x[k] * x[k];
    }
    ck_assert_double_le(fabs(sum / 4096), 0.05);
    ck_assert_double_le(fabs(square / 4096 - 1.0 / 3), 0.03);
    lip_random_fill(y, 4096, 8);
    int same = 0;
    for (int k = 0; k < 4096; k++)
        same += x[k] == y[k];
    ck_assert_int_eq(same, 0);
    lip_random_fill(y, 10, 7);
    for (int k = 0; k < 10; k++)
        ck_assert_double_eq(x[k], y[k]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/random");
    TCase *tc = tcase_create("random");
    tcase_add_test(tc, published_stream);
    tcase_add_test(tc, uniform_and_reproducible);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
