/* SPDX-License-Identifier: MIT
 *
 * Matrices of balls, and comparisons that say when they are certain. */
#include "server/check/check.h"

arb_mat_struct *matrix(struct check *c, slong rows, slong cols)
{
    if (c->used == SHELF)
        flint_abort();
    arb_mat_init(&c->shelf[c->used], rows, cols);
    return &c->shelf[c->used++];
}

arb_ptr vector(struct check *c, slong n)
{
    return matrix(c, 1, n > 0 ? n : 1)->rows[0];
}

void release(struct check *c, size_t mark)
{
    while (c->used > mark)
        arb_mat_clear(&c->shelf[--c->used]);
}

arb_mat_struct *transpose(struct check *c, const arb_mat_t a)
{
    arb_mat_struct *t = matrix(c, arb_mat_ncols(a), arb_mat_nrows(a));
    arb_mat_transpose(t, a);
    return t;
}

arb_mat_struct *product(struct check *c, const arb_mat_t a, const arb_mat_t b)
{
    arb_mat_struct *p = matrix(c, arb_mat_nrows(a), arb_mat_ncols(b));
    arb_mat_mul(p, a, b, c->bits);
    return p;
}

arb_mat_struct *scale(struct check *c, arb_srcptr f, const arb_mat_t a)
{
    slong n = arb_mat_ncols(a);
    arb_mat_struct *s = matrix(c, arb_mat_nrows(a), n);
    for (slong k = 0; k < arb_mat_nrows(a); k++)
        _arb_vec_scalar_mul(s->rows[k], a->rows[k], n, f + k, c->bits);
    return s;
}

void norm_of(arb_t out, arb_srcptr x, slong n, enum norm p, slong bits)
{
    arb_t t;
    arb_init(t);
    arb_zero(out);
    for (slong k = 0; k < n; k++) {
        arb_abs(t, x + k);
        if (p == INF)
            arb_max(out, out, t, bits);
        else if (p == ONE)
            arb_add(out, out, t, bits);
        else
            arb_addmul(out, t, t, bits);
    }
    if (p == TWO)
        arb_sqrt(out, out, bits);
    arb_clear(t);
}

enum verdict cholesky(arb_mat_t l, const arb_mat_t a, slong bits)
{
    for (slong i = 0; i < arb_mat_nrows(a); i++)
        for (slong j = 0; j <= i; j++) {
            arb_ptr x = arb_mat_entry(l, i, j);
            arb_dot(x, arb_mat_entry(a, i, j), 1, l->rows[i], 1, l->rows[j], 1,
                    j, bits);
            if (i > j)
                arb_div(x, x, arb_mat_entry(l, j, j), bits);
            else if (arb_is_positive(x))
                arb_sqrt(x, x, bits);
            else
                return arb_is_nonpositive(x) ? REFUTED : UNDECIDED;
        }
    return PROVED;
}

enum verdict at_most(const arb_t x, const arb_t y)
{
    return arb_le(x, y) ? PROVED : arb_gt(x, y) ? REFUTED : UNDECIDED;
}

/* The q-norm of the p-norms of the rows of A. */
static enum verdict rows_at_most(struct check *c, const arb_mat_t a,
                                 enum norm p, enum norm q, const arb_t y)
{
    slong m = arb_mat_nrows(a);
    arb_ptr row = vector(c, m), all = vector(c, 1);
    for (slong i = 0; i < m; i++)
        norm_of(row + i, a->rows[i], arb_mat_ncols(a), p, c->bits);
    norm_of(all, row, m, q, c->bits);
    return at_most(all, y);
}

/* sqrt(d) |A|_2 <= y: where |A|_F is, or (y^2/d) I - A A^T is positive definite
 * (A A^T or A^T A, whichever is smaller). */
static enum verdict spectral_at_most(struct check *c, const arb_mat_t a,
                                     const arb_mat_t t, slong d, const arb_t y)
{
    bool wide = arb_mat_nrows(a) < arb_mat_ncols(a);
    slong n = wide ? arb_mat_nrows(a) : arb_mat_ncols(a);
    arb_ptr square = vector(c, 2);
    arb_sqr(square, y, c->bits);
    arb_div_si(square, square, d, c->bits);
    arb_mat_frobenius_norm(square + 1, a, c->bits);
    arb_sqr(square + 1, square + 1, c->bits);
    if (arb_le(square + 1, square))
        return PROVED;
    arb_mat_struct *gap = product(c, wide ? a : t, wide ? t : a);
    arb_mat_neg(gap, gap);
    for (slong k = 0; k < n; k++)
        arb_add(gap->rows[k] + k, gap->rows[k] + k, square, c->bits);
    return cholesky(matrix(c, n, n), gap, c->bits);
}

enum verdict norm_at_most(struct check *c, const arb_mat_t a, enum norm p,
                          enum norm q, const arb_t y)
{
    if (!arb_is_nonnegative(y)) /* y^2 stands for y below */
        return REFUTED;
    size_t mark = c->used;
    const arb_mat_struct *t = transpose(c, a);
    slong m = arb_mat_nrows(a), n = arb_mat_ncols(a);
    enum verdict verdict = UNDECIDED;
    if (q == INF)
        verdict = rows_at_most(c, a, 2 - p, INF, y);
    else if (p == ONE)
        verdict = rows_at_most(c, t, q, INF, y);
    else if (p == INF) /* as if all of A were positive */
        verdict = rows_at_most(c, a, ONE, q, y);
    else if (q == ONE)
        verdict = rows_at_most(c, t, ONE, TWO, y);
    if (verdict != PROVED && p != ONE && q != INF)
        verdict = spectral_at_most(c, a, t,
                                   (p == INF ? n : 1) * (q == ONE ? m : 1), y);
    release(c, mark);
    return verdict;
}
