/* SPDX-License-Identifier: MIT
 *
 * The averaged recursion against the same recursion in ball arithmetic, on the
 * network and its transpose, in every pair; slopes that are given neuron by
 * neuron, wide ranges of slopes, merged layers. */
#include "tests/support/attained.h"
#include "tests/support/exact.h"
#include "tests/support/graph.h"
#include "tests/support/layers.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"
#include "tests/support/unrolled.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct lip_ctx none;

/* out = W diag(d): d the midpoints or the half widths of the slopes. */
static void scaled(arb_mat_t out, const struct lip_chain *chain, size_t i,
                   bool half)
{
    arb_t d, x;
    arb_init(d);
    arb_init(x);
    exact_link(out, &chain->link[i]);
    for (slong c = 0; i > 0 && c < arb_mat_ncols(out); c++) {
        struct lip_slopes s = chain->slopes[i - 1][c];
        arb_set_d(d, s.hi);
        arb_set_d(x, half ? -s.lo : s.lo);
        arb_add(d, d, x, BALL_PREC);
        arb_mul_2exp_si(d, d, -1);
        for (slong r = 0; r < arb_mat_nrows(out); r++)
            arb_mul(arb_mat_entry(out, r, c), arb_mat_entry(out, r, c), d,
                    BALL_PREC);
    }
    arb_clear(d);
    arb_clear(x);
}

/* b_l for one norm between the layers. */
static void recursion(arb_t out, const struct lip_chain *chain,
                      struct lip_norm_pair pair, enum lip_norm inner)
{
    size_t l = chain->count;
    arb_ptr b = _arb_vec_init((slong)l + 1);
    arb_t norm;
    arb_init(norm);
    arb_one(b);
    for (size_t j = 0; j < l; j++) {
        arb_mat_t t, w, next;
        scaled(t, chain, j, j > 0); /* the first factor takes half widths */
        for (size_t k = j + 1; k <= l; k++) {
            struct lip_norm_pair here = {j == 0 ? pair.input : inner,
                                         k == l ? pair.output : inner};
            exact_norm(norm, t, here);
            arb_addmul(b + k, norm, b + j, BALL_PREC);
            if (k == l)
                break;
            scaled(w, chain, k, false);
            arb_mat_init(next, arb_mat_nrows(w), arb_mat_ncols(t));
            arb_mat_mul(next, w, t, BALL_PREC);
            arb_mat_swap(next, t);
            arb_mat_clear(next);
            arb_mat_clear(w);
        }
        arb_mat_clear(t);
    }
    arb_set(out, b + l);
    _arb_vec_clear(b, (slong)l + 1);
    arb_clear(norm);
}

static double detail(const struct lip_chain *chain, struct lip_norm_pair pair,
                     const char *rule)
{
    struct lip_bound bound;
    struct lip_bound_options options = {.norm = pair};
    ck_assert_int_eq(lip_method_run(&bound, lip_method_find("midpoint"), chain,
                                    &options, &none),
                     LIP_OK);
    for (size_t i = 0; i < bound.detail_count; i++) {
        ck_assert_double_le(bound.upper_bound, bound.detail[i].upper_bound);
        if (strcmp(bound.detail[i].rule, rule) == 0)
            return bound.detail[i].upper_bound;
    }
    ck_abort_msg("no detail %s", rule);
    return NAN;
}

/* Least over the norms between that are allowed. */
static void check(const struct lip_chain *chain, struct lip_norm_pair pair,
                  double bound, bool tight)
{
    arb_t truth, least;
    arb_init(truth);
    arb_init(least);
    bool first = true;
    for (int inner = 0; inner < 3; inner++) {
        if (pair.input == pair.output && inner != (int)pair.input)
            continue;
        recursion(truth, chain, pair, (enum lip_norm)inner);
        if (first || arb_lt(truth, least))
            arb_set(least, truth);
        first = false;
    }
    ck_assert_msg(exact_not_below(bound, least), "%s->%s: below by %g",
                  lip_norm_name(pair.input), lip_norm_name(pair.output),
                  -exact_excess(bound, least));
    if (tight)
        ck_assert_double_le(exact_excess(bound, least), 1e-11);
    arb_clear(truth);
    arb_clear(least);
}

static void slopes_of_their_own(struct plain *net, uint64_t seed)
{
    for (size_t i = 0; i + 1 < net->links; i++) {
        net->slope[i] = calloc(net->width[i + 1], sizeof(double));
        for (size_t k = 0; k < net->width[i + 1]; k++)
            net->slope[i][k] = plain_uniform(&seed, -1.5, 1.5);
        if (seed % 2)
            net->slope[i][0] = 1; /* a neuron that is linear */
    }
}

START_TEST(is_the_exact_recursion)
{
    static const char *const activation[] = {"relu", "silu", "prelu", "abs",
                                             "sigmoid"};
    static const size_t width[] = {4, 6, 3, 5, 2};
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct plain net;
        plain_random(&net, activation[seed % 5], width, 1 + seed % 4, seed);
        if (seed % 5 == 2)
            slopes_of_their_own(&net, seed);
        struct lip_chain *chain = plain_chain(&net, &none), *back;
        ck_assert_int_eq(lip_chain_transpose(&back, chain, &none), LIP_OK);
        for (int p = 0; p < 9; p++) {
            struct lip_norm_pair pair = nth_pair(p);
            struct lip_norm_pair dual = {lip_norm_dual(pair.output),
                                         lip_norm_dual(pair.input)};
            /* Equal norms are easy in every factor, and so exact. */
            bool tight = pair.input == pair.output;
            check(chain, pair, detail(chain, pair, "network"), tight);
            check(back, dual, detail(chain, pair, "transpose"), tight);
        }
        lip_chain_free(chain);
        lip_chain_free(back);
        plain_clear(&net);
    }
}
END_TEST

