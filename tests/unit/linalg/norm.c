/* SPDX-License-Identifier: MIT
 *
 * The nine induced norms against ball arithmetic: the easy ones exact but for
 * rounding, the hard ones never below the maximum over all sign vectors. */
#include "linalg/norm.h"

#include "linalg/random.h"
#include "tests/support/exact.h"
#include "tests/support/nasty.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>

static struct lip_ctx none;

static struct lip_norm_pair pair_of(int i)
{
    return (struct lip_norm_pair){(enum lip_norm)(i / 3),
                                  (enum lip_norm)(i % 3)};
}

static void check(const struct lip_matrix *at, struct lip_norm_pair pair,
                  const char *name)
{
    arb_mat_t exact;
    arb_t truth;
    double bound;
    arb_init(truth);
    exact_matrix(exact, at, true);
    exact_norm(truth, exact, pair);
    ck_assert_int_eq(lip_norm_upper(&bound, at, pair, &none), LIP_OK);
    ck_assert_msg(exact_not_below(bound, truth), "%s, %s->%s: %.17g is below",
                  name, lip_norm_name(pair.input), lip_norm_name(pair.output),
                  bound);
    if (arb_is_zero(truth))
        ck_assert_double_eq(bound, 0);
    else if (lip_norm_pair_easy(pair))
        ck_assert_double_le(exact_excess(bound, truth), 1e-10);
    else /* at most |A|_2 times what the norms differ */
        ck_assert_double_le(exact_excess(bound, truth), 16);
    arb_mat_clear(exact);
    arb_clear(truth);
}

START_TEST(nasty)
{
    struct lip_matrix a = nasty_make((size_t)_i);
    for (int p = 0; p < 9; p++) {
        struct lip_norm_pair pair = pair_of(p);
        bool hard = !lip_norm_pair_easy(pair);
        if (hard && (a.rows > 12 || a.cols > 12))
            continue;
        check(&a, pair, nasty_matrices[_i].name);
    }
    lip_matrix_clear(&a);
}
END_TEST

START_TEST(small)
{
    uint64_t state = 4;
    for (int k = 0; k < 120; k++) {
        struct lip_matrix a;
        lip_matrix_new(&a, 1 + (size_t)k % 5, 1 + (size_t)k / 5 % 6, &none);
        lip_random_fill(a.data, a.rows * a.cols, lip_random_next(&state));
        for (int p = 0; p < 9; p++)
            check(&a, pair_of(p), "random");
        lip_matrix_clear(&a);
    }
}
END_TEST

/* |A| for non-negative A: the hard norms are attained at x = 1. */
START_TEST(hard_pairs_are_exact_without_signs)
{
    struct lip_matrix a;
    uint64_t state = 5;
    lip_matrix_new(&a, 6, 7, &none);
    for (size_t k = 0; k < 42; k++)
        a.data[k] = plain_uniform(&state, 0, 1);
    for (int p = 0; p < 9; p++) {
        struct lip_norm_pair pair = pair_of(p);
        arb_mat_t exact;
        arb_t truth;
        double bound;
        arb_init(truth);
        exact_matrix(exact, &a, true);
        exact_norm(truth, exact, pair);
        lip_norm_upper(&bound, &a, pair, &none);
        /* 2->1 of such a matrix is attained elsewhere only in its gauge. */
        ck_assert_double_le(exact_excess(bound, truth), 1e-12);
        arb_mat_clear(exact);
        arb_clear(truth);
    }
    lip_matrix_clear(&a);
}
END_TEST

START_TEST(names_and_duals)
{
    ck_assert_str_eq(lip_norm_name(LIP_NORM_1), "1");
    ck_assert_str_eq(lip_norm_name(LIP_NORM_2), "2");
    ck_assert_str_eq(lip_norm_name(LIP_NORM_INF), "inf");
    ck_assert_int_eq(lip_norm_dual(LIP_NORM_1), LIP_NORM_INF);
    ck_assert_int_eq(lip_norm_dual(LIP_NORM_2), LIP_NORM_2);
    ck_assert_int_eq(lip_norm_dual(LIP_NORM_INF), LIP_NORM_1);
    static const bool easy[] = {true, true,  true,  false, true,
                                true, false, false, true};
    for (int p = 0; p < 9; p++)
        ck_assert(lip_norm_pair_easy(pair_of(p)) == easy[p]);
}
END_TEST

/* |D|_{p->q} <= factor |D|_2, attained by a matrix of ones or a unit matrix. */
START_TEST(factors_to_the_spectral_norm)
{
    for (int p = 0; p < 9; p++)
        for (size_t m = 1; m < 6; m++)
            for (size_t n = 1; n < 6; n++) {
                struct lip_norm_pair pair = pair_of(p);
                double factor = lip_norm_per_spectral(pair, m, n);
                double c = pair.input == LIP_NORM_INF ? sqrt((double)m) : 1;
                double d = pair.output == LIP_NORM_1 ? sqrt((double)n) : 1;
                ck_assert_double_ge(factor, c * d);
                ck_assert_double_le(factor, c * d * (1 + 1e-14));
            }
}
END_TEST

START_TEST(memory_may_run_out_anywhere)
{
    struct lip_matrix a = nasty_make(8); /* 45 x 60 */
    for (int p = 0; p < 9; p++)
        for (long allowed = 0;; allowed++) {
            struct lip_budget budget;
            lip_budget_init(&budget, 0);
            struct lip_ctx ctx = {.budget = &budget};
            double bound;
            atomic_store(&budget.fail_after, allowed);
            enum lip_status status =
                lip_norm_upper(&bound, &a, pair_of(p), &ctx);
            ck_assert_uint_eq(atomic_load(&budget.used), 0);
            if (status == LIP_OK)
                break;
            ck_assert_int_eq(status, LIP_NO_MEMORY);
            ck_assert_int_lt(allowed, 10);
        }
    lip_matrix_clear(&a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("linalg/norm");
    TCase *tc = tcase_create("norm");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, nasty, 0, (int)nasty_count);
    tcase_add_test(tc, small);
    tcase_add_test(tc, hard_pairs_are_exact_without_signs);
    tcase_add_test(tc, names_and_duals);
    tcase_add_test(tc, factors_to_the_spectral_norm);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
