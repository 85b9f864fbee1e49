/* SPDX-License-Identifier: MIT
 *
 * Matrices: sizes that do not fit are refused, the Frobenius norm is an upper
 * bound and tight, transposition moves every number. */
#include "linalg/matrix.h"

#include "linalg/random.h"
#include "tests/support/exact.h"
#include "tests/support/nasty.h"
#include "tests/support/suite.h"

#include <limits.h>
#include <math.h>

static struct lip_ctx none;

START_TEST(frobenius_of_nasty_matrices)
{
    struct lip_matrix a = nasty_make((size_t)_i);
    arb_mat_t exact;
    arb_t truth;
    arb_init(truth);
    exact_matrix(exact, &a, false);
    exact_frobenius(truth, exact);
    double bound = lip_matrix_frobenius(&a);
    ck_assert(exact_not_below(bound, truth));
    if (arb_is_zero(truth))
        ck_assert_double_eq(bound, 0);
    else
        ck_assert_double_le(exact_excess(bound, truth), 1e-12);
    arb_mat_clear(exact);
    arb_clear(truth);
    lip_matrix_clear(&a);
}
END_TEST

/* One to twelve numbers: the bound is a few units in the last place. */
START_TEST(frobenius_of_few_numbers)
{
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct lip_matrix a;
        arb_mat_t exact;
        arb_t truth;
        lip_matrix_new(&a, 1 + seed % 4, 1 + seed / 4 % 3, &none);
        lip_random_fill(a.data, a.rows * a.cols, seed);
        arb_init(truth);
        exact_matrix(exact, &a, false);
        exact_frobenius(truth, exact);
        double bound = lip_matrix_frobenius(&a);
        ck_assert(exact_not_below(bound, truth));
        ck_assert_double_le(exact_excess(bound, truth), 1e-14);
        arb_mat_clear(exact);
        arb_clear(truth);
        lip_matrix_clear(&a);
    }
}
END_TEST

/* Squares that underflow are not lost; only zero gives zero. */
START_TEST(frobenius_of_very_small_numbers)
{
    double tiny[] = {5e-324, 0, 0}, none_at_all[] = {0, -0.0, 0};
    struct lip_matrix a = {1, 3, tiny}, b = {3, 1, none_at_all};
    ck_assert_double_ge(lip_matrix_frobenius(&a), 5e-324);
    ck_assert_double_eq(lip_matrix_frobenius(&b), 0);
    double one[] = {0x1p-600};
    struct lip_matrix c = {1, 1, one};
    ck_assert_double_ge(lip_matrix_frobenius(&c), 0x1p-600);
}
END_TEST

/* Widths around the size of a tile, and a long one. */
static const size_t width[] = {1, 2, 7, 8, 9, 15, 16, 17, 40, 61};
enum { WIDTHS = sizeof width / sizeof *width };

START_TEST(transposes)
{
    for (size_t k = 0; k < WIDTHS; k++) {
        size_t rows = width[_i], cols = width[k];
        struct lip_matrix a, b;
        lip_matrix_new(&a, rows, cols, &none);
        lip_matrix_new(&b, rows * cols, 1, &none);
        lip_random_fill(a.data, rows * cols, k);
        lip_matrix_transpose(&b, &a);
        ck_assert_uint_eq(b.rows, cols);
        ck_assert_uint_eq(b.cols, rows);
        for (size_t j = 0; j < cols; j++)
            for (size_t i = 0; i < rows; i++)
                ck_assert(b.data[j + i * cols] == a.data[i + j * rows]);
        lip_matrix_clear(&a);
        lip_matrix_clear(&b);
    }
}
END_TEST

START_TEST(mirrors)
{
    size_t n = width[_i];
    for (int down = 0; down < 2; down++) {
        struct lip_matrix a, b;
        lip_matrix_new(&a, n, n, &none);
        lip_matrix_new(&b, n, n, &none);
        lip_random_fill(a.data, n * n, n);
        lip_random_fill(b.data, n * n, n);
        if (down)
            lip_matrix_mirror_down(&a, &a);
        else
            lip_matrix_mirror_up(&a);
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < n; i++) {
                bool kept = down ? i <= j : i >= j;
                size_t from = kept ? i + j * n : j + i * n;
                ck_assert(a.data[i + j * n] == b.data[from]);
            }
        lip_matrix_clear(&a);
        lip_matrix_clear(&b);
    }
}
END_TEST

START_TEST(sizes_are_checked)
{
    struct lip_matrix a;
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(lip_matrix_new(&a, (size_t)INT_MAX + 1, 1, &ctx),
                     LIP_TOO_LARGE);
    ck_assert_ptr_null(a.data);
    lip_error_clear(&ctx);
    ck_assert_int_eq(lip_matrix_new(&a, 1, (size_t)INT_MAX + 1, &ctx),
                     LIP_TOO_LARGE);
    lip_error_clear(&ctx);
    ck_assert_int_eq(lip_matrix_new(&a, SIZE_MAX, SIZE_MAX, &ctx),
                     LIP_TOO_LARGE);
    struct lip_budget budget;
    lip_budget_init(&budget, 1000);
    ctx = (struct lip_ctx){.budget = &budget};
    ck_assert_int_eq(lip_matrix_new(&a, 100, 100, &ctx), LIP_TOO_LARGE);
    ck_assert_ptr_null(a.data);
    lip_error_clear(&ctx);
    ck_assert_int_eq(lip_matrix_new(&a, 5, 4, &ctx), LIP_OK);
    ck_assert_uint_eq(a.rows, 5);
    ck_assert_uint_eq(a.cols, 4);
    lip_matrix_clear(&a);
    ck_assert_ptr_null(a.data);
    lip_matrix_clear(&a);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/matrix");
    TCase *tc = tcase_create("matrix");
    tcase_add_loop_test(tc, frobenius_of_nasty_matrices, 0, (int)nasty_count);
    tcase_add_test(tc, frobenius_of_few_numbers);
    tcase_add_test(tc, frobenius_of_very_small_numbers);
    tcase_add_loop_test(tc, transposes, 0, WIDTHS);
    tcase_add_loop_test(tc, mirrors, 0, WIDTHS);
    tcase_add_test(tc, sizes_are_checked);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
