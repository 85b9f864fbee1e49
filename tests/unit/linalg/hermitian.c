/* SPDX-License-Identifier: MIT
 *
 * Proofs about Hermitian matrices hold just above the largest eigenvalue that
 * LAPACK finds, never below it. */
#include "linalg/hermitian.h"

#include "linalg/random.h"
#include "tests/support/suite.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

enum { MOST = 24 };

/* -H^* H of a random m x n matrix, and the largest eigenvalue of H^* H. */
static double make(double *g, size_t m, size_t n, uint64_t seed)
{
    double h[2 * MOST * MOST], value[MOST], copy[2 * MOST * MOST];
    lip_random_fill(h, 2 * m * n, seed);
    lip_hermitian_minus_gram(g, h, m, n);
    memcpy(copy, g, 2 * n * n * sizeof *copy);
    ck_assert_int_eq(LAPACKE_zheev(LAPACK_COL_MAJOR, 'N', 'L', (int)n,
                                   (lapack_complex_double *)copy, (int)n,
                                   value),
                     0);
    return -value[0];
}

START_TEST(proves_what_is_true_and_nothing_else)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        double g[2 * MOST * MOST], again[2 * MOST * MOST];
        size_t n = 1 + seed % MOST, m = 1 + seed / 3 % MOST;
        double top = make(g, m, n, seed);
        memcpy(again, g, sizeof again);
        ck_assert_msg(lip_hermitian_proves(g, n, top * (1 + 1e-11)),
                      "seed %d above", (int)seed);
        ck_assert_msg(!lip_hermitian_proves(again, n, top * (1 - 1e-11)),
                      "seed %d below", (int)seed);
    }
}
END_TEST

START_TEST(estimates)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        double g[2 * MOST * MOST], work[6 * MOST];
        size_t n = 1 + seed % MOST;
        double top = make(g, MOST, n, seed);
        double guess = lip_hermitian_estimate(g, n, work);
        ck_assert_double_le(guess, top * (1 + 1e-12));
        ck_assert_double_ge(guess, top * (1 - 1e-3));
    }
}
END_TEST

/* A number that is not one never proves anything. */
START_TEST(not_a_number)
{
    double g[8] = {-1, 0, NAN, 0, 0, 0, -1, 0};
    ck_assert(!lip_hermitian_proves(g, 2, 10));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/hermitian");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, proves_what_is_true_and_nothing_else);
    tcase_add_test(tests, estimates);
    tcase_add_test(tests, not_a_number);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
