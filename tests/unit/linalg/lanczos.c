/* SPDX-License-Identifier: MIT
 *
 * The largest eigenvalue of diagonal operators, which are known. */
#include "linalg/lanczos.h"

#include "tests/support/suite.h"

#include <math.h>

enum { SIZE = 300 };

/* Eigenvalues 1, 1/2, 1/3, ..., times *scale. */
static bool harmonic(double *to, const double *from, void *arg)
{
    for (size_t k = 0; k < SIZE; k++)
        to[k] = *(double *)arg * from[k] / (double)(k + 1);
    return true;
}

START_TEST(finds_it_from_below)
{
    double work[3 * SIZE];
    for (double scale = 1e-100; scale < 1e101; scale *= 1e50) {
        double found =
            lip_lanczos_largest(SIZE, harmonic, &scale, 100, 1e-12, work);
        ck_assert_double_le(found, scale * (1 + 1e-12));
        ck_assert_double_ge(found, scale * (1 - 1e-9));
    }
}
END_TEST

static bool refuses(double *to, const double *from, void *arg)
{
    (void)to;
    (void)from;
    (void)arg;
    return false;
}

START_TEST(stops_where_told)
{
    double work[3 * SIZE];
    ck_assert_double_eq(
        lip_lanczos_largest(SIZE, refuses, NULL, 100, 1e-12, work), 0);
}
END_TEST

START_TEST(zero)
{
    double work[3 * SIZE], scale = 0;
    ck_assert_double_eq(
        lip_lanczos_largest(SIZE, harmonic, &scale, 100, 1e-12, work), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/lanczos");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, finds_it_from_below);
    tcase_add_test(tests, stops_where_told);
    tcase_add_test(tests, zero);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
