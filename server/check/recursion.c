/* SPDX-License-Identifier: MIT
 *
 * The theorem "block-recursion". With z_0 = x and y_i = W_i z_{i-1}, slopes in
 * [a, b] mean (z_i - a y_i)(z_i - b y_i) <= 0 for each neuron, so that
 *
 *     |x|^2 + sum_i Lambda_i (z_i - a y_i)(z_i - b y_i) >= |W_l z_{l-1}|^2/L^2
 *
 * for all x, z_1, ..., z_{l-1} (of differences) makes L a bound. The matrix of
 * this form is block tridiagonal; its blocks are eliminated from the first on,
 * and each must be positive definite:
 *
 *     X_0 = I,  D_i = X_{i-1} + W_i^T P_i Lambda_i W_i,
 *     X_i = Lambda_i - M_i Lambda_i W_i D_i^-1 W_i^T Lambda_i M_i,
 *
 * P = a b, M = (a + b)/2; and at the end |X_{l-1}^{-1/2} W_l^T|_2 <= L. */
#include "server/check/check.h"

/* Y = R^-1 W^T where D = R R^T; good where the verdict is PROVED. */
static arb_mat_struct *solve(struct check *c, enum verdict *verdict,
                             const arb_mat_t d, const arb_mat_t w)
{
    slong n = arb_mat_nrows(d);
    arb_mat_struct *r = matrix(c, n, n), *y = transpose(c, w);
    *verdict = cholesky(r, d, c->bits);
    if (*verdict == PROVED)
        arb_mat_solve_tril(y, r, y, 0, c->bits);
    return y;
}

/* X_{i-1} in x becomes X_i. */
static enum verdict step(struct check *c, arb_mat_t x, slong i)
{
    const arb_mat_struct *w = &c->w[i];
    arb_ptr lo = c->range[i].rows[0], hi = c->range[i].rows[1];
    slong m = arb_mat_nrows(w);
    arb_ptr p = vector(c, m), mid = vector(c, m), l = evidence_row(c, i, m);
    if (!l)
        return REFUTED;
    for (slong k = 0; k < m; k++) {
        if (arb_is_negative(l + k))
            return refuse(c, "A multiplier of layer %ld is negative.", i + 1);
        arb_mul(p + k, lo + k, hi + k, c->bits);
        arb_mul(p + k, p + k, l + k, c->bits);
        arb_add(mid + k, lo + k, hi + k, c->bits);
        arb_mul_2exp_si(mid + k, mid + k, -1);
        arb_mul(mid + k, mid + k, l + k, c->bits);
    }
    if (!_arb_vec_is_zero(p, m))
        arb_mat_add(x, x, product(c, transpose(c, w), scale(c, p, w)), c->bits);
    enum verdict verdict;
    const arb_mat_struct *y = solve(c, &verdict, x, scale(c, mid, w));
    if (verdict == REFUTED)
        refuse(c, "Block %ld of the form is not positive definite.", i + 1);
    if (verdict != PROVED)
        return verdict;
    arb_mat_swap(x, product(c, transpose(c, y), y));
    arb_mat_neg(x, x);
    for (slong k = 0; k < m; k++)
        arb_add(x->rows[k] + k, x->rows[k] + k, l + k, c->bits);
    return PROVED;
}

/* W_1 matters through W_1 W_1^T only: where it has more columns than rows, a
 * Cholesky factor of that takes its place. */
static void narrow(struct check *c)
{
    slong m = arb_mat_nrows(c->w);
    arb_mat_struct *gram = product(c, c->w, transpose(c, c->w));
    arb_mat_struct *l = matrix(c, m, m);
    if (m < arb_mat_ncols(c->w) && cholesky(l, gram, c->bits) == PROVED)
        arb_mat_swap(c->w, l);
}

enum verdict recursion_check(struct check *c)
{
    if (c->from != TWO || c->to != TWO)
        return refuse(c, "The theorem speaks of the 2-norm only.");
    narrow(c);
    arb_mat_struct *x = matrix(c, arb_mat_ncols(c->w), arb_mat_ncols(c->w));
    arb_mat_one(x);
    enum verdict verdict = PROVED;
    size_t mark = c->used;
    for (slong i = 0; i + 1 < c->links && verdict == PROVED; i++) {
        verdict = step(c, x, i);
        release(c, mark);
    }
    if (verdict != PROVED)
        return verdict;
    const arb_mat_struct *y = solve(c, &verdict, x, &c->w[c->links - 1]);
    return verdict == PROVED ? norm_at_most(c, y, TWO, TWO, c->claim) : verdict;
}