START_TEST(above_what_is_attained)
{
    static const char *const activation[] = {"relu", "gelu", "prelu", "abs"};
    static const size_t width[] = {3, 4, 4, 3};
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct plain net;
        double attained[9];
        plain_random(&net, activation[seed % 4], width, 2 + seed % 2, seed);
        if (seed % 4 == 2)
            slopes_of_their_own(&net, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        attained_by_slopes(attained, chain);
        for (int p = 0; p < 9; p++)
            ck_assert_double_ge(bound_of("midpoint", chain, nth_pair(p)),
                                attained[p] * (1 - 1e-12));
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* Never above the product of norms (norm 1 and inf; 2 against spectral). */
START_TEST(never_worse_than_the_product)
{
    static const size_t width[] = {3, 9, 8, 7, 3};
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct plain net;
        plain_random(&net, seed % 2 ? "relu" : "leaky-relu", width, 4, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        for (int p = 0; p < 9; p += 4)
            ck_assert_double_le(
                bound_of("midpoint", chain, nth_pair(p)),
                bound_of(p == 4 ? "spectral" : "naive", chain, nth_pair(p)) *
                    (1 + 1e-10));
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* A merged layer brings a radius: with one of 2^-20 every entry may be off by
 * that, and the bound must cover the worst. */
START_TEST(the_radius_is_carried)
{
    static const size_t width[] = {1, 1, 1, 1};
    for (int at = 0; at < 3; at++) {
        struct plain net;
        plain_zero(&net, "identity", width, 3);
        net.activation = "relu";
        for (int i = 0; i < 3; i++)
            net.weight[i][0] = 0.5;
        struct lip_chain *chain = plain_chain(&net, &none);
        chain->link[at].radius = 0x1p-20;
        double all = 0.125 * (1 + 0x1p-19); /* 0.5 + 2^-20 */
        for (int p = 0; p < 9; p++) {
            double bound = bound_of("midpoint", chain, nth_pair(p));
            ck_assert_double_ge(bound, all);
            ck_assert_double_le(bound, 0.125 * (1 + 0x1p-14));
        }
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* Slopes far from 1: a proven value or none, never too small a one. */
START_TEST(extreme_slopes)
{
    static const double slope[][2] = {{0, 1.7e308},       {-1.7e308, 1.7e308},
                                      {1.6e308, 1.7e308}, {0, 1e150},
                                      {0, 0x1p-1074},     {-1e-300, 1e-300},
                                      {1e-200, 2e-200},   {1e200, 1e200}};
    static const size_t width[] = {1, 2, 2, 1};
    for (size_t s = 0; s < sizeof slope / sizeof *slope; s++) {
        struct plain net;
        plain_random(&net, "relu", width, 3, 5);
        struct lip_chain *chain = plain_chain(&net, &none);
        for (int k = 0; k < 2; k++)
            chain->slopes[0][k] = (struct lip_slopes){slope[s][0], slope[s][1]};
        double attained[9];
        attained_by_slopes(attained, chain);
        for (int p = 0; p < 9; p++)
            for (size_t m = 0; lip_methods[m]; m++) {
                double bound =
                    bound_or_nan(lip_methods[m]->id, chain, nth_pair(p));
                ck_assert_msg(!(bound < attained[p] * (1 - 1e-12)),
                              "%s, slopes %g to %g: %g below %g",
                              lip_methods[m]->id, slope[s][0], slope[s][1],
                              bound, attained[p]);
            }
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* One residual block: the formula of LipLT for it, not 1 + |W2||W1|. */
START_TEST(a_residual_block)
{
    uint64_t seed = 60;
    for (int t = 0; t < 10; t++) {
        enum { N = 5, H = 7 };
        double a[H * N], b[N * H], sum[N * N] = {0};
        for (int i = 0; i < H * N; i++) {
            a[i] = plain_normal(&seed);
            b[i] = plain_normal(&seed);
        }
        struct lip_layer layer[] = {
            make_reshape((long[]){N, 0}), make_dense(H, N, a, NULL, NULL),
            make_activation("relu"), make_dense(N, H, b, NULL, NULL),
            make_kind(&lip_layer_add)};
        struct lip_network *network;
        take_from(&layer[4], 2, (size_t[]){0, 3}, NULL);
        ck_assert_int_eq(make_network(&network, layer, 5, NULL), LIP_OK);
        struct lip_chain *chain = unrolled_chain(network, NULL);
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                sum[i * N + j] = i == j;
                for (int k = 0; k < H; k++)
                    sum[i * N + j] += 0.5 * b[i * H + k] * a[k * N + j];
            }
        double formula =
            plain_norm(sum, N, N, PAIR_22) +
            0.5 * plain_norm(b, N, H, PAIR_22) * plain_norm(a, H, N, PAIR_22);
        double bound = bound_of("midpoint", chain, PAIR_22);
        ck_assert_double_eq_tol(bound, formula, 1e-9 * formula);
        lip_chain_free(chain);
        lip_network_free(network);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/midpoint");
    TCase *tc = tcase_create("midpoint");
    tcase_add_test(tc, is_the_exact_recursion);
    tcase_add_test(tc, above_what_is_attained);
    tcase_add_test(tc, never_worse_than_the_product);
    tcase_add_test(tc, the_radius_is_carried);
    tcase_add_test(tc, extreme_slopes);
    add_method_tests(tc, "midpoint");
    tcase_add_test(tc, a_residual_block);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
