/* SPDX-License-Identifier: MIT
 *
 * Norms of a link: the exponent and the radius are in. */
#include "bounds/link_norm.h"

#include "tests/support/exact.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>

static struct lip_ctx none;

static struct lip_chain *one_link(size_t m, size_t n, double size,
                                  uint64_t seed)
{
    struct plain net;
    size_t width[] = {n, m};
    plain_random(&net, "relu", width, 1, seed);
    for (size_t k = 0; k < m * n; k++)
        net.weight[0][k] *= size;
    struct lip_chain *chain = plain_chain(&net, &none);
    plain_clear(&net);
    return chain;
}

static void check(struct lip_big bound, const arb_t truth, double tolerance)
{
    arb_t b;
    arb_init(b);
    arb_set_d(b, bound.m);
    arb_mul_2exp_si(b, b, bound.e);
    ck_assert(arb_ge(b, truth) || arb_overlaps(b, truth));
    arb_div(b, b, truth, BALL_PREC);
    arb_sub_ui(b, b, 1, BALL_PREC);
    ck_assert_double_le(arf_get_d(arb_midref(b), ARF_RND_UP), tolerance);
    arb_clear(b);
}

/* Any size of weights: sums and roots in the middle, the power put back. */
START_TEST(exact_but_for_rounding)
{
    static const double size[] = {1, 1e-300, 1e300, 3e-308, 0x1p-1000};
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct lip_chain *chain =
            one_link(1 + seed % 6, 1 + seed / 3 % 5, size[seed % 5], seed);
        arb_mat_t exact;
        arb_t truth;
        arb_init(truth);
        exact_link(exact, &chain->link[0]);
        for (int p = 0; p < 9; p++) {
            struct lip_big bound;
            exact_norm(truth, exact, nth_pair(p));
            ck_assert_int_eq(
                lip_link_norm(&bound, &chain->link[0], nth_pair(p), &none),
                LIP_OK);
            check(bound, truth, lip_norm_pair_easy(nth_pair(p)) ? 1e-12 : 4);
        }
        exact_frobenius(truth, exact);
        check(lip_link_frobenius(&chain->link[0]), truth, 1e-14);
        arb_mat_clear(exact);
        arb_clear(truth);
        lip_chain_free(chain);
    }
}
END_TEST

/* W + D with D of rank one that attains |D|_{p->q} in the direction where W
 * does: for one number that is |w| + radius. */
START_TEST(the_radius_is_added)
{
    struct lip_chain *chain = one_link(1, 1, 1, 3);
    struct lip_link *link = &chain->link[0];
    double w = fabs(ldexp(link->transposed.data[0], (int)link->exponent));
    link->radius = 0.125;
    double all = w + ldexp(0.125, (int)link->exponent);
    for (int p = 0; p < 9; p++) {
        struct lip_big bound;
        lip_link_norm(&bound, link, nth_pair(p), &none);
        ck_assert_double_ge(lip_big_double(bound), all);
        ck_assert_double_le(lip_big_double(bound), all * (1 + 1e-14));
    }
    ck_assert_double_ge(lip_big_double(lip_link_frobenius(link)), all);
    lip_chain_free(chain);
}
END_TEST

/* Wider ones: D = radius u v^T with all |u_i|, |v_j| equal. */
START_TEST(the_radius_counts_in_every_norm)
{
    enum { M = 3, N = 4 };
    struct plain net;
    static const size_t width[] = {N, M};
    plain_zero(&net, "relu", width, 1);
    for (int k = 0; k < M * N; k++)
        net.weight[0][k] = 0.5;
    struct lip_chain *chain = plain_chain(&net, &none);
    chain->link[0].radius = 1;
    double wide[M * N], tall[M * N];
    double d = 1 / sqrt(M * N); /* |D|_F = 1 */
    for (int k = 0; k < M * N; k++) {
        wide[k] = 0.5 + d;
        tall[k] = 0.5 + (k % N == 0 ? 1 / sqrt(M) : 0);
    }
    for (int p = 0; p < 9; p++) {
        struct lip_norm_pair pair = nth_pair(p);
        arb_mat_t w;
        arb_t truth;
        struct lip_big bound;
        arb_init(truth);
        arb_mat_init(w, M, N);
        lip_link_norm(&bound, &chain->link[0], pair, &none);
        double *const candidates[] = {wide, tall};
        for (int c = 0; c < 2; c++) {
            for (int k = 0; k < M * N; k++)
                arb_set_d(arb_mat_entry(w, k / N, k % N), candidates[c][k]);
            exact_norm(truth, w, pair);
            ck_assert(
                exact_not_below(lip_big_double(bound) * (1 + 1e-14), truth));
        }
        arb_mat_clear(w);
        arb_clear(truth);
    }
    lip_chain_free(chain);
    plain_clear(&net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/link_norm");
    TCase *tc = tcase_create("link_norm");
    tcase_add_test(tc, exact_but_for_rounding);
    tcase_add_test(tc, the_radius_is_added);
    tcase_add_test(tc, the_radius_counts_in_every_norm);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
