/* SPDX-License-Identifier: MIT
 *
 * Verified Cholesky factors: R^T R <= A - slack I and R^T R >= A + slack I are
 * proven in ball arithmetic for every factor that comes out, also where A is
 * singular but for rounding. */
#include "linalg/cholesky.h"

#include "linalg/blas.h"
#include "linalg/random.h"
#include "tests/support/exact.h"
#include "tests/support/nasty.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct lip_ctx none;

/* sign (R^T R - A - slack I) is positive definite; A by its upper triangle. */
static bool lies_on_side(const struct lip_matrix *r, const struct lip_matrix *a,
                         double slack, int sign)
{
    arb_mat_t er, ea, rr;
    arb_t s;
    arb_init(s);
    arb_set_d(s, slack);
    exact_matrix(er, r, false);
    exact_matrix(ea, a, false);
    slong n = arb_mat_nrows(er);
    arb_mat_init(rr, n, n);
    for (slong i = 0; i < n; i++)
        for (slong j = 0; j < i; j++) {
            arb_zero(arb_mat_entry(er, i, j));
            arb_set(arb_mat_entry(ea, i, j), arb_mat_entry(ea, j, i));
        }
    exact_gram(rr, er);
    for (slong i = 0; i < n; i++)
        arb_add(arb_mat_entry(ea, i, i), arb_mat_entry(ea, i, i), s, BALL_PREC);
    arb_mat_sub(rr, rr, ea, BALL_PREC);
    arb_mat_scalar_mul_si(rr, rr, sign, BALL_PREC);
    bool holds = exact_positive(rr);
    arb_mat_clear(er);
    arb_mat_clear(ea);
    arb_mat_clear(rr);
    arb_clear(s);
    return holds;
}

/* Q diag(d) Q^T with d_0 = 1 and the smallest `least`. */
static void symmetric(struct lip_matrix *a, size_t n, double least,
                      uint64_t *state)
{
    struct lip_matrix g, q;
    lip_matrix_new(&g, n, n, &none);
    lip_matrix_new(&q, n, n, &none);
    lip_matrix_new(a, n, n, &none);
    for (size_t k = 0; k < n * n; k++)
        q.data[k] = plain_normal(state);
    for (size_t j = 0; j < n; j++) { /* Gram-Schmidt */
        double *x = q.data + j * n;
        for (int pass = 0; pass < 2; pass++)
            for (size_t i = 0; i < j; i++) {
                const double *y = q.data + i * n;
                cblas_daxpy((int)n, -cblas_ddot((int)n, x, 1, y, 1), y, 1, x,
                            1);
            }
        cblas_dscal((int)n, 1 / cblas_dnrm2((int)n, x, 1), x, 1);
    }
    for (size_t j = 0; j < n; j++) {
        double d = j == 0       ? 1
                   : j + 1 == n ? least
                                : plain_uniform(state, fabs(least), 1);
        for (size_t i = 0; i < n; i++)
            g.data[i + j * n] = q.data[i + j * n] * d;
    }
    lip_gemm(a, &g, false, &q, true);
    for (size_t j = 0; j < n; j++)
        for (size_t i = j + 1; i < n; i++)
            a->data[i + j * n] = NAN; /* never read */
    lip_matrix_clear(&g);
    lip_matrix_clear(&q);
}

static struct lip_matrix copy_of(const struct lip_matrix *a)
{
    struct lip_matrix b;
    lip_matrix_new(&b, a->rows, a->cols, &none);
    memcpy(b.data, a->data, a->rows * a->cols * sizeof(double));
    return b;
}

static struct lip_matrix upper_of(const struct lip_matrix *a)
{
    struct lip_matrix b = copy_of(a);
    for (size_t j = 0; j < a->cols; j++)
        for (size_t i = j + 1; i < a->rows; i++)
            b.data[i + j * a->rows] = 0;
    return b;
}

/* Smallest eigenvalues from 1 down through zero to -1e-13, where only the
 * shift tells right from wrong. */
START_TEST(below)
{
    uint64_t state = 1;
    size_t proven = 0, refused = 0;
    for (int k = 0; k < 1200; k++) {
        size_t n = 1 + (size_t)k % 9 + (k % 50 == 0 ? 40 : 0);
        double least = exp10(plain_uniform(&state, -17, -12));
        least *= k % 5 == 0 ? -1 : k % 7 == 0 ? 1e12 : 1;
        double slack = k % 2 ? 0 : exp10(plain_uniform(&state, -17, -13));
        struct lip_matrix a;
        symmetric(&a, n, least, &state);
        struct lip_matrix r = copy_of(&a), read = upper_of(&a);
        struct lip_matrix spoilt = copy_of(&a);
        double shift = -1;
        bool proven_alone = lip_cholesky_proves(&spoilt, &a, slack);
        bool factored = lip_cholesky_below(&r, slack, &shift);
        ck_assert_int_eq(proven_alone, factored);
        lip_matrix_clear(&spoilt);
        if (factored) {
            ck_assert_msg(lies_on_side(&r, &read, -slack, -1),
                          "n = %zu, least %g, slack %g", n, least, slack);
            ck_assert_double_gt(shift, 0);
            proven++;
        } else {
            ck_assert_double_le(least, 1e-13 * (double)(n + 3) + slack);
            refused++;
        }
        lip_matrix_clear(&a);
        lip_matrix_clear(&r);
        lip_matrix_clear(&read);
    }
    printf("below: %zu proven, %zu refused\n", proven, refused);
    ck_assert_uint_gt(proven, 300);
    ck_assert_uint_gt(refused, 100);
}
END_TEST

