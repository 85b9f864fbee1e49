/* SPDX-License-Identifier: MIT
 *
 * What the error bounds assume of BLAS: products within gamma_k |A||B| of the
 * exact ones, triangular solves with a residual within gamma_{n+3} |R^T||Y|,
 * entry by entry, at sizes that use every blocking of the kernels. */
#include "linalg/blas.h"

#include "linalg/random.h"
#include "tests/support/exact.h"
#include "tests/support/suite.h"

#include <math.h>

static struct lip_ctx none;

static struct lip_matrix filled(size_t rows, size_t cols, uint64_t seed)
{
    struct lip_matrix a;
    ck_assert_int_eq(lip_matrix_new(&a, rows, cols, &none), LIP_OK);
    lip_random_fill(a.data, rows * cols, seed);
    return a;
}

/* |sum a_k b_k - got| <= gamma sum |a_k b_k|, rows of a given stride. */
static void check_dot(const double *a, size_t step_a, const double *b,
                      size_t step_b, size_t k, double got, double extra,
                      size_t roundings)
{
    arb_t sum, size, x, y;
    arb_init(sum);
    arb_init(size);
    arb_init(x);
    arb_init(y);
    for (size_t i = 0; i < k; i++) {
        arb_set_d(x, a[i * step_a]);
        arb_set_d(y, b[i * step_b]);
        arb_mul(x, x, y, BALL_PREC);
        arb_add(sum, sum, x, BALL_PREC);
        arb_abs(x, x);
        arb_add(size, size, x, BALL_PREC);
    }
    arb_set_d(x, got);
    arb_sub(sum, sum, x, BALL_PREC);
    arb_abs(sum, sum);
    arb_set_d(x, fabs(extra));
    arb_add(size, size, x, BALL_PREC);
    arb_set_d(x, lip_gamma(roundings));
    arb_mul(size, size, x, BALL_PREC);
    ck_assert(arb_le(sum, size));
    arb_clear(sum);
    arb_clear(size);
    arb_clear(x);
    arb_clear(y);
}

static const size_t dims[][3] = {{1, 1, 1},   {2, 3, 4},    {5, 1, 9},
                                 {1, 17, 33}, {40, 30, 20}, {64, 65, 63},
                                 {9, 11, 700}};
enum { DIMS = sizeof dims / sizeof *dims };

START_TEST(products)
{
    size_t m = dims[_i][0], n = dims[_i][1], k = dims[_i][2];
    for (int flags = 0; flags < 4; flags++) {
        bool ta = flags & 1, tb = flags & 2;
        struct lip_matrix a = filled(ta ? k : m, ta ? m : k, 1);
        struct lip_matrix b = filled(tb ? n : k, tb ? k : n, 2);
        struct lip_matrix c = filled(m, n, 3);
        lip_gemm(&c, &a, ta, &b, tb);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++)
                check_dot(a.data + (ta ? i * k : i), ta ? 1 : m,
                          b.data + (tb ? j : j * k), tb ? n : 1, k,
                          c.data[i + j * m], 0, k);
        lip_matrix_clear(&a);
        lip_matrix_clear(&b);
        lip_matrix_clear(&c);
    }
}
END_TEST

START_TEST(gram_matrices)
{
    size_t n = dims[_i][0], k = dims[_i][2];
    struct lip_matrix a = filled(k, n, 4), b = filled(n, k, 5);
    struct lip_matrix c = filled(n, n, 6), d = filled(n, n, 7);
    lip_gram(&c, &a);
    lip_gram_outer(&d, &b);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i <= j; i++) {
            check_dot(a.data + i * k, 1, a.data + j * k, 1, k,
                      c.data[i + j * n], 0, k);
            check_dot(b.data + i, n, b.data + j, n, k, d.data[i + j * n], 0, k);
        }
    lip_matrix_clear(&a);
    lip_matrix_clear(&b);
    lip_matrix_clear(&c);
    lip_matrix_clear(&d);
}
END_TEST

/* Y R = B up to gamma_{n+3} |Y||R|, on both sides of every block size. */
static const size_t sizes[] = {1, 2, 31, 32, 33, 64, 65, 130, 399, 400, 433};
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(triangular_solves)
{
    size_t n = sizes[_i], rows = 3;
    struct lip_matrix r = filled(n, n, 8), b = filled(rows, n, 9);
    struct lip_matrix y = filled(rows, n, 9);
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < j; i++)
            r.data[i + j * n] /= sqrt((double)n);
        r.data[j + j * n] += r.data[j + j * n] > 0 ? 2 : -2;
        for (size_t i = j + 1; i < n; i++)
            r.data[i + j * n] = NAN; /* never read */
    }
    lip_solve_right(&y, &r);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            check_dot(y.data + i, rows, r.data + j * n, 1, j + 1,
                      b.data[i + j * rows], 0, n + 3);
    lip_matrix_clear(&r);
    lip_matrix_clear(&b);
    lip_matrix_clear(&y);
}
END_TEST

START_TEST(one_thread)
{
    lip_blas_single_threaded();
    ck_assert_int_eq(openblas_get_num_threads(), 1);
    ck_assert_ptr_nonnull(lip_blas_kernel());
    ck_assert(lip_blas_kernel()[0] != '\0');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/blas");
    TCase *tc = tcase_create("blas");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, products, 0, DIMS);
    tcase_add_loop_test(tc, gram_matrices, 0, DIMS);
    tcase_add_loop_test(tc, triangular_solves, 0, SIZES);
    tcase_add_test(tc, one_thread);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
