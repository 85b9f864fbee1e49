/* SPDX-License-Identifier: MIT
 *
 * The largest eigenvalue: the proof holds and is tight whatever the estimate
 * says, and the estimate is good on matrices made to hide it. */
#include "linalg/eigen.h"

#include "linalg/blas.h"
#include "tests/support/exact.h"
#include "tests/support/nasty.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

static struct lip_ctx none;

/* A^T A in doubles, its upper triangle, NaN below. */
static struct lip_matrix gram_of(size_t k)
{
    struct lip_matrix a = nasty_make(k), g;
    lip_matrix_new(&g, a.cols, a.cols, &none);
    lip_gram(&g, &a);
    lip_matrix_clear(&a);
    return g;
}

static void poison_below(struct lip_matrix *g)
{
    for (size_t j = 0; j < g->cols; j++)
        for (size_t i = j + 1; i < g->rows; i++)
            g->data[i + j * g->rows] = NAN;
}

/* tau I - G is positive semidefinite, but for 1e-12 of tau. */
static bool is_upper(double tau, const struct lip_matrix *g, double relative)
{
    arb_mat_t t;
    arb_t x;
    arb_init(x);
    slong n = (slong)g->cols;
    arb_mat_init(t, n, n);
    for (slong j = 0; j < n; j++)
        for (slong i = 0; i <= j; i++) {
            arb_set_d(arb_mat_entry(t, i, j), -g->data[i + j * n]);
            if (i == j) {
                arb_set_d(x, tau * (1 + relative));
                arb_add(arb_mat_entry(t, i, i), arb_mat_entry(t, i, i), x,
                        BALL_PREC);
            }
        }
    bool positive = exact_positive(t);
    arb_mat_clear(t);
    arb_clear(x);
    return positive;
}

START_TEST(proven_and_tight)
{
    struct lip_matrix g = gram_of((size_t)_i);
    const char *name = nasty_matrices[_i].name;
    double estimate, tau;
    poison_below(&g);
    ck_assert_int_eq(lip_eigen_estimate(&estimate, &g, &none), LIP_OK);
    ck_assert_int_eq(lip_eigen_upper(&tau, &g, estimate, &none), LIP_OK);
    if (tau == 0 || g.rows == 1) {
        ck_assert_double_eq(tau, g.data[0]);
    } else {
        ck_assert_msg(is_upper(tau, &g, 0), "%s: %.17g too small", name, tau);
        if (tau > 0x1p-900)
            ck_assert_msg(!is_upper(tau, &g, -1e-10), "%s: loose", name);
    }
    lip_matrix_clear(&g);
}
END_TEST

/* A bad estimate costs time, never truth. */
START_TEST(any_estimate_will_do)
{
    static const double factor[] = {0,   1e-300,   1e-5,      0.1,
                                    0.5, 0.999999, 1 - 1e-15, 1.1,
                                    10,  1e10,     1e300,     -1};
    struct lip_matrix g = gram_of((size_t)_i);
    double good, tau;
    if (g.rows > 1) {
        ck_assert_int_eq(lip_eigen_estimate(&good, &g, &none), LIP_OK);
        for (size_t k = 0; k < sizeof factor / sizeof *factor; k++) {
            ck_assert_int_eq(lip_eigen_upper(&tau, &g, factor[k] * good, &none),
                             LIP_OK);
            ck_assert_msg(is_upper(tau, &g, 0), "%s: estimate %g",
                          nasty_matrices[_i].name, factor[k]);
        }
        ck_assert_int_eq(lip_eigen_upper(&tau, &g, NAN, &none), LIP_OK);
        ck_assert(is_upper(tau, &g, 0));
        ck_assert_int_eq(lip_eigen_upper(&tau, &g, INFINITY, &none), LIP_OK);
        ck_assert(is_upper(tau, &g, 0));
    }
    lip_matrix_clear(&g);
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    for (size_t k = 0; k < nasty_count; k++) {
        struct lip_matrix g = gram_of(k);
        double estimate = 0, tau;
        for (long allowed = 0;; allowed++) {
            struct lip_budget budget;
            lip_budget_init(&budget, 0);
            struct lip_ctx ctx = {.budget = &budget};
            atomic_store(&budget.fail_after, allowed);
            enum lip_status status = lip_eigen_estimate(&estimate, &g, &ctx);
            if (status == LIP_OK)
                status = lip_eigen_upper(&tau, &g, estimate, &ctx);
            ck_assert_uint_eq(atomic_load(&budget.used), 0);
            if (status == LIP_OK)
                break;
            ck_assert_int_eq(status, LIP_NO_MEMORY);
            ck_assert_int_lt(allowed, 10);
        }
        lip_matrix_clear(&g);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/eigen");
    TCase *tc = tcase_create("eigen");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, proven_and_tight, 0, (int)nasty_count);
    tcase_add_loop_test(tc, any_estimate_will_do, 0, (int)nasty_count);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
