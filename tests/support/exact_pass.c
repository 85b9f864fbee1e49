/* SPDX-License-Identifier: MIT
 *
 * The block recursion in ball arithmetic. */
#include "tests/support/exact.h"

void exact_pass_start(struct exact_pass *pass, const struct lip_chain *chain)
{
    arb_mat_t w;
    exact_link(w, &chain->link[0]);
    *pass = (struct exact_pass){.chain = chain};
    arb_mat_init(pass->y, arb_mat_ncols(w), arb_mat_nrows(w));
    arb_mat_transpose(pass->y, w);
    arb_mat_clear(w);
}

/* out = factor^-1 B, out initialised here; factor is lower triangular. */
static void solve(arb_mat_t out, const arb_mat_t factor, const arb_mat_t b)
{
    arb_mat_init(out, arb_mat_nrows(b), arb_mat_ncols(b));
    arb_mat_solve_tril(out, factor, b, 0, BALL_PREC);
}

void exact_solve_transposed(arb_mat_t out, const arb_mat_t factor,
                            const arb_mat_t b)
{
    arb_mat_t lower;
    slong n = arb_mat_nrows(factor);
    arb_mat_init(lower, n, n);
    arb_mat_transpose(lower, factor);
    solve(out, lower, b);
    arb_mat_clear(lower);
}

void exact_gram(arb_mat_t out, const arb_mat_t a)
{
    arb_mat_t t;
    arb_mat_init(t, arb_mat_ncols(a), arb_mat_nrows(a));
    arb_mat_transpose(t, a);
    arb_mat_mul(out, t, a, BALL_PREC);
    arb_mat_clear(t);
}

/* S <- Z = (S^-1 + P Lambda)^-1 = S - sign (Q S)^T K^-1 (Q S), with
 * K = I + sign Q S Q and Q^2 = |P| Lambda, for the P of this sign alone. False
 * where K is not positive. */
static bool couple(arb_mat_t s, arb_srcptr lambda, const double *lo,
                   const double *hi, int sign)
{
    slong n = arb_mat_nrows(s);
    bool any = false;
    for (slong k = 0; k < n; k++)
        any = any || (lo[k] != 0 && (lo[k] < 0) == (sign < 0));
    if (!any)
        return true;
    arb_mat_t side, half, kk, factor;
    arb_t q;
    arb_init(q);
    arb_mat_init(side, n, n); /* Q S */
    arb_mat_init(kk, n, n);
    arb_mat_init(factor, n, n);
    for (slong k = 0; k < n; k++) {
        arb_set_d(q, lo[k] < 0 ? -lo[k] : lo[k]);
        arb_t b;
        arb_init(b);
        arb_set_d(b, hi[k]);
        arb_mul(q, q, b, BALL_PREC);
        arb_mul(q, q, lambda + k, BALL_PREC);
        arb_sqrt(q, q, BALL_PREC);
        if ((lo[k] < 0) != (sign < 0))
            arb_zero(q);
        arb_clear(b);
        for (slong j = 0; j < n; j++) {
            arb_mul(arb_mat_entry(side, k, j), arb_mat_entry(s, k, j), q,
                    BALL_PREC);
            arb_mul(arb_mat_entry(kk, j, k), arb_mat_entry(s, j, k), q,
                    BALL_PREC);
        }
        arb_set(factor->rows[k] + 0, q); /* kept for the other side */
    }
    for (slong k = 0; k < n; k++)
        for (slong j = 0; j < n; j++) {
            arb_ptr x = arb_mat_entry(kk, k, j);
            arb_mul(x, x, factor->rows[k] + 0, BALL_PREC);
            arb_mul_si(x, x, sign, BALL_PREC);
            if (k == j)
                arb_add_ui(x, x, 1, BALL_PREC);
        }
    bool positive = arb_mat_cho(factor, kk, BALL_PREC);
    if (positive) {
        solve(half, factor, side);
        exact_gram(kk, half);
        arb_mat_scalar_mul_si(kk, kk, sign, BALL_PREC);
        arb_mat_sub(s, s, kk, BALL_PREC);
        arb_mat_clear(half);
    }
    arb_mat_clear(side);
    arb_mat_clear(kk);
    arb_mat_clear(factor);
    arb_clear(q);
    return positive;
}

/* M = Lambda - T Z T, T = Lambda (lo + hi) / 2. */
static void schur(arb_mat_t m, const arb_mat_t z, arb_srcptr lambda,
                  const double *lo, const double *hi)
{
    slong n = arb_mat_nrows(z);
    arb_ptr t = _arb_vec_init(n);
    arb_t x;
    arb_init(x);
    for (slong k = 0; k < n; k++) {
        arb_set_d(x, lo[k]);
        arb_set_d(t + k, hi[k]);
        arb_add(t + k, t + k, x, BALL_PREC);
        arb_mul_2exp_si(t + k, t + k, -1);
        arb_mul(t + k, t + k, lambda + k, BALL_PREC);
    }
    for (slong k = 0; k < n; k++)
        for (slong j = 0; j < n; j++) {
            arb_ptr y = arb_mat_entry(m, k, j);
            arb_mul(y, arb_mat_entry(z, k, j), t + k, BALL_PREC);
            arb_mul(y, y, t + j, BALL_PREC);
            arb_neg(y, y);
            if (k == j)
                arb_add(y, y, lambda + k, BALL_PREC);
        }
    _arb_vec_clear(t, n);
    arb_clear(x);
}

bool exact_block(arb_mat_t m, arb_mat_t s, arb_srcptr lambda, const double *lo,
                 const double *hi)
{
    if (!couple(s, lambda, lo, hi, 1) || !couple(s, lambda, lo, hi, -1))
        return false;
    schur(m, s, lambda, lo, hi);
    return true;
}

bool exact_pass_step(struct exact_pass *pass, const double *lambda,
                     long exponent, const double *lo, const double *hi)
{
    slong n = arb_mat_ncols(pass->y);
    arb_mat_t s, m, factor, w, t;
    arb_ptr exact = _arb_vec_init(n);
    for (slong k = 0; k < n; k++) {
        arb_set_d(exact + k, lambda[k]);
        arb_mul_2exp_si(exact + k, exact + k, exponent);
    }
    arb_mat_init(s, n, n);
    arb_mat_init(m, n, n);
    arb_mat_init(factor, n, n);
    exact_gram(s, pass->y);
    bool positive =
        exact_block(m, s, exact, lo, hi) && arb_mat_cho(factor, m, BALL_PREC);
    if (positive) {
        exact_link(w, &pass->chain->link[pass->layer + 1]);
        arb_mat_init(t, arb_mat_ncols(w), arb_mat_nrows(w));
        arb_mat_transpose(t, w);
        arb_mat_clear(pass->y);
        solve(pass->y, factor, t);
        arb_mat_clear(w);
        arb_mat_clear(t);
        pass->layer++;
    }
    arb_mat_clear(s);
    arb_mat_clear(m);
    arb_mat_clear(factor);
    _arb_vec_clear(exact, n);
    return positive;
}

void exact_pass_finish(arb_t out, struct exact_pass *pass)
{
    exact_spectral(out, pass->y);
}

void exact_pass_clear(struct exact_pass *pass)
{
    arb_mat_clear(pass->y);
}
