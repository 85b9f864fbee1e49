/* SPDX-License-Identifier: MIT
 *
 * What an activation says of itself, in ball arithmetic: value() is as close
 * to the formula as its accuracy claims, and the straight pieces are the
 * function. */
#include "linalg/random.h"
#include "tests/support/exact_network.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PREC = 2600, SPECIAL_PREC = 6400, SPECIALS = 30 };

static const uint64_t seed = 20260711;

/* Points where formulas change their ways, and random ones of every size. */
static double point(int i, uint64_t *state)
{
    static const double special[] = {0,      -0.0,    1,
                                     -1,     3,       -3,
                                     6,      0.5,     -0.5,
                                     37,     -37,     709.7,
                                     -709,   -745,    746,
                                     -746,   1e5,     -1e5,
                                     1e300,  -1e300,  5e-324,
                                     1e-310, -1e-310, 1e-160,
                                     -1e-20, 1e-8,    -2.999999999999,
                                     -38.5,  -26.6,   27.3};
    ck_assert_uint_eq(sizeof special / sizeof *special, SPECIALS);
    if (i < SPECIALS)
        return special[i];
    double size = exp2(plain_uniform(state, -30, 11));
    return plain_uniform(state, -1, 1) * size;
}

/* Parameters to be tried: by default, or small, or large. */
static void parameters(double *out, const struct lip_activation *phi, int i)
{
    for (int k = 0; k < LIP_MAX_PARAMETERS; k++)
        out[k] = 0;
    for (int k = 0; phi->parameter[k].name; k++)
        out[k] = phi->parameter[k].fallback;
    if (i > 0 && phi->parameter[0].name)
        out[0] = fmax(phi->parameter[0].min, i == 1 ? 1e-6 : 1e3);
}

START_TEST(value_is_as_close_as_claimed)
{
    const struct lip_activation *phi = lip_activations[_i];
    uint64_t state = seed + (uint64_t)_i;
    double worst = 0;
    arb_t x, exact, claim, error;
    arb_init(x);
    arb_init(exact);
    arb_init(claim);
    arb_init(error);
    for (int i = 0; i < 800; i++) {
        double p[LIP_MAX_PARAMETERS], at = point(i, &state);
        parameters(p, phi, i % 3);
        double value = phi->value(at, p);
        if (!isfinite(value))
            continue;
        arb_set_d(x, at);
        slong prec = i < SPECIALS ? SPECIAL_PREC : PREC;
        exact_activation(exact, phi->name, p, x, prec);
        arb_set_d(error, value);
        arb_sub(error, error, exact, prec);
        double bound = phi->accuracy.relative * fabs(value) +
                       phi->accuracy.argument * fabs(at) + 0x1p-1000;
        arb_set_d(claim, bound);
        arb_abs(error, error);
        ck_assert_msg(arb_le(error, claim), "%s(%a; %g) = %a", phi->name, at,
                      p[0], value);
        arb_div(error, error, claim, 53);
        worst = fmax(worst, arf_get_d(arb_midref(error), ARF_RND_UP));
    }
    printf("%s: %.2g of the error allowed\n", phi->name, worst);
    arb_clear(x);
    arb_clear(exact);
    arb_clear(claim);
    arb_clear(error);
}
END_TEST

START_TEST(pieces_are_the_function)
{
    const struct lip_activation *phi = lip_activations[_i];
    uint64_t state = seed;
    arb_t x, exact, line, t;
    if (!phi->pieces)
        return;
    arb_init(x);
    arb_init(exact);
    arb_init(line);
    arb_init(t);
    for (int i = 0; i < 600; i++) {
        struct lip_piece piece[LIP_MAX_PIECES];
        double p[LIP_MAX_PARAMETERS], at = point(i, &state);
        parameters(p, phi, i % 3);
        size_t n = phi->pieces(piece, p), j = n;
        ck_assert_uint_ge(n, 1);
        ck_assert(isinf(piece[0].from) && piece[0].from < 0);
        while (j > 1 && at < piece[j - 1].from)
            j--;
        arb_set_d(x, at);
        arb_set_d(line, piece[j - 1].offset);
        arb_set_d(t, piece[j - 1].slope);
        arb_addmul(line, t, x, PREC);
        exact_activation(exact, phi->name, p, x, PREC);
        arb_sub(exact, exact, line, PREC);
        ck_assert_msg(arb_is_zero(exact), "%s(%a; %g)", phi->name, at, p[0]);
    }
    arb_clear(x);
    arb_clear(exact);
    arb_clear(line);
    arb_clear(t);
}
END_TEST

/* One that is not exact and says nothing would be taken at its word. */
START_TEST(only_exact_ones_claim_nothing)
{
    static const char *const exact[] = {"relu", "relu6", "hard-tanh", "abs",
                                        "identity"};
    for (size_t i = 0; lip_activations[i]; i++) {
        bool listed = false;
        for (size_t k = 0; k < sizeof exact / sizeof *exact; k++)
            listed = listed || strcmp(lip_activations[i]->name, exact[k]) == 0;
        bool claims = lip_activations[i]->accuracy.relative > 0;
        ck_assert_msg(claims != listed, "%s", lip_activations[i]->name);
    }
}
END_TEST

int main(void)
{
    int count = 0;
    while (lip_activations[count])
        count++;
    printf("seed %llu\n", (unsigned long long)seed);
    Suite *suite = suite_create("network/activations/accuracy");
    TCase *tc = tcase_create("accuracy");
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, value_is_as_close_as_claimed, 0, count);
    tcase_add_loop_test(tc, pieces_are_the_function, 0, count);
    tcase_add_test(tc, only_exact_ones_claim_nothing);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
