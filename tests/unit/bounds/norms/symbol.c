/* SPDX-License-Identifier: MIT
 *
 * The bound of a symbol against its singular values on a fine grid, by LAPACK:
 * never below the largest, hardly above. Between the frequencies that were
 * looked at it rests on the cosine alone. */
#include "bounds/norms/symbol.h"

#include "linalg/random.h"
#include "tests/support/suite.h"

#include <complex.h>
#include <lapacke.h>
#include <math.h>

enum { MOST = 4, GRID = 96 };

/* sigma_max of the sum of K_pq e^{-i (p a + q b)} at each frequency. */
static double on_grid(const double *kernel, size_t out, size_t in,
                      const size_t tap[2])
{
    double most = 0;
    size_t n[2] = {tap[0] > 1 ? GRID : 1, tap[1] > 1 ? GRID : 1};
    for (size_t y = 0; y < n[0]; y++)
        for (size_t x = 0; x < n[1]; x++) {
            double complex h[MOST * MOST] = {0};
            double sigma[MOST], rest[MOST];
            const double *from = kernel;
            for (size_t k = 0; k < out * in; k++)
                for (size_t p = 0; p < tap[0]; p++)
                    for (size_t q = 0; q < tap[1]; q++)
                        h[k / in + k % in * out] +=
                            *from++ *
                            cexp(-2 * I * M_PI * (double)(p * y) /
                                     (double)n[0] -
                                 2 * I * M_PI * (double)(q * x) / (double)n[1]);
            ck_assert_int_eq(
                LAPACKE_zgesvd(LAPACK_COL_MAJOR, 'N', 'N', (int)out, (int)in,
                               (lapack_complex_double *)h, (int)out, sigma,
                               NULL, 1, NULL, 1, rest),
                0);
            most = fmax(most, sigma[0]);
        }
    return most;
}

START_TEST(never_below_a_fine_grid)
{
    for (uint64_t seed = 1 + 20 * (uint64_t)_i; seed <= 20 * (uint64_t)_i + 20;
         seed++) {
        size_t in = 1 + seed % 3, out = 1 + seed / 3 % 3;
        size_t tap[2] = {seed % 4 ? 1 + seed % 5 : 1, 2 + seed / 5 % 3};
        struct lip_window w = {.channels = {in, out},
                               .groups = 1,
                               .in = {9, 9},
                               .out = {9, 9},
                               .kernel = {tap[0], tap[1]},
                               .stride = {1, 1},
                               .dilation = {1, 1}};
        double kernel[MOST * MOST * 25], bound;
        struct lip_filter filter;
        struct lip_symbol symbol;
        lip_random_fill(kernel, out * in * tap[0] * tap[1], seed);
        double truth = on_grid(kernel, out, in, tap);
        ck_assert_int_eq(lip_filter_copy(&filter, kernel, 0, &w, NULL), LIP_OK);
        ck_assert_int_eq(lip_symbol_new(&symbol, &filter, NULL), LIP_OK);
        /* Little work is allowed, so that cells are large. */
        for (double flops = 1e3; flops < 1e10; flops *= 1e3) {
            ck_assert_int_eq(lip_symbol_bound(&bound, &symbol, flops, NULL),
                             LIP_OK);
            bound = ldexp(bound, (int)symbol.exponent);
            ck_assert_msg(bound >= truth, "seed %d: %.15g below %.15g",
                          (int)seed, bound, truth);
        }
        ck_assert_msg(bound <= truth * 1.004, "seed %d: %.15g above %.15g",
                      (int)seed, bound, truth);
        lip_symbol_clear(&symbol);
        lip_filter_clear(&filter);
    }
}
END_TEST

/* Proofs at one frequency hold just above and never below. */
START_TEST(one_frequency)
{
    static const struct lip_window w = {.channels = {2, 1},
                                        .groups = 1,
                                        .in = {1, 9},
                                        .out = {1, 9},
                                        .kernel = {1, 3},
                                        .stride = {1, 1},
                                        .dilation = {1, 1}};
    static const double kernel[6] = {1, 2, 1, 1, 0, -1}, at[2] = {0, 0.125};
    struct lip_filter filter;
    struct lip_symbol symbol;
    struct lip_probe probe;
    ck_assert_int_eq(lip_filter_copy(&filter, kernel, 0, &w, NULL), LIP_OK);
    ck_assert_int_eq(lip_symbol_new(&symbol, &filter, NULL), LIP_OK);
    ck_assert_int_eq(lip_probe_new(&probe, &symbol, NULL), LIP_OK);
    /* |2 + 2 cos|, |2 sin| at an eighth of a turn. */
    double truth = hypot(2 + sqrt(2), sqrt(2));
    truth = ldexp(truth, (int)-symbol.exponent);
    ck_assert(lip_probe_proves(&probe, 0, at, truth * (1 + 1e-13)));
    ck_assert(!lip_probe_proves(&probe, 0, at, truth * (1 - 1e-13)));
    ck_assert_double_eq_tol(lip_probe_estimate(&probe, 0, at), truth, 1e-12);
    lip_probe_clear(&probe);
    lip_symbol_clear(&symbol);
    lip_filter_clear(&filter);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/norms/symbol");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, never_below_a_fine_grid, 0, 4);
    tcase_add_test(tests, one_frequency);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
