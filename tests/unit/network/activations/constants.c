/* SPDX-License-Identifier: MIT
 *
 * The slope constants of the transcendental activations, proven in ball
 * arithmetic (Arb): lo <= phi'(x) <= hi for every real x, and both ends are
 * the attained extremes rounded outward in the last digit.
 *
 * [-R, R] is covered by intervals X. On each, power series over balls enclose
 * phi', phi'' and phi'''. Either phi'(X) lies in [lo, hi]; or phi'' has no
 * zero in X, and phi' is monotone between its ends; or phi''' has none, phi''
 * changes its sign at most once, and its zero is bisected down to a ball of
 * 2^-100; or X is cut in two. Outside [-R, R] each function has a tail
 * argument, given with it. */
#include "network/activation.h"

#include "tests/support/suite.h"

#include <arb.h>
#include <arb_hypgeom.h>
#include <arb_poly.h>

enum { PREC = 300, LENGTH = 4, HALF_WIDTH = 20 };

/* The series of phi around the ball x, of LENGTH terms. */
typedef void series_fn(arb_poly_t out, const arb_t x);

static void variable(arb_poly_t out, const arb_t x)
{
    arb_poly_set_coeff_arb(out, 0, x);
    arb_poly_set_coeff_si(out, 1, 1);
}

/* out = 1 / (1 + e^-in); in and out may be the same */
static void logistic(arb_poly_t out, const arb_poly_t in)
{
    arb_poly_t t;
    arb_poly_init(t);
    arb_poly_neg(t, in);
    arb_poly_exp_series(t, t, LENGTH, PREC);
    arb_poly_add_si(t, t, 1, PREC);
    arb_poly_inv_series(out, t, LENGTH, PREC);
    arb_poly_clear(t);
}

/* x s(x) */
static void silu(arb_poly_t out, const arb_t x)
{
    arb_poly_t v, s;
    arb_poly_init(v);
    arb_poly_init(s);
    variable(v, x);
    logistic(s, v);
    arb_poly_mullow(out, v, s, LENGTH, PREC);
    arb_poly_clear(v);
    arb_poly_clear(s);
}

/* x s(1.702 x) */
static void quick_gelu(arb_poly_t out, const arb_t x)
{
    arb_t a;
    arb_poly_t v, s;
    arb_init(a);
    arb_poly_init(v);
    arb_poly_init(s);
    arb_set_str(a, "1.702", PREC);
    variable(v, x);
    arb_poly_scalar_mul(s, v, a, PREC);
    logistic(s, s);
    arb_poly_mullow(out, v, s, LENGTH, PREC);
    arb_clear(a);
    arb_poly_clear(v);
    arb_poly_clear(s);
}

/* x (1 + erf(x / sqrt 2)) / 2 */
static void gelu(arb_poly_t out, const arb_t x)
{
    arb_t root;
    arb_poly_t v, e;
    arb_init(root);
    arb_poly_init(v);
    arb_poly_init(e);
    arb_set_ui(root, 2);
    arb_rsqrt(root, root, PREC);
    variable(v, x);
    arb_poly_scalar_mul(e, v, root, PREC);
    arb_hypgeom_erf_series(e, e, LENGTH, PREC);
    arb_poly_add_si(e, e, 1, PREC);
    arb_poly_mullow(out, v, e, LENGTH, PREC);
    arb_poly_scalar_mul_2exp_si(out, out, -1);
    arb_clear(root);
    arb_poly_clear(v);
    arb_poly_clear(e);
}

/* x (1 + tanh u) / 2 = x s(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3) */
static void gelu_tanh(arb_poly_t out, const arb_t x)
{
    arb_t c;
    arb_poly_t v, u;
    arb_init(c);
    arb_poly_init(v);
    arb_poly_init(u);
    variable(v, x);
    arb_set_str(c, "0.044715", PREC);
    arb_poly_pow_ui_trunc_binexp(u, v, 3, LENGTH, PREC);
    arb_poly_scalar_mul(u, u, c, PREC);
    arb_poly_add(u, u, v, PREC);
    arb_const_pi(c, PREC);
    arb_mul_2exp_si(c, c, -1);
    arb_rsqrt(c, c, PREC);
    arb_mul_2exp_si(c, c, 1);
    arb_poly_scalar_mul(u, u, c, PREC);
    logistic(u, u);
    arb_poly_mullow(out, v, u, LENGTH, PREC);
    arb_clear(c);
    arb_poly_clear(v);
    arb_poly_clear(u);
}

