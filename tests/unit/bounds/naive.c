/* SPDX-License-Identifier: MIT
 *
 * Products of norms: exact products in every pair, the best norms between the
 * layers for mixed pairs. */
#include "tests/support/attained.h"
#include "tests/support/exact.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>

static struct lip_ctx none;

/* Product of |W_i|_{r_{i-1} -> r_i} and steepest slopes; for 2->2 of Frobenius
 * norms. inner: the norms between, in base 3. */
static void exact_product(arb_t out, const struct lip_chain *chain,
                          struct lip_norm_pair pair, int inner)
{
    arb_t norm;
    arb_init(norm);
    arb_one(out);
    enum lip_norm from = pair.input;
    for (size_t i = 0; i < chain->count; i++, inner /= 3) {
        enum lip_norm to =
            i + 1 == chain->count ? pair.output : (enum lip_norm)(inner % 3);
        arb_mat_t w;
        exact_link(w, &chain->link[i]);
        if (pair.input == LIP_NORM_2 && pair.output == LIP_NORM_2)
            exact_frobenius(norm, w);
        else
            exact_norm(norm, w, (struct lip_norm_pair){from, to});
        arb_mul(out, out, norm, BALL_PREC);
        if (i + 1 < chain->count) {
            arb_set_d(norm, lip_chain_steepest(chain, i));
            arb_mul(out, out, norm, BALL_PREC);
        }
        from = to;
        arb_mat_clear(w);
    }
    arb_clear(norm);
}

START_TEST(equal_norms)
{
    static const char *const activation[] = {"relu", "gelu", "sigmoid", "selu"};
    static const size_t width[] = {4, 7, 3, 5};
    for (uint64_t seed = 0; seed < 24; seed++) {
        struct plain net;
        arb_t truth;
        arb_init(truth);
        plain_random(&net, activation[seed % 4], width, 1 + seed % 3, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        for (int norm = 0; norm < 3; norm++) {
            struct lip_norm_pair pair = nth_pair(4 * norm);
            exact_product(truth, chain, pair, 13 * norm);
            double bound = bound_of("naive", chain, pair);
            ck_assert(exact_not_below(bound, truth));
            ck_assert_double_le(exact_excess(bound, truth), 1e-13);
        }
        arb_clear(truth);
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

/* Mixed pairs: at most the product for any choice of norms between whose
 * factors are all easy (and so exact). */
START_TEST(mixed_norms_take_the_best_path)
{
    static const size_t width[] = {3, 5, 4, 2};
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct plain net;
        arb_t truth;
        arb_init(truth);
        plain_random(&net, "relu", width, 3, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        double attained[9];
        attained_by_slopes(attained, chain);
        for (int p = 0; p < 9; p++) {
            struct lip_norm_pair pair = nth_pair(p);
            double bound = bound_of("naive", chain, pair);
            ck_assert_double_ge(bound, attained[p] * (1 - 1e-12));
            if (pair.input == pair.output)
                continue;
            for (int inner = 0; inner < 9; inner++) {
                enum lip_norm a = (enum lip_norm)(inner % 3);
                enum lip_norm b = (enum lip_norm)(inner / 3);
                if (a < pair.input || b < a || pair.output < b)
                    continue;
                exact_product(truth, chain, pair, inner);
                ck_assert_double_le(exact_excess(bound, truth), 1e-10);
            }
        }
        arb_clear(truth);
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/naive");
    TCase *tc = tcase_create("naive");
    tcase_add_test(tc, equal_norms);
    tcase_add_test(tc, mixed_norms_take_the_best_path);
    add_method_tests(tc, "naive");
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
