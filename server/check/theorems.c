/* SPDX-License-Identifier: MIT
 *
 * The theorems, each a function of the chain, the evidence and the claim. */
#include "server/check/check.h"

#include <string.h>

static enum verdict least(enum verdict a, enum verdict b)
{
    return a < b ? a : b;
}

/* Of each neuron of layer i: the steepest slope, the midpoint of the range,
 * half its width. Any midpoint will do: they are rounded to 53 bits. */
enum what { STEEPEST, MIDPOINT, HALF };

static arb_ptr slopes(struct check *c, slong i, enum what what)
{
    slong n = arb_mat_ncols(&c->range[i]);
    arb_ptr out = vector(c, n), t = vector(c, 2);
    for (slong k = 0; k < n; k++) {
        arb_srcptr lo = c->range[i].rows[0] + k, hi = c->range[i].rows[1] + k;
        if (what != STEEPEST) {
            arf_add(arb_midref(out + k), arb_midref(lo), arb_midref(hi), 53,
                    ARF_RND_NEAR);
            arb_mul_2exp_si(out + k, out + k, -1);
        }
        if (what == MIDPOINT)
            continue;
        arb_sub(t, hi, out + k, c->bits);
        arb_sub(t + 1, lo, out + k, c->bits);
        norm_of(out + k, t, 2, INF, c->bits);
    }
    return out;
}

/* The norms along the chain, from that of the input to that of the output. */
static enum verdict check_path(struct check *c)
{
    bool good = path_at(c, 0) == c->from && path_at(c, c->links) == c->to;
    for (slong i = 0; i <= c->links; i++)
        good = good && path_at(c, i) != NO_NORM;
    if (good)
        return PROVED;
    return refuse(c, "The norms along the chain are not those of the claim.");
}

static enum verdict constant_check(struct check *c)
{
    for (slong i = 0; i < c->links; i++)
        if (arb_mat_is_zero(&c->w[i]) ||
            (i + 1 < c->links && arb_mat_is_zero(&c->range[i])))
            return PROVED;
    return refuse(c, "No matrix is zero, and no layer of activations flat.");
}

static enum verdict product_check(struct check *c)
{
    arb_ptr norm = evidence_row(c, 0, c->links), all = vector(c, 2);
    enum verdict verdict = norm ? check_path(c) : REFUTED;
    size_t mark = c->used;
    arb_one(all);
    for (slong i = 0; i < c->links && verdict == PROVED; i++) {
        arb_one(all + 1);
        if (i > 0)
            norm_of(all + 1, slopes(c, i - 1, STEEPEST),
                    arb_mat_ncols(&c->range[i - 1]), INF, c->bits);
        arb_mul(all, all, all + 1, c->bits);
        arb_mul(all, all, norm + i, c->bits);
        verdict = norm_at_most(c, &c->w[i], path_at(c, i), path_at(c, i + 1),
                               norm + i);
        release(c, mark);
    }
    return least(verdict, at_most(all, c->claim));
}

/* X <- B X or B^T X, B = |W_l| A_{l-1} ... A_1 |W_1|. */
static void through(struct check *c, arb_mat_t x, bool back)
{
    size_t mark = c->used;
    for (slong k = 0; k < c->links; k++) {
        slong i = back ? c->links - 1 - k : k;
        arb_mat_struct *t = transpose(c, &c->w[i]);
        for (slong j = 0; j < arb_mat_nrows(t) * arb_mat_ncols(t); j++)
            arb_abs(t->entries + j, t->entries + j);
        if (i > 0)
            t = scale(c, slopes(c, i - 1, STEEPEST), t);
        arb_mat_swap(x, product(c, back ? t : transpose(c, t), x));
        release(c, mark);
    }
}

/* inf->q and p->1 by B 1 and B^T 1, 2->2 by B^T B v <= L^2 v, else by B. */
static enum verdict absolute_check(struct check *c)
{
    bool back = c->from != INF && c->to == ONE;
    bool l2 = c->from == TWO && c->to == TWO, ones = c->from == INF || back;
    slong n = arb_mat_ncols(c->w), m = arb_mat_nrows(&c->w[c->links - 1]);
    slong rows = back ? m : n, cols = ones || l2 ? 1 : n;
    arb_mat_struct *x = matrix(c, rows, cols);
    arb_ptr v = evidence_row(c, 0, l2 ? n : 0), all = vector(c, 1);
    if (!v)
        return REFUTED;
    for (slong k = 0; k < rows; k++) {
        arb_one(x->rows[k] + k % cols);
        if (l2)
            arb_set(x->rows[k], v + k);
        if (!arb_is_positive(x->rows[k] + k % cols))
            return refuse(c, "The vector is not positive.");
    }
    through(c, x, back);
    if (!ones && !l2)
        return norm_at_most(c, x, c->from, c->to, c->claim);
    if (ones) {
        norm_of(all, transpose(c, x)->rows[0], arb_mat_nrows(x),
                back ? 2 - c->from : c->to, c->bits);
        return at_most(all, c->claim);
    }
    through(c, x, true);
    enum verdict verdict = PROVED;
    for (slong k = 0; k < n; k++) {
        arb_sqr(all, c->claim, c->bits);
        arb_mul(all, all, v + k, c->bits);
        verdict = least(verdict, at_most(x->rows[k], all));
    }
    return verdict;
}

/* For each j, T = W_{j+1} R_j, then W_{k+1} M_k T. */
static enum verdict averaged_check(struct check *c)
{
    slong l = c->links;
    enum verdict verdict = check_path(c);
    arb_ptr b = vector(c, l + 1);
    arb_mat_struct *t = matrix(c, 0, 0);
    size_t mark = c->used;
    arb_one(b);
    for (slong j = 0; j < l && verdict == PROVED; j++) {
        arb_mat_struct *first = transpose(c, &c->w[j]);
        if (j > 0)
            first = scale(c, slopes(c, j - 1, HALF), first);
        arb_mat_swap(t, transpose(c, first));
        for (slong k = j + 1; k <= l && verdict == PROVED; k++) {
            arb_ptr norm = evidence_row(c, k - 1, k);
            if (!norm)
                return REFUTED;
            verdict =
                norm_at_most(c, t, path_at(c, j), path_at(c, k), norm + j);
            arb_addmul(b + k, norm + j, b + j, c->bits);
            if (k < l)
                arb_mat_swap(t,
                             product(c, &c->w[k],
                                     scale(c, slopes(c, k - 1, MIDPOINT), t)));
            release(c, mark);
        }
    }
    return least(verdict, at_most(b + l, c->claim));
}

/* What each proves is an upper bound of the constant, or a lower one. */
static const struct {
    const char *name;
    enum verdict (*check)(struct check *c);
    bool lower;
} theorem[] = {
    {"constant", constant_check, false},
    {"product-of-norms", product_check, false},
    {"absolute-weights", absolute_check, false},
    {"averaged-recursion", averaged_check, false},
    {"block-recursion", recursion_check, false},
    {"difference-quotient", quotient_check, true},
};

enum verdict theorem_check(struct check *c, const char *name)
{
    for (size_t i = 0; i < sizeof theorem / sizeof *theorem; i++)
        if (!strcmp(theorem[i].name, name) && theorem[i].lower == c->lower)
            return theorem[i].check(c);
    return refuse(c, "The certificate names no theorem that is known to "
                     "prove such a claim.");
}