/* x tanh(log(1 + e^x)) = x (1 - 2 / ((1 + e^x)^2 + 1)) */
static void mish(arb_poly_t out, const arb_t x)
{
    arb_poly_t v, t;
    arb_poly_init(v);
    arb_poly_init(t);
    variable(v, x);
    arb_poly_exp_series(t, v, LENGTH, PREC);
    arb_poly_add_si(t, t, 1, PREC);
    arb_poly_pow_ui_trunc_binexp(t, t, 2, LENGTH, PREC);
    arb_poly_add_si(t, t, 1, PREC);
    arb_poly_inv_series(t, t, LENGTH, PREC);
    arb_poly_scalar_mul_2exp_si(t, t, 1);
    arb_poly_neg(t, t);
    arb_poly_add_si(t, t, 1, PREC);
    arb_poly_mullow(out, v, t, LENGTH, PREC);
    arb_poly_clear(v);
    arb_poly_clear(t);
}

static void erf_series(arb_poly_t out, const arb_t x)
{
    arb_poly_t v;
    arb_poly_init(v);
    variable(v, x);
    arb_hypgeom_erf_series(out, v, LENGTH, PREC);
    arb_poly_clear(v);
}

/* A bound of |phi'(x) - step(x)| for |x| >= R = 20, step being 1 for x > 0 and
 * 0 for x < 0 (for erf: 0 on both sides).
 *
 * With s = s(x) <= e^-R on the left and 1 - s <= e^-R on the right, and t e^-t
 * falling for t >= 1:
 *   silu        |s - step| + |x| s (1 - s)       <= (1 + R) e^-R
 *   quick-gelu  the same at a x, a > 1           <= (1 + R) e^-R
 *   gelu        Phi(-|x|) + |x| Phi'(x)          <= (1 + R) e^(-R^2 / 2)
 *   gelu-tanh   with q = s(2 u), |x u'| <= 3 |u|, |u| >= R / 2:
 *               |q - step| + 2 |x u'| q (1 - q)  <= (1 + 6 |u|) e^(-2 |u|)
 *                                                <= (1 + 3 R) e^-R
 *   mish        t = tanh(log(1 + e^x)); left: t <= e^x, phi' = t +
 *               x (1 - t^2) s                    <= (1 + R) e^-R in modulus;
 *               right: 1 - t = 2 / ((1 + e^x)^2 + 1) <= 2 e^-2x, 1 - t^2 <=
 *               4 e^-2x                          <= (2 + 4 R) e^-2R
 *   erf         2 / sqrt(pi) e^(-x^2)            <= 2 e^-R
 * All are below (4 + 4 R) e^-R. */
static void tail(arb_t out)
{
    arb_set_si(out, -HALF_WIDTH);
    arb_exp(out, out, PREC);
    arb_mul_si(out, out, 4 + 4 * HALF_WIDTH, PREC);
}

/* A proof under way. Where phi' had to be looked at closely, the largest and
 * smallest proven-attained values are kept. */
struct proof {
    series_fn *series;
    arb_t lo, hi;      /* the claim */
    arb_t least, most; /* enclosures of attained values */
    long intervals;
    bool failed;
};

static bool inside(const struct proof *proof, const arb_t value)
{
    return arb_ge(value, proof->lo) && arb_le(value, proof->hi);
}

/* Coefficient k of the series at x. */
static void coefficient(arb_t out, const struct proof *proof, const arb_t x,
                        slong k)
{
    arb_poly_t p;
    arb_poly_init(p);
    proof->series(p, x);
    arb_poly_get_coeff_arb(out, p, k);
    arb_poly_clear(p);
}

/* Checks phi' on a tiny ball or a point. */
static void check_value(struct proof *proof, const arb_t x)
{
    arb_t value;
    arb_init(value);
    coefficient(value, proof, x, 1);
    if (!inside(proof, value))
        proof->failed = true;
    if (arb_lt(value, proof->least))
        arb_set(proof->least, value);
    if (arb_gt(value, proof->most))
        arb_set(proof->most, value);
    arb_clear(value);
}

/* Ball from a to b. */
static void hull(arb_t out, const arf_t a, const arf_t b)
{
    arb_set_interval_arf(out, a, b, PREC);
}

/* phi'' is monotone on [a, b] and phi''(a) has the sign `left`: narrows the
 * interval down to its zero, or to the end that it lies beyond. */