/* Without the shift a singular matrix passes about every second time. */
START_TEST(singular_matrices_are_refused)
{
    uint64_t state = 2;
    for (int k = 0; k < 400; k++) {
        size_t n = 2 + (size_t)k % 8;
        struct lip_matrix a;
        lip_matrix_new(&a, n, n, &none);
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i <= j; i++) /* rank one, exactly */
                a.data[i + j * n] =
                    (double)(1 + k * (i + 3) % 1013) * (1 + k * (j + 3) % 1013);
        ck_assert(!lip_cholesky_below(&a, 0, NULL));
        lip_matrix_clear(&a);
        symmetric(&a, n, 1, &state);
        a.data[n * n - 1] = k % 2 ? -1e-300 : 0;
        ck_assert(!lip_cholesky_below(&a, 0, NULL));
        lip_matrix_clear(&a);
    }
}
END_TEST

START_TEST(above)
{
    uint64_t state = 3;
    for (int k = 0; k < 600; k++) {
        size_t n = 1 + (size_t)k % 9 + (k % 50 == 0 ? 40 : 0);
        double slack = k % 2 ? 0 : exp10(plain_uniform(&state, -17, -13));
        struct lip_matrix a;
        symmetric(&a, n, exp10(plain_uniform(&state, -10, 0)), &state);
        struct lip_matrix r = copy_of(&a), read = upper_of(&a);
        ck_assert(lip_cholesky_above(&r, slack));
        ck_assert(lies_on_side(&r, &read, slack, 1));
        lip_matrix_clear(&a);
        lip_matrix_clear(&r);
        lip_matrix_clear(&read);
    }
}
END_TEST

/* NaN, infinity and overflow come back as a refusal. */
START_TEST(special_numbers_are_refused)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t n = 1; n < 60; n += 7)
        for (int b = 0; b < 3; b++)
            for (size_t k = 0; k < n; k++) {
                uint64_t state = 4;
                struct lip_matrix a;
                symmetric(&a, n, 1, &state);
                a.data[k / 2 + k * n] = bad[b]; /* anywhere above */
                ck_assert(!lip_cholesky_below(&a, 0, NULL));
                lip_matrix_clear(&a);
            }
    struct lip_matrix a;
    lip_matrix_new(&a, 1, 1, &none);
    a.data[0] = 1;
    ck_assert(!lip_cholesky_below(&a, INFINITY, NULL));
    a.data[0] = 1;
    ck_assert(!lip_cholesky_below(&a, NAN, NULL));
    lip_matrix_clear(&a);
}
END_TEST

START_TEST(graded_diagonals)
{
    uint64_t state = 9;
    for (int k = 0; k < 60; k++) {
        size_t n = 2 + (size_t)k % 7;
        struct lip_matrix a;
        symmetric(&a, n, 0.1, &state);
        double d[16];
        for (size_t i = 0; i < n; i++)
            d[i] = exp2(-round(plain_uniform(&state, 0, 120)));
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i <= j; i++)
                a.data[i + j * n] *= d[i] * d[j];
        struct lip_matrix r = copy_of(&a), read = upper_of(&a);
        if (lip_cholesky_below(&r, 0, NULL))
            ck_assert(lies_on_side(&r, &read, 0, -1));
        lip_matrix_clear(&r);
        r = copy_of(&a);
        if (lip_cholesky_above(&r, 0))
            ck_assert(lies_on_side(&r, &read, 0, 1));
        lip_matrix_clear(&a);
        lip_matrix_clear(&r);
        lip_matrix_clear(&read);
    }
}
END_TEST

/* The estimate is of the right size, and zero where there is none. */
START_TEST(smallest_eigenvalue)
{
    uint64_t state = 8;
    double work[64];
    for (int k = 0; k < 60; k++) {
        double least = exp10(-k / 6.0);
        struct lip_matrix a;
        symmetric(&a, 2 + (size_t)k % 30, least, &state);
        ck_assert(lip_cholesky_below(&a, 0, NULL));
        double found = lip_cholesky_smallest(&a, work);
        ck_assert_double_ge(found, 0.99 * least);
        ck_assert_double_le(found, 4 * least);
        lip_matrix_clear(&a);
    }
    double singular[] = {1, 0, 0, 0};
    struct lip_matrix r = {2, 2, singular};
    ck_assert_double_eq(lip_cholesky_smallest(&r, work), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/cholesky");
    TCase *tc = tcase_create("cholesky");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, below);
    tcase_add_test(tc, singular_matrices_are_refused);
    tcase_add_test(tc, above);
    tcase_add_test(tc, special_numbers_are_refused);
    tcase_add_test(tc, graded_diagonals);
    tcase_add_test(tc, smallest_eigenvalue);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
