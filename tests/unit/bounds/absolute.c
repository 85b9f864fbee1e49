/* SPDX-License-Identifier: MIT
 *
 * The norm of the product of absolute weights, against the exact product: in
 * all nine pairs never below, and equal but for rounding. Then the places
 * where doubles underflow or overflow on the way. */
#include "tests/support/exact.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct lip_ctx none;

/* |W_l| A_{l-1} ... A_1 |W_1|. */
static void exact_product(arb_mat_t out, const struct lip_chain *chain)
{
    arb_t slope;
    arb_init(slope);
    for (size_t i = 0; i < chain->count; i++) {
        arb_mat_t w, next;
        exact_link(w, &chain->link[i]);
        for (slong r = 0; r < arb_mat_nrows(w); r++)
            for (slong c = 0; c < arb_mat_ncols(w); c++) {
                arb_ptr x = arb_mat_entry(w, r, c);
                arb_abs(x, x);
                if (i == 0)
                    continue;
                struct lip_slopes s = chain->slopes[i - 1][c];
                arb_set_d(slope, fmax(fabs(s.lo), fabs(s.hi)));
                arb_mul(x, x, slope, EXACT_PREC);
            }
        if (i == 0) {
            arb_mat_init(out, arb_mat_nrows(w), arb_mat_ncols(w));
            arb_mat_set(out, w);
        } else {
            arb_mat_init(next, arb_mat_nrows(w), arb_mat_ncols(out));
            arb_mat_mul(next, w, out, EXACT_PREC);
            arb_mat_swap(next, out);
            arb_mat_clear(next);
        }
        arb_mat_clear(w);
    }
    arb_clear(slope);
}

/* Bounds of all pairs, `tolerance` above at most. */
static void check(const struct lip_chain *chain, double tolerance)
{
    arb_mat_t product;
    arb_t truth;
    exact_product(product, chain);
    arb_init(truth);
    for (int p = 0; p < 9; p++) {
        struct lip_norm_pair pair = nth_pair(p);
        exact_norm(truth, product, pair);
        double bound = bound_of("absolute", chain, pair);
        ck_assert_msg(exact_not_below(bound, truth), "%s->%s: below by %g",
                      lip_norm_name(pair.input), lip_norm_name(pair.output),
                      -exact_excess(bound, truth));
        double excess = exact_excess(bound, truth);
        ck_assert_msg(excess <= tolerance, "%s->%s: %g above",
                      lip_norm_name(pair.input), lip_norm_name(pair.output),
                      excess);
    }
    arb_mat_clear(product);
    arb_clear(truth);
}

