/* SPDX-License-Identifier: MIT
 *
 * The product of spectral norms, against the exact one. */
#include "tests/support/exact.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

static struct lip_ctx none;

START_TEST(is_the_exact_product)
{
    static const char *const activation[] = {"relu", "silu", "sigmoid", "abs"};
    static const size_t width[] = {4, 7, 1, 50, 3};
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct plain net;
        arb_t truth, norm;
        arb_init(truth);
        arb_init(norm);
        plain_random(&net, activation[seed % 4], width, 1 + seed % 4, seed);
        struct lip_chain *chain = plain_chain(&net, &none);
        arb_one(truth);
        for (size_t i = 0; i < chain->count; i++) {
            arb_mat_t w;
            exact_link(w, &chain->link[i]);
            exact_spectral(norm, w);
            arb_mul(truth, truth, norm, BALL_PREC);
            arb_set_d(norm,
                      i + 1 < chain->count ? lip_chain_steepest(chain, i) : 1);
            arb_mul(truth, truth, norm, BALL_PREC);
            arb_mat_clear(w);
        }
        double bound = bound_of("spectral", chain, PAIR_22);
        ck_assert(exact_not_below(bound, truth));
        ck_assert_double_le(exact_excess(bound, truth), 1e-12);
        arb_clear(truth);
        arb_clear(norm);
        lip_chain_free(chain);
        plain_clear(&net);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/spectral");
    TCase *tc = tcase_create("spectral");
    tcase_add_test(tc, is_the_exact_product);
    add_method_tests(tc, "spectral");
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
