/* SPDX-License-Identifier: MIT
 *
 * A factor below A - slack I, with a bound of its inverse; the errors of what
 * is solved with it. */
#include "bounds/factor.h"

#include "linalg/blas.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>

enum { N = 12 };

/* A = G^T G + shift I, upper triangle. */
static void fill(struct lip_matrix *a, uint64_t *seed, double shift)
{
    struct lip_matrix g;
    ck_assert_int_eq(lip_matrix_new(&g, N, N, NULL), LIP_OK);
    for (size_t i = 0; i < (size_t)N * N; i++)
        g.data[i] = plain_normal(seed);
    lip_gram(a, &g);
    for (size_t i = 0; i < N; i++)
        a->data[i * (N + 1)] += shift;
    lip_matrix_clear(&g);
}

START_TEST(factors_and_inverses)
{
    uint64_t seed = 50;
    for (int t = 0; t < 50; t++) {
        struct lip_matrix a, r, spare, x;
        double vector[N], inverse, most = 0;
        ck_assert_int_eq(lip_matrix_new(&a, N, N, NULL), LIP_OK);
        ck_assert_int_eq(lip_matrix_new(&r, N, N, NULL), LIP_OK);
        ck_assert_int_eq(lip_matrix_new(&spare, N, N, NULL), LIP_OK);
        ck_assert_int_eq(lip_matrix_new(&x, N, N, NULL), LIP_OK);
        fill(&a, &seed, 0.1);
        ck_assert(lip_factor_below(&r, &a, 0.05, &inverse, &spare, vector));
        for (size_t i = 0; i < (size_t)N * N; i++)
            x.data[i] = i % (N + 1) == 0;
        lip_solve_right(&x, &r);
        for (size_t j = 0; j < N; j++) { /* a column of R^-1 */
            double sum = 0;
            for (size_t i = 0; i < N; i++)
                sum += x.data[i + j * N] * x.data[i + j * N];
            most = fmax(most, sqrt(sum));
        }
        ck_assert_double_ge(inverse, most);
        ck_assert_double_le(inverse, 1e3);
        fill(&a, &seed, -20); /* some eigenvalue is small */
        ck_assert(!lip_factor_below(&r, &a, 0, &inverse, &spare, vector));
        lip_matrix_clear(&a);
        lip_matrix_clear(&r);
        lip_matrix_clear(&spare);
        lip_matrix_clear(&x);
    }
}
END_TEST

START_TEST(errors_grow_with_what_they_are_made_of)
{
    ck_assert_double_ge(lip_gram_error(1, 1e-10, 5), 2e-10);
    ck_assert_double_le(lip_gram_error(1, 1e-10, 5), 2.1e-10);
    ck_assert_double_ge(lip_solve_error(10, 1, 1, 1e-9, 5), 1e-8);
    ck_assert_double_le(lip_solve_error(10, 1, 1, 1e-9, 5), 1.1e-8);
    ck_assert_double_gt(lip_gram_error(0, 0, 1), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/factor");
    TCase *tc = tcase_create("factor");
    tcase_add_test(tc, factors_and_inverses);
    tcase_add_test(tc, errors_grow_with_what_they_are_made_of);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
