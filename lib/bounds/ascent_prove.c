/* SPDX-License-Identifier: MIT
 *
 * What the present vectors of an ascent prove.
 *
 * Feasible vectors z*, of which the numbers in a->z are the values but for
 * |z_k - z*_k| <= off[k]. off is 0 (z* is what is stored) wherever the ball is
 * wide enough to take in all roundings. */
#include "bounds/ascent.h"
#include "bounds/ascent_sweep.h"

#include "linalg/blas.h"

#include <stdbool.h>
#include <string.h>

/* error[k] >= |fl(y_k) - y*_k|_2 with y* = W z* for the exact W:
 * sum_j |w_kj| (gamma |z_j| + off_j) + radius |Z*|_F, everything rounded up. */
static void propagation_error(struct lip_ascent *a, size_t i)
{
    const struct lip_link *link = &a->chain->link[i - 1];
    const struct lip_matrix *w = &link->transposed;
    size_t r = a->rank, n = w->rows;
    double gamma = lip_gamma(n + 4), all = lip_matrix_frobenius(&a->z[i - 1]);
    for (size_t j = 0; j < n; j++) {
        double size = lip_ascent_length(a->z[i - 1].data + j * r, r);
        all = lip_add_up(all, a->off[j]);
        a->norm[j] =
            size > 0 ? lip_mul_up(gamma, lip_inflate(size, r + 12)) : 0;
        a->norm[j] = lip_add_up(a->norm[j], a->off[j]);
    }
    for (size_t k = 0; k < w->cols; k++) {
        const double *column = w->data + k * n;
        double sum = 0;
        bool reached = link->radius > 0;
        for (size_t j = 0; j < n; j++) {
            sum += fabs(column[j]) * a->norm[j];
            reached = reached || (column[j] != 0 && a->norm[j] > 0);
        }
        double hidden = lip_mul_up(link->radius, all);
        a->error[k] = reached ? lip_add_up(lip_inflate(sum, n + 2), hidden) : 0;
    }
}

/* Places z_k like a sweep, but so that |z_k - m y*_k| <= half |y*_k| holds for
 * the exact y*_k: |m fl(y) - m y*| + (rounding of z) + reach <= half (|fl(y)| -
 * error). Where nothing is left of the ball, z*_k is its very centre m y*_k,
 * which is known to within off[k]. */
static void place_safely(struct lip_ascent *a, size_t i)
{
    size_t r = a->rank;
    const struct lip_slopes *slope = a->chain->slopes[i - 1];
    for (size_t k = 0; k < a->z[i].cols; k++) {
        const double *y = a->y[i].data + k * r, *s = a->s[i].data + k * r;
        double *z = a->z[i].data + k * r;
        double lo = slope[k].lo, hi = slope[k].hi;
        double mid = 0.5 * (lo + hi), half = 0.5 * (hi - lo);
        double yl = lip_ascent_length(y, r), sl = lip_ascent_length(s, r),
               steep = fabs(mid) + half;
        /* 8 (r + 16) u (|m| + half) |y| covers every rounding of z, of the
         * norms and of mid and half. */
        double loss = a->error[k] * steep * 1.0001 +
                      8 * (double)(r + 16) * LIP_UNIT * steep * yl + LIP_TINY;
        double reach = half * yl - loss;
        bool room = reach > 0 && sl > 0.5;
        for (size_t c = 0; c < r; c++)
            z[c] = room ? mid * y[c] + reach * (s[c] / sl) : mid * y[c];
        a->off[k] = room || steep == 0 || (yl == 0 && a->error[k] == 0)
                        ? 0
                        : loss * 1.0001;
    }
}

/* lip_ascent_moderate() and the error bounds with it. A power of two, but
 * numbers may fall below the smallest double: up to 2^20 what falls is below
 * the slack that place_safely left. */
static long scale_safely(struct lip_ascent *a, size_t i)
{
    long e = lip_ascent_moderate(&a->z[i]);
    for (size_t k = 0; k < a->z[i].cols; k++) {
        if (a->off[k] > 0)
            a->off[k] = lip_add_up(ldexp(a->off[k], (int)-e), LIP_TINY);
        if (e > 20)
            a->off[k] = lip_add_up(a->off[k], LIP_TINY);
    }
    return e;
}

struct lip_big lip_ascent_prove(struct lip_ascent *a)
{
    static const struct lip_big nothing = {0, 0};
    size_t l = a->chain->count;
    long e = 0;
    a->current = false;
    memcpy(a->z[0].data, a->state,
           a->rank * a->chain->inputs * sizeof *a->state);
    lip_ascent_moderate(&a->z[0]);
    memset(a->off, 0, a->chain->inputs * sizeof *a->off);
    double from = lip_matrix_frobenius(&a->z[0]);
    for (size_t i = 1; i <= l; i++) {
        lip_gemm(&a->y[i], &a->z[i - 1], false,
                 &a->chain->link[i - 1].transposed, false);
        propagation_error(a, i);
        e += a->chain->link[i - 1].exponent;
        a->power[i] = e;
        if (i == l)
            break;
        place_safely(a, i);
        e += scale_safely(a, i);
    }
    double to = lip_ascent_length(a->y[l].data, a->rank * a->y[l].cols),
           error = 0;
    for (size_t k = 0; k < a->y[l].cols; k++)
        error = lip_add_up(error, a->error[k]);
    double gamma = lip_gamma(a->rank * a->y[l].cols + 12);
    to = lip_down(lip_down(to * (1 - gamma)) - error);
    if (!(to > 0 && from > 0))
        return nothing;
    double value = lip_div_down(to, from);
    int k = 0;
    double m = frexp(value, &k);
    return (struct lip_big){m, e + k};
}