START_TEST(is_the_exact_norm)
{
    static const char *const activation[] = {"relu", "silu", "abs", "prelu"};
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct plain net;
        size_t width[] = {1 + seed % 5, 6, 1 + seed % 7, 5, 3};
        plain_random(&net, activation[seed % 4], width, 1 + seed % 4, seed);
        if (seed % 4 == 3)
            for (size_t i = 0; i + 1 < net.links; i++) {
                net.slope[i] = calloc(width[i + 1], sizeof(double));
                for (size_t k = 0; k < width[i + 1]; k++)
                    net.slope[i][k] = (double)k - 2;
            }
        struct lip_chain *chain = plain_chain(&net, &none);
        check(chain, 1e-8);
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

static struct plain small_net(const size_t *width, size_t links,
                              const double *const *weight)
{
    struct plain net;
    plain_zero(&net, "relu", width, links);
    for (size_t i = 0; i < links; i++)
        memcpy(net.weight[i], weight[i],
               width[i] * width[i + 1] * sizeof(double));
    return net;
}

/* A path of weights 2^-990 and 2^-80 is the only one that reaches the output:
 * its product is subnormal, and loses digits, before it is scaled up again. */
START_TEST(digits_lost_to_underflow)
{
    for (int k = 0; k < 32; k++) {
        double f = 1 + k / 32.0 + 1e-3;
        const double w1[] = {f * 0x1p-990, 1}, w2[] = {1, 0, 0x1p-80, 0};
        const double w3[] = {0, 1};
        static const size_t width[] = {1, 2, 2, 1};
        struct plain net =
            small_net(width, 3, (const double *const[]){w1, w2, w3});
        struct lip_chain *chain = plain_chain(&net, &none);
        arb_mat_t product;
        arb_t truth;
        arb_init(truth);
        exact_product(product, chain);
        for (int p = 0; p < 9; p++) {
            exact_norm(truth, product, nth_pair(p));
            ck_assert_msg(exact_not_below(
                              bound_of("absolute", chain, nth_pair(p)), truth),
                          "pair %d, digit %d", p, k);
        }
        arb_mat_clear(product);
        arb_clear(truth);
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

static void set_slopes(struct lip_chain *chain, size_t layer, size_t k,
                       double lo, double hi)
{
    chain->slopes[layer][k] = (struct lip_slopes){lo, hi};
}

/* Slopes near the largest double (stacked PReLUs) in one half of a network,
 * moderate ones in the other: the sum that overflows must not hide the rest.
 */
START_TEST(slopes_near_the_largest_double)
{
    static const size_t width[] = {1, 3, 2, 1};
    const double w1[] = {0.9, 0.9, 0.9}, w2[] = {0.9, 0.9, 0, 0, 0, 0.9};
    for (int way = 0; way < 2; way++) {
        const double w3[] = {way, 1};
        struct plain net =
            small_net(width, 3, (const double *const[]){w1, w2, w3});
        struct lip_chain *chain = plain_chain(&net, &none);
        set_slopes(chain, 0, 0, 0, 1.7e308);
        set_slopes(chain, 0, 1, 0, 1.7e308);
        for (int p = 0; p < 9; p++) {
            double bound = bound_or_nan("absolute", chain, nth_pair(p));
            if (way == 0) /* the path of the third neuron */
                ck_assert_msg(!(bound < 0.729), "pair %d: %g", p, bound);
            else
                ck_assert_msg(!(bound < 1e308), "pair %d: %g", p, bound);
        }
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* Slopes so small that products of them vanish. */
START_TEST(slopes_near_the_smallest_double)
{
    static const size_t width[] = {2, 3, 3, 2};
    struct plain net;
    plain_random(&net, "relu", width, 3, 4);
    struct lip_chain *chain = plain_chain(&net, &none);
    for (size_t k = 0; k < 3; k++) {
        set_slopes(chain, 0, k, 0, 0x1.3p-1060);
        set_slopes(chain, 1, k, 0, 0x1.7p1020);
    }
    check(chain, 1e-8);
    lip_chain_free(chain);
    plain_clear(&net);
}
END_TEST

/* Sums of many equal products, whose rounding errors can all go one way. */
START_TEST(wide_layers)
{
    enum { WIDE = 200000 };
    static const size_t width[] = {1, WIDE, 1};
    struct plain net;
    uint64_t state = 1;
    arb_t truth;
    arb_init(truth);
    plain_zero(&net, "relu", width, 2);
    for (size_t k = 0; k < WIDE; k++)
        net.weight[0][k] = 1;
    for (int trial = 0; trial < 12; trial++) {
        double c = plain_uniform(&state, 0.5, 1);
        for (size_t k = 0; k < WIDE; k++)
            net.weight[1][k] = c;
        struct lip_chain *chain = plain_chain(&net, &none);
        arb_set_d(truth, c);
        arb_mul_ui(truth, truth, WIDE, BALL_PREC);
        for (int p = 0; p < 9; p++) {
            double bound = bound_of("absolute", chain, nth_pair(p));
            ck_assert_msg(exact_not_below(bound, truth), "pair %d, %a", p, c);
            ck_assert_double_le(exact_excess(bound, truth), 1e-9);
        }
        lip_chain_free(chain);
    }
    plain_clear(&net);
    arb_clear(truth);
}
END_TEST

/* A radius can overflow (two linear layers whose product all but vanishes):
 * the infinity must not be lost where a later weight is zero. */
START_TEST(infinite_radius)
{
    static const size_t width[] = {1, 2, 2, 1};
    const double w1[] = {0.9, 0.9}, w2[] = {0.9, 0, 0, 0.9}, w3[] = {0, 1};
    struct plain net = small_net(width, 3, (const double *const[]){w1, w2, w3});
    struct lip_chain *chain = plain_chain(&net, &none);
    chain->link[1].radius = INFINITY;
    for (int p = 0; p < 9; p++)
        ck_assert(isnan(bound_or_nan("absolute", chain, nth_pair(p))));
    chain->link[1].radius = 1e308;
    for (int p = 0; p < 9; p++)
        ck_assert(!(bound_or_nan("absolute", chain, nth_pair(p)) < 1e307));
    lip_chain_free(chain);
    plain_clear(&net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/absolute");
    TCase *tc = tcase_create("absolute");
    tcase_add_test(tc, is_the_exact_norm);
    tcase_add_test(tc, digits_lost_to_underflow);
    tcase_add_test(tc, slopes_near_the_largest_double);
    tcase_add_test(tc, slopes_near_the_smallest_double);
    tcase_add_test(tc, wide_layers);
    tcase_add_test(tc, infinite_radius);
    add_method_tests(tc, "absolute");
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
