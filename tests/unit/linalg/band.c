/* SPDX-License-Identifier: MIT
 *
 * Proofs about band matrices hold just above the largest eigenvalue that LAPACK
 * finds, never below it. */
#include "linalg/band.h"

#include "linalg/random.h"
#include "tests/support/suite.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

static double top_of(const struct lip_band *a)
{
    double value[200], copy[200 * 40];
    size_t count = a->size * (a->width + 1);
    memcpy(copy, a->data, count * sizeof *copy);
    ck_assert_int_eq(LAPACKE_dsbev(LAPACK_COL_MAJOR, 'N', 'L', (int)a->size,
                                   (int)a->width, copy, (int)a->width + 1,
                                   value, NULL, 1),
                     0);
    return value[a->size - 1];
}

START_TEST(proves_what_is_true_and_nothing_else)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct lip_band a, work;
        size_t n = 1 + seed * 3, width = seed % 37 < n ? seed % 37 : n - 1;
        ck_assert_int_eq(lip_band_new(&a, n, width, NULL), LIP_OK);
        ck_assert_int_eq(lip_band_new(&work, n, width, NULL), LIP_OK);
        lip_random_fill(a.data, n * (width + 1), seed);
        double top = top_of(&a), step = 1e-10 * (1 + fabs(top));
        ck_assert_msg(lip_band_proves(&work, &a, top + step), "seed %d above",
                      (int)seed);
        ck_assert_msg(!lip_band_proves(&work, &a, top - step), "seed %d below",
                      (int)seed);
        ck_assert(lip_band_proves(&a, &a, top + step));
        lip_band_clear(&a);
        lip_band_clear(&work);
    }
}
END_TEST

START_TEST(too_large)
{
    struct lip_band a;
    ck_assert_int_eq(lip_band_new(&a, (size_t)1 << 40, 2, NULL), LIP_TOO_LARGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/band");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, proves_what_is_true_and_nothing_else);
    tcase_add_test(tests, too_large);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
