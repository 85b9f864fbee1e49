/* SPDX-License-Identifier: MIT
 *
 * Factors, inverses and solutions of positive definite matrices, against their
 * definitions; others are refused. */
#include "linalg/definite.h"

#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

enum { MOST = 12 };

static struct lip_ctx none;

/* B^T B + I / 4, the lower triangle not to be read. */
static struct lip_matrix random_definite(size_t n, uint64_t seed, double *full)
{
    struct lip_matrix a;
    double b[MOST * MOST];
    ck_assert_int_eq(lip_matrix_new(&a, n, n, &none), LIP_OK);
    for (size_t k = 0; k < n * n; k++)
        b[k] = plain_normal(&seed);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++) {
            double sum = i == j ? 0.25 : 0;
            for (size_t c = 0; c < n; c++)
                sum += b[c + i * n] * b[c + j * n];
            full[i + j * n] = sum;
            a.data[i + j * n] = i <= j ? sum : NAN;
        }
    return a;
}

START_TEST(factor_and_inverse)
{
    for (size_t n = 1; n <= MOST; n++) {
        double full[MOST * MOST], log_det = 7, product = 1;
        struct lip_matrix a = random_definite(n, n, full);
        ck_assert(lip_definite_factor(&a, &log_det));
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i <= j; i++) {
                double sum = 0;
                for (size_t c = 0; c <= i; c++)
                    sum += a.data[c + i * n] * a.data[c + j * n];
                ck_assert_double_eq_tol(sum, full[i + j * n], 1e-12);
            }
        for (size_t k = 0; k < n; k++)
            product *= a.data[k * (n + 1)];
        ck_assert_double_eq_tol(log_det, 7 + 2 * log(product), 1e-9);
        lip_definite_invert(&a);
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < n; i++) {
                double sum = 0;
                for (size_t c = 0; c < n; c++)
                    sum += full[i + c * n] *
                           a.data[c <= j ? c + j * n : j + c * n];
                ck_assert_double_eq_tol(sum, i == j, 1e-9);
            }
        lip_matrix_clear(&a);
    }
}
END_TEST

START_TEST(solution)
{
    for (size_t n = 1; n <= MOST; n++) {
        double full[MOST * MOST], x[MOST], y[MOST];
        struct lip_matrix a = random_definite(n, n + 50, full);
        for (size_t k = 0; k < n; k++)
            x[k] = y[k] = (double)k - 2;
        ck_assert(lip_definite_solve(x, &a));
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t c = 0; c < n; c++)
                sum += full[i + c * n] * x[c];
            ck_assert_double_eq_tol(sum, y[i], 1e-9);
        }
        lip_matrix_clear(&a);
    }
}
END_TEST

START_TEST(others_are_refused)
{
    static const double bad[][4] = {{1, 0, 2, 1},
                                    {-1, 0, 0, 1},
                                    {0, 0, 0, 0},
                                    {NAN, 0, 0, 1},
                                    {INFINITY, 0, 0, 1}};
    for (int k = 0; k < 5; k++) {
        double data[4], log_det = 0, x[2] = {1, 1};
        struct lip_matrix a = {2, 2, data};
        memcpy(data, bad[k], sizeof data);
        ck_assert_msg(!lip_definite_factor(&a, &log_det), "case %d", k);
        if (k < 3) {
            memcpy(data, bad[k], sizeof data);
            ck_assert(!lip_definite_solve(x, &a));
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/definite");
    TCase *tc = tcase_create("definite");
    tcase_add_test(tc, factor_and_inverse);
    tcase_add_test(tc, solution);
    tcase_add_test(tc, others_are_refused);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
