/* SPDX-License-Identifier: MIT
 *
 * Proven spectral norms against ball arithmetic: never below, above by
 * rounding only, on every nasty matrix. */
#include "linalg/spectral.h"

#include "linalg/random.h"
#include "tests/support/exact.h"
#include "tests/support/nasty.h"
#include "tests/support/suite.h"

#include <math.h>

static struct lip_ctx none;

START_TEST(contains_the_exact_norm)
{
    struct lip_matrix a = nasty_make((size_t)_i);
    const char *name = nasty_matrices[_i].name;
    arb_mat_t exact;
    arb_t truth;
    double bound;
    arb_init(truth);
    exact_matrix(exact, &a, false);
    exact_spectral(truth, exact);
    ck_assert_int_eq(lip_spectral_upper(&bound, &a, &none), LIP_OK);
    ck_assert_msg(exact_not_below(bound, truth), "%s: %.17g is below", name,
                  bound);
    if (arb_is_zero(truth)) {
        ck_assert_double_eq(bound, 0);
    } else {
        double excess = exact_excess(bound, truth);
        ck_assert_msg(excess <= 1e-10, "%s: %g above", name, excess);
    }
    arb_mat_clear(exact);
    arb_clear(truth);
    lip_matrix_clear(&a);
}
END_TEST

/* Hundreds of small ones, where all error bounds together are a few units in
 * the last place: nothing hides a missing term. */
START_TEST(small_matrices)
{
    uint64_t state = 11;
    double worst = 0;
    for (int k = 0; k < 600; k++) {
        struct lip_matrix a;
        arb_mat_t exact;
        arb_t truth;
        double bound;
        size_t rows = 1 + (size_t)(k % 4), cols = 1 + (size_t)(k / 4 % 5);
        lip_matrix_new(&a, rows, cols, &none);
        lip_random_fill(a.data, rows * cols, lip_random_next(&state));
        arb_init(truth);
        exact_matrix(exact, &a, false);
        exact_spectral(truth, exact);
        ck_assert_int_eq(lip_spectral_upper(&bound, &a, &none), LIP_OK);
        ck_assert_msg(exact_not_below(bound, truth), "%zu x %zu, number %d",
                      rows, cols, k);
        worst = fmax(worst, exact_excess(bound, truth));
        arb_mat_clear(exact);
        arb_clear(truth);
        lip_matrix_clear(&a);
    }
    ck_assert_double_le(worst, 1e-13);
}
END_TEST

/* Equal numbers whose squares add up with all rounding errors on one side:
 * here the Gram matrix is 1e-13 too small, so that its own error bound counts.
 */
START_TEST(long_rows)
{
    enum { ROWS = 2, COLS = 1875000 };
    const double c = 0x1.04185faf1cacdp-1;
    struct lip_matrix a;
    arb_t truth;
    double bound;
    ck_assert_int_eq(lip_matrix_new(&a, ROWS, COLS, &none), LIP_OK);
    for (size_t k = 0; k < (size_t)ROWS * COLS; k++)
        a.data[k] = c;
    arb_init(truth); /* c sqrt(rows cols) */
    arb_set_d(truth, c);
    arb_mul(truth, truth, truth, BALL_PREC);
    arb_mul_ui(truth, truth, (ulong)ROWS * COLS, BALL_PREC);
    arb_sqrt(truth, truth, BALL_PREC);
    ck_assert_int_eq(lip_spectral_upper(&bound, &a, &none), LIP_OK);
    ck_assert(exact_not_below(bound, truth));
    ck_assert_double_le(exact_excess(bound, truth), 1e-9);
    arb_clear(truth);
    lip_matrix_clear(&a);
}
END_TEST

/* The transpose has the same norm; powers of two go through exactly. */
START_TEST(transposed_and_scaled)
{
    for (size_t k = 0; k < nasty_count; k++) {
        struct lip_matrix a = nasty_make(k), b;
        double one, other, scaled;
        lip_matrix_new(&b, a.cols, a.rows, &none);
        for (size_t i = 0; i < a.rows; i++)
            for (size_t j = 0; j < a.cols; j++)
                b.data[j + i * a.cols] = a.data[i + j * a.rows];
        lip_spectral_upper(&one, &a, &none);
        lip_spectral_upper(&other, &b, &none);
        ck_assert_double_le(fabs(one - other), 1e-10 * one);
        for (size_t i = 0; i < a.rows * a.cols; i++)
            b.data[i] = a.data[i] * 2;
        b.rows = a.rows;
        b.cols = a.cols;
        lip_spectral_upper(&scaled, &b, &none);
        ck_assert_double_le(fabs(2 * one - scaled), 1e-10 * one);
        lip_matrix_clear(&a);
        lip_matrix_clear(&b);
    }
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    for (size_t k = 0; k < nasty_count; k++) {
        struct lip_matrix a = nasty_make(k);
        double bound;
        for (long allowed = 0;; allowed++) {
            struct lip_budget budget;
            lip_budget_init(&budget, 0);
            struct lip_ctx ctx = {.budget = &budget};
            atomic_store(&budget.fail_after, allowed);
            enum lip_status status = lip_spectral_upper(&bound, &a, &ctx);
            ck_assert_uint_eq(atomic_load(&budget.used), 0);
            if (status == LIP_OK)
                break;
            ck_assert_int_eq(status, LIP_NO_MEMORY);
            ck_assert_int_lt(allowed, 10);
        }
        lip_matrix_clear(&a);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/spectral");
    TCase *tc = tcase_create("spectral");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, contains_the_exact_norm, 0, (int)nasty_count);
    tcase_add_test(tc, small_matrices);
    tcase_add_test(tc, long_rows);
    tcase_add_test(tc, transposed_and_scaled);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