static void bisect_zero(arf_t a, arf_t b, int left, const struct proof *proof)
{
    arb_t x, second;
    arb_init(x);
    arb_init(second);
    for (int step = 0; step < 110; step++) {
        arf_add(arb_midref(x), a, b, PREC, ARF_RND_NEAR);
        arf_mul_2exp_si(arb_midref(x), arb_midref(x), -1);
        coefficient(second, proof, x, 2);
        if (arb_contains_zero(second))
            break;
        arf_set(arb_sgn_nonzero(second) == left ? a : b, arb_midref(x));
    }
    arb_clear(x);
    arb_clear(second);
}

/* Ends of [a, b], and the zero of phi'' between them where there is one. */
static void check_convex_piece(struct proof *proof, const arf_t a,
                               const arf_t b)
{
    arb_t x, left, right;
    arf_t u, v;
    arb_init(x);
    arb_init(left);
    arb_init(right);
    arf_init(u);
    arf_init(v);
    arf_set(u, a);
    arf_set(v, b);
    arb_set_arf(x, a);
    check_value(proof, x);
    coefficient(left, proof, x, 2);
    arb_set_arf(x, b);
    check_value(proof, x);
    coefficient(right, proof, x, 2);
    int sign_left = arb_sgn_nonzero(left), sign_right = arb_sgn_nonzero(right);
    if (sign_left == 0 && sign_right == 0)
        proof->failed = true;
    if (sign_left != sign_right) {
        /* An end that cannot be told from a zero counts as the sign that
         * leaves the zero inside. */
        bisect_zero(u, v, sign_left ? sign_left : -sign_right, proof);
        hull(x, u, v);
        check_value(proof, x);
    }
    arb_clear(x);
    arb_clear(left);
    arb_clear(right);
    arf_clear(u);
    arf_clear(v);
}

/* Settles [a, b], or says that it must be cut. */
static bool settle(struct proof *proof, const arf_t a, const arf_t b)
{
    arb_t x;
    arb_poly_t p;
    arb_init(x);
    arb_poly_init(p);
    hull(x, a, b);
    proof->series(p, x);
    arb_poly_fit_length(p, LENGTH);
    bool settled = true;
    if (inside(proof, p->coeffs + 1)) {
        ;
    } else if (!arb_contains_zero(p->coeffs + 2)) {
        arb_set_arf(x, a);
        check_value(proof, x);
        arb_set_arf(x, b);
        check_value(proof, x);
    } else if (!arb_contains_zero(p->coeffs + 3)) {
        check_convex_piece(proof, a, b);
    } else {
        settled = false;
    }
    arb_clear(x);
    arb_poly_clear(p);
    return settled;
}

/* Walks [-R, R] from left to right in intervals that halve where they must
 * and double where they can. Gives up where 2^-40 is still too wide. */
static void walk(struct proof *proof)
{
    arf_t a, b;
    arf_init(a);
    arf_init(b);
    arf_set_si(a, -HALF_WIDTH);
    long width = -4; /* exponent of two */
    while (!proof->failed && arf_cmp_si(a, HALF_WIDTH) < 0) {
        arf_set_si_2exp_si(b, 1, width);
        arf_add(b, a, b, PREC, ARF_RND_NEAR);
        if (settle(proof, a, b)) {
            arf_set(a, b);
            width += width < -4;
            proof->intervals++;
        } else if (--width < -40) {
            proof->failed = true;
        }
    }
    arf_clear(a);
    arf_clear(b);
}

static void check_tails(struct proof *proof)
{
    arb_t eps, value;
    arb_init(eps);
    arb_init(value);
    tail(eps);
    arb_neg(value, eps);
    if (!arb_ge(value, proof->lo) && !arb_is_zero(proof->lo))
        proof->failed = true;
    arb_add_si(value, eps, 1, PREC);
    if (!arb_le(value, proof->hi))
        proof->failed = true;
    arb_clear(eps);
    arb_clear(value);
}

static void prove(struct proof *proof, series_fn *series, double lo, double hi)
{
    arb_init(proof->lo);
    arb_init(proof->hi);
    arb_init(proof->least);
    arb_init(proof->most);
    arb_set_d(proof->lo, lo);
    arb_set_d(proof->hi, hi);
    proof->series = series;
    proof->intervals = 0;
    proof->failed = false;
    walk(proof);
    check_tails(proof);
}

