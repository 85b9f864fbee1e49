/* SPDX-License-Identifier: MIT
 *
 * Decompositions: what they put apart goes together again. */
#include "linalg/decompose.h"

#include "linalg/random.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

enum { N = 17 };

static double a[N * N], b[N * N], value[N];
static float f[N * N], g[N * N], small[N];

static void fill(void)
{
    lip_random_fill(a, N * N, 4);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j <= i; j++)
            a[j * N + i] = a[i * N + j];
    memcpy(b, a, sizeof a);
    for (size_t i = 0; i < N * N; i++)
        f[i] = g[i] = (float)a[i];
}

/* A = sum_k value_k q_k q_k', values rising. */
START_TEST(eigenvectors)
{
    fill();
    ck_assert_int_eq(lip_decompose(value, a, N, NULL), LIP_OK);
    ck_assert_int_eq(lip_decompose_float(small, f, N, NULL), LIP_OK);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            double sum = 0, coarse = 0;
            for (size_t k = 0; k < N; k++) {
                sum += value[k] * a[k * N + i] * a[k * N + j];
                coarse += (double)small[k] * (double)f[k * N + i] *
                          (double)f[k * N + j];
            }
            ck_assert_double_lt(fabs(sum - b[i * N + j]), 1e-13);
            ck_assert_double_lt(fabs(coarse - b[i * N + j]), 1e-5);
        }
    for (size_t k = 1; k < N; k++)
        ck_assert_double_le(value[k - 1], value[k]);
}
END_TEST

/* The largest ones alone are those of the whole decomposition. */
START_TEST(above)
{
    float all[N], q[N * N], some[N];
    size_t found;
    fill();
    ck_assert_int_eq(lip_decompose_float(all, f, N, NULL), LIP_OK);
    double from = ((double)all[10] + (double)all[11]) / 2;
    ck_assert_int_eq(lip_decompose_above(&found, some, q, g, N, from, NULL),
                     LIP_OK);
    ck_assert_uint_eq(found, N - 11);
    for (size_t k = 0; k < found; k++) {
        double along = 0;
        ck_assert_float_lt(fabsf(some[k] - all[11 + k]), 1e-5F);
        for (size_t i = 0; i < N; i++)
            along += (double)q[k * N + i] * (double)f[(11 + k) * N + i];
        ck_assert_double_lt(fabs(fabs(along) - 1), 1e-4);
    }
    fill();
    ck_assert_int_eq(lip_decompose_above(&found, some, q, g, N, 1e9, NULL),
                     LIP_OK);
    ck_assert_uint_eq(found, 0);
}
END_TEST

START_TEST(inverse)
{
    fill();
    ck_assert_int_eq(lip_invert_float(f, N, NULL), LIP_OK);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            double sum = 0;
            for (size_t k = 0; k < N; k++)
                sum += (double)f[i * N + k] * (double)g[k * N + j];
            ck_assert_double_lt(fabs(sum - (i == j)), 1e-3);
        }
    memset(f, 0, sizeof f);
    ck_assert_int_eq(lip_invert_float(f, N, NULL), LIP_INVALID);
}
END_TEST

/* Orthonormal, and the same span: what was there lies in it. */
START_TEST(orthonormal_rows)
{
    enum { ROWS = 5 };
    fill();
    ck_assert_int_eq(lip_orthonormalise(a, ROWS, N, NULL), LIP_OK);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < ROWS; j++) {
            double sum = 0;
            for (size_t k = 0; k < N; k++)
                sum += a[i * N + k] * a[j * N + k];
            ck_assert_double_lt(fabs(sum - (i == j)), 1e-13);
        }
    for (size_t i = 0; i < ROWS; i++) {
        double whole = 0, part = 0;
        for (size_t j = 0; j < ROWS; j++) {
            double along = 0;
            for (size_t k = 0; k < N; k++)
                along += a[j * N + k] * b[i * N + k];
            part += along * along;
            ck_assert(j != i || along > 0);
        }
        for (size_t k = 0; k < N; k++)
            whole += b[i * N + k] * b[i * N + k];
        ck_assert_double_lt(fabs(whole - part), 1e-12);
    }
}
END_TEST

START_TEST(not_finite)
{
    fill();
    a[3] = NAN;
    f[3] = NAN;
    ck_assert_int_eq(lip_decompose(value, a, N, NULL), LIP_INVALID);
    ck_assert_int_eq(lip_decompose_float(small, f, N, NULL), LIP_INVALID);
    ck_assert_int_eq(lip_invert_float(f, N, NULL), LIP_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/decompose");
    TCase *tc = tcase_create("decompose");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, eigenvectors);
    tcase_add_test(tc, above);
    tcase_add_test(tc, inverse);
    tcase_add_test(tc, orthonormal_rows);
    tcase_add_test(tc, not_finite);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
