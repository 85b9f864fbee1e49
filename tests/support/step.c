/* SPDX-License-Identifier: MIT
 *
 * The invariants of one step of the block recursion. */
#include "tests/support/step.h"

#include <check.h>

/* S^ + sigma I, both triangles. */
void step_gram(arb_mat_t out, const struct lip_recursion *rec)
{
    size_t n = rec->s.rows;
    arb_t sigma;
    arb_init(sigma);
    arb_set_d(sigma, rec->sigma);
    arb_mat_init(out, (slong)n, (slong)n);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++) {
            size_t at = i <= j ? i + j * n : j + i * n;
            arb_set_d(arb_mat_entry(out, i, j), rec->s.data[at]);
            if (i == j)
                arb_add(arb_mat_entry(out, i, i), arb_mat_entry(out, i, i),
                        sigma, EXACT_PREC);
        }
    arb_clear(sigma);
}

/* a - b is positive definite. */
bool step_lies_above(const arb_mat_t a, const arb_mat_t b)
{
    arb_mat_t gap;
    arb_mat_init(gap, arb_mat_nrows(a), arb_mat_ncols(a));
    arb_mat_sub(gap, a, b, EXACT_PREC);
    bool positive = exact_positive(gap);
    arb_mat_clear(gap);
    return positive;
}

/* R of the last step, without what lies below its diagonal. */
static void stored_factor(arb_mat_t out, const struct lip_recursion *rec)
{
    size_t n = rec->r.rows;
    arb_mat_init(out, (slong)n, (slong)n);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i <= j; i++)
            arb_set_d(arb_mat_entry(out, i, j), rec->r.data[i + j * n]);
}

/* R^T R <= M, in the coordinates of the step; `gram` is S^ + sigma I before
 * it. */
void step_check_factor(const struct lip_recursion *rec, arb_mat_t gram,
                       const double *lo, const double *hi)
{
    slong n = arb_mat_nrows(gram);
    arb_mat_t m, r, rr;
    arb_ptr lambda = _arb_vec_init(n);
    arb_mat_init(m, n, n);
    arb_mat_init(rr, n, n);
    for (slong i = 0; i < n; i++) {
        arb_set_d(lambda + i, rec->scaled[i]);
        for (slong j = 0; j < n; j++)
            arb_mul_2exp_si(arb_mat_entry(gram, i, j),
                            arb_mat_entry(gram, i, j),
                            rec->power[i] + rec->power[j]);
    }
    ck_assert(exact_block(m, gram, lambda, lo, hi));
    stored_factor(r, rec);
    exact_gram(rr, r);
    ck_assert_msg(step_lies_above(m, rr), "R^T R <= M does not hold");
    arb_mat_clear(m);
    arb_mat_clear(r);
    arb_mat_clear(rr);
    _arb_vec_clear(lambda, n);
}

/* |Y - R^-T D^-1 W^T|_F <= sigma at the end, the Gram matrix of that <= S^ +
 * sigma I before. */
void step_check_solution(const struct lip_recursion *rec)
{
    const struct lip_link *link = &rec->chain->link[rec->layer];
    arb_mat_t r, w, v, y, vv;
    arb_t size;
    int lowest = rec->power[0];
    exact_matrix(w, &link->transposed, false);
    slong n = arb_mat_nrows(w), next = arb_mat_ncols(w);
    for (slong i = 0; i < n; i++)
        lowest = rec->power[i] < lowest ? rec->power[i] : lowest;
    for (slong i = 0; i < n; i++)
        for (slong j = 0; j < next; j++)
            arb_mul_2exp_si(arb_mat_entry(w, i, j), arb_mat_entry(w, i, j),
                            lowest - rec->power[i]);
    stored_factor(r, rec);
    exact_solve_transposed(v, r, w);
    if (rec->layer + 1 == rec->chain->count) {
        arb_init(size);
        exact_matrix(y, &rec->y, true); /* Y^T is stored */
        arb_mat_sub(y, y, v, BALL_PREC);
        exact_frobenius(size, y);
        ck_assert_msg(exact_not_below(rec->sigma, size),
                      "the error of Y is larger than stated");
        arb_mat_clear(y);
        arb_clear(size);
    } else {
        arb_mat_init(vv, next, next);
        exact_gram(vv, v);
        step_gram(y, rec);
        ck_assert_msg(step_lies_above(y, vv),
                      "S <= S^ + sigma I does not hold");
        arb_mat_clear(y);
        arb_mat_clear(vv);
    }
    arb_mat_clear(r);
    arb_mat_clear(w);
    arb_mat_clear(v);
}