static void proof_clear(struct proof *proof)
{
    arb_clear(proof->lo);
    arb_clear(proof->hi);
    arb_clear(proof->least);
    arb_clear(proof->most);
}

static const struct {
    const char *name;
    series_fn *series;
    bool lo_is_limit; /* 0, approached and never reached: phi' > 0 */
} row[] = {
    {"silu", silu, false}, {"quick-gelu", quick_gelu, false},
    {"gelu", gelu, false}, {"gelu-tanh", gelu_tanh, false},
    {"mish", mish, false}, {"erf", erf_series, true},
};
enum { ROWS = sizeof row / sizeof *row };

static struct lip_slopes slopes_of(int k)
{
    return lip_activation_find(row[k].name)->slopes((const double[]){0, 0, 0});
}

/* 0 <= attained - claimed (or the other way round) <= 1e-15 */
static void assert_tight(const arb_t larger, const arb_t smaller)
{
    arb_t gap;
    arb_init(gap);
    arb_sub(gap, larger, smaller, PREC);
    double most = arf_get_d(arb_midref(gap), ARF_RND_UP);
    ck_assert_msg(arb_is_nonnegative(gap) && most <= 1e-15, "gap %g", most);
    arb_clear(gap);
}

START_TEST(slopes_hold_everywhere_and_are_attained)
{
    struct lip_slopes s = slopes_of(_i);
    struct proof proof;
    prove(&proof, row[_i].series, s.lo, s.hi);
    ck_assert_msg(!proof.failed, "%s: [%.17g, %.17g] is not proven",
                  row[_i].name, s.lo, s.hi);
    assert_tight(proof.hi, proof.most);
    if (row[_i].lo_is_limit)
        ck_assert(s.lo == 0);
    else
        assert_tight(proof.least, proof.lo);
    proof_clear(&proof);
}
END_TEST

/* The proof itself must refuse a constant that is one digit too tight. */
START_TEST(tighter_slopes_are_refused)
{
    struct lip_slopes s = slopes_of(_i);
    struct proof proof;
    prove(&proof, row[_i].series, s.lo, nextafter(s.hi, 0));
    ck_assert(proof.failed);
    proof_clear(&proof);
    if (row[_i].lo_is_limit)
        return;
    prove(&proof, row[_i].series, nextafter(s.lo, 0), s.hi);
    ck_assert(proof.failed);
    proof_clear(&proof);
}
END_TEST

/* phi' is scale on the right, scale alpha e^x on the left, so that hi must be
 * scale alpha, rounded up once. */
START_TEST(selu_slope_is_scale_times_alpha)
{
    struct lip_slopes s = lip_activation_find("selu")->slopes(NULL);
    arb_t alpha, scale, hi;
    arb_init(alpha);
    arb_init(scale);
    arb_init(hi);
    arb_set_str(alpha, "1.6732632423543772848170429916717", PREC);
    arb_set_str(scale, "1.0507009873554804934193349852946", PREC);
    arb_mul(scale, scale, alpha, PREC);
    arb_set_d(hi, s.hi);
    assert_tight(hi, scale);
    ck_assert(s.lo == 0);
    arb_clear(alpha);
    arb_clear(scale);
    arb_clear(hi);
}
END_TEST

/* 1/6 is not a double: the slope of hard-sigmoid is the next one up. */
START_TEST(hard_sigmoid_slope_is_a_sixth_rounded_up)
{
    struct lip_slopes s = lip_activation_find("hard-sigmoid")->slopes(NULL);
    arb_t sixth, hi;
    arb_init(sixth);
    arb_init(hi);
    arb_set_ui(sixth, 1);
    arb_div_ui(sixth, sixth, 6, PREC);
    arb_set_d(hi, s.hi);
    assert_tight(hi, sixth);
    arb_clear(sixth);
    arb_clear(hi);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/activations/constants");
    TCase *proofs = tcase_create("proofs");
    tcase_set_timeout(proofs, 120);
    tcase_add_loop_test(proofs, slopes_hold_everywhere_and_are_attained, 0,
                        ROWS);
    tcase_add_loop_test(proofs, tighter_slopes_are_refused, 0, ROWS);
    tcase_add_test(proofs, selu_slope_is_scale_times_alpha);
    tcase_add_test(proofs, hard_sigmoid_slope_is_a_sixth_rounded_up);
    suite_add_tcase(suite, proofs);
    return run_suite(suite);
}
