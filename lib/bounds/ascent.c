/* SPDX-License-Identifier: MIT
 *
 * Vectors propagated through the network, their directions improved by
 * alternating maximisation. */
#include "bounds/ascent.h"

#include "linalg/blas.h"
#include "linalg/random.h"

#include <stdbool.h>
#include <string.h>

/* The matrices of a layer; s is a view into the state. */
static enum lip_status new_layer(struct lip_ascent *a, size_t i, size_t offset)
{
    size_t n = lip_chain_width(a->chain, i);
    enum lip_status status = lip_matrix_new(&a->z[i], a->rank, n, a->ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&a->y[i], a->rank, n, a->ctx);
    if (i < a->chain->count)
        a->s[i] = (struct lip_matrix){a->rank, n, a->state + offset};
    return status;
}

static enum lip_status new_state(struct lip_ascent *a)
{
    size_t l = a->chain->count;
    for (size_t i = 0; i < l; i++)
        a->size += a->rank * lip_chain_width(a->chain, i);
    a->state = lip_alloc(a->ctx, 4 * a->size, sizeof *a->state);
    a->z = lip_calloc(a->ctx, 3 * (l + 1), sizeof *a->z);
    a->norm = lip_alloc(a->ctx, 3 * a->chain->widest, sizeof *a->norm);
    a->power = lip_calloc(a->ctx, l + 1, sizeof *a->power);
    if (!a->state || !a->z || !a->norm || !a->power)
        return LIP_NO_MEMORY;
    a->image = a->state + a->size;
    a->next = a->image + a->size;
    a->best = a->next + a->size;
    a->s = a->z + l + 1;
    a->y = a->s + l + 1;
    a->error = a->norm + a->chain->widest;
    a->off = a->error + a->chain->widest;
    return LIP_OK;
}

enum lip_status lip_ascent_new(struct lip_ascent *out,
                               const struct lip_chain *chain, size_t rank,
                               struct lip_ctx *ctx)
{
    *out = (struct lip_ascent){
        .chain = chain, .ctx = ctx, .rank = rank, .random = 5};
    enum lip_status status = new_state(out);
    size_t offset = 0;
    for (size_t i = 0; status == LIP_OK && i <= chain->count; i++) {
        status = new_layer(out, i, offset);
        offset += rank * lip_chain_width(chain, i);
    }
    if (status == LIP_OK)
        status = lip_matrix_new(&out->q, rank, chain->widest, ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&out->t, rank, chain->widest, ctx);
    if (status == LIP_OK)
        status = lip_anderson_new(&out->anderson, out->size, 1, ctx);
    if (status != LIP_OK) {
        lip_ascent_clear(out);
        return ctx && ctx->error.status ? ctx->error.status : status;
    }
    size_t inputs = rank * chain->inputs;
    memset(out->state, 0, out->size * sizeof *out->state);
    lip_random_fill(out->state, inputs, 11);
    return LIP_OK;
}

void lip_ascent_clear(struct lip_ascent *a)
{
    for (size_t i = 0; a->y && i <= a->chain->count; i++) {
        lip_matrix_clear(&a->z[i]);
        lip_matrix_clear(&a->y[i]);
    }
    lip_free(a->z);
    lip_free(a->state);
    lip_matrix_clear(&a->q);
    lip_matrix_clear(&a->t);
    lip_anderson_clear(&a->anderson);
    lip_free(a->norm);
    lip_free(a->power);
    *a = (struct lip_ascent){0};
}

/* Eight running sums, which the compiler can keep in vector registers. */
static double sum_of_squares(const double *x, size_t r)
{
    double sum[8] = {0}, total = 0;
    size_t i = 0;
    for (; i + 8 <= r; i += 8)
        for (size_t k = 0; k < 8; k++)
            sum[k] += x[i + k] * x[i + k];
    for (; i < r; i++)
        total += x[i] * x[i];
    for (size_t k = 0; k < 8; k++)
        total += sum[k];
    return total;
}

/* |x|, right to (r + 8) u also where the squares would vanish. */
static double length(const double *x, size_t r)
{
    double sum = sum_of_squares(x, r), part[8];
    if (!(sum < 0x1p-900))
        return sqrt(sum);
    sum = 0;
    for (size_t i = 0; i < r; i += 8) {
        size_t n = r - i < 8 ? r - i : 8;
        for (size_t k = 0; k < n; k++)
            part[k] = x[i + k] * 0x1p700;
        sum += sum_of_squares(part, n);
    }
    return sqrt(sum) * 0x1p-700;
}

/* Scales by a power of two to a largest entry near 1; returns the power. */
static long moderate(struct lip_matrix *m)
{
    double most[8] = {0};
    size_t count = m->rows * m->cols;
    for (size_t i = 0; i < count; i++) {
        double x = fabs(m->data[i]);
        most[i % 8] = x > most[i % 8] ? x : most[i % 8];
    }
    for (size_t k = 1; k < 8; k++)
        most[0] = most[k] > most[0] ? most[k] : most[0];
    int e = 0;
    frexp(most[0], &e);
    double scale = ldexp(1, -e);
    for (size_t i = 0; i < count; i++)
        m->data[i] *= scale;
    return e;
}

/* Y_i = Z_{i-1} W_i^T. */
static void propagate(struct lip_ascent *a, size_t i)
{
    lip_gemm(&a->y[i], &a->z[i - 1], false, &a->chain->link[i - 1].transposed,
             false);
}

/* z_k = m y_k + shrink[k] half |y_k| s_k; a neuron without a direction yet
 * takes the steeper end of its range. */
static void place(struct lip_ascent *a, size_t i)
{
    size_t r = a->rank;
    const struct lip_slopes *slope = a->chain->slopes[i - 1];
    for (size_t k = 0; k < a->z[i].cols; k++) {
        const double *y = a->y[i].data + k * r, *s = a->s[i].data + k * r;
        double *z = a->z[i].data + k * r;
        double mid = 0.5 * (slope[k].lo + slope[k].hi);
        double reach = 0.5 * (slope[k].hi - slope[k].lo) * length(y, r);
        bool directed = length(s, r) > 0.5;
        double end =
            fabs(slope[k].lo) > slope[k].hi ? slope[k].lo : slope[k].hi;
        for (size_t c = 0; c < r; c++)
            z[c] = directed ? mid * y[c] + reach * s[c] : end * y[c];
    }
}

/* Columns of a layer's directions to length 1, the input to F-norm 1. */
static void normalise(double *x, size_t r, size_t columns)
{
    for (size_t k = 0; k < columns; k++) {
        double size = length(x + k * r, r);
        for (size_t c = 0; size > 0 && c < r; c++)
            x[k * r + c] /= size;
    }
}

static void normalise_state(struct lip_ascent *a)
{
    size_t inputs = a->rank * a->chain->inputs;
    normalise(a->state, inputs, 1);
    normalise(a->state + inputs, a->rank, (a->size - inputs) / a->rank);
}

/* Forward through all layers; the value is |Y_l|_F / |Z_0|_F. */
static struct lip_big forward(struct lip_ascent *a)
{
    size_t l = a->chain->count;
    normalise_state(a);
    memcpy(a->z[0].data, a->state,
           a->rank * a->chain->inputs * sizeof *a->state);
    long e = moderate(&a->z[0]);
    for (size_t i = 1; i <= l; i++) {
        propagate(a, i);
        e += a->chain->link[i - 1].exponent;
        a->power[i] = e;
        if (i == l)
            break;
        place(a, i);
        e += moderate(&a->z[i]);
    }
    double to = length(a->y[l].data, a->rank * a->y[l].cols);
    a->current = true;
    return a->value = lip_big_make(to, e);
}

/* One multiplier from |q|, |y| and half the width of the sector. `most` is the
 * largest |q| |y| of the layer, which no rescaling of neurons changes: what is
 * far below it is lifted to 1e-9 of it. Neurons that no signal reaches cost
 * nothing and get a large multiplier, though not so large that rounding
 * matters. */
static double multiplier(double q, double y, double half, double most)
{
    if (y > 0)
        return fmax(q, 1e-9 * most / y) / (half * y);
    return q > 0 && most > 0 ? q * q / (1e-6 * half * most) : 0;
}

/* Sectors narrower than this part of their slope count as so wide: see
 * rule.c. */
static const double NARROW = 0x1p-13;

/* Multipliers of hidden layer i from q, which carries 2^power. */
static void keep_multipliers(struct lip_multipliers *keep,
                             const struct lip_ascent *a, size_t i, long power)
{
    size_t r = a->rank, n = a->q.cols;
    double *lambda = keep->lambda[i - 1], largest = 0, most = 0;
    long e = power - a->power[i] - 2 * a->value.e;
    double scale = (e % 2 ? 2 : 1) / (a->value.m * a->value.m);
    keep->exponent[i - 1] = -(e - (e % 2 ? 1 : 0)) / 2;
    for (size_t k = 0; k < n; k++)
        most = fmax(most, length(a->q.data + k * r, r) *
                              length(a->y[i].data + k * r, r));
    for (size_t k = 0; k < n; k++) {
        struct lip_slopes s = a->chain->slopes[i - 1][k];
        double half =
            fmax(0.5 * (s.hi - s.lo), NARROW * fmax(fabs(s.lo), fabs(s.hi)));
        double x =
            scale * multiplier(length(a->q.data + k * r, r),
                               length(a->y[i].data + k * r, r), half, most);
        lambda[k] = isfinite(x) ? x : 0;
        largest = fmax(largest, lambda[k]);
    }
    for (size_t k = 0; k < n; k++)
        lambda[k] = lambda[k] > 0 ? lambda[k] : largest > 0 ? largest : 1;
}

/* Through one layer of activations backward: t = m q + half |q| y / |y|, and
 * the directions that the gradient asks for into image. */
static void backward_layer(struct lip_ascent *a, size_t i, double *image)
{
    size_t r = a->rank;
    const struct lip_slopes *slope = a->chain->slopes[i - 1];
    a->t.cols = a->q.cols;
    for (size_t k = 0; k < a->q.cols; k++) {
        const double *g = a->q.data + k * r, *y = a->y[i].data + k * r;
        const double *s = a->s[i].data + k * r;
        double *out = a->t.data + k * r, *wanted = image + k * r;
        double mid = 0.5 * (slope[k].lo + slope[k].hi);
        double half = 0.5 * (slope[k].hi - slope[k].lo);
        double gl = length(g, r), yl = length(y, r);
        for (size_t c = 0; c < r; c++) {
            wanted[c] = gl > 0 ? g[c] / gl : s[c];
            out[c] = mid * g[c] + (yl > 0 ? half * gl * y[c] / yl : 0);
        }
    }
}

/* The image of the state: directions from the objective's gradient, last layer
 * first, and the input it asks for; the multipliers of the present vectors
 * where wanted. After forward(). */
static void backward(struct lip_ascent *a, struct lip_multipliers *keep)
{
    size_t l = a->chain->count, r = a->rank;
    long e = a->power[l];
    a->t.cols = a->y[l].cols;
    memcpy(a->t.data, a->y[l].data, r * a->t.cols * sizeof(double));
    for (size_t i = l; i > 0; i--) {
        e += moderate(&a->t) + a->chain->link[i - 1].exponent;
        a->q.cols = a->z[i - 1].cols;
        lip_gemm(&a->q, &a->t, false, &a->chain->link[i - 1].transposed, true);
        if (i == 1)
            break;
        if (keep)
            keep_multipliers(keep, a, i - 1, e);
        backward_layer(a, i - 1, a->image + (a->s[i - 1].data - a->state));
    }
    size_t inputs = r * a->chain->inputs;
    memcpy(a->image, a->q.data, inputs * sizeof *a->image);
    normalise(a->image, inputs, 1);
}

/* state + step (image - state): step 1 is alternating maximisation, up to 2
 * over-relaxation. */
static struct lip_big relax(struct lip_ascent *a, double step)
{
    for (size_t i = 0; i < a->size; i++)
        a->state[i] += step * (a->image[i] - a->state[i]);
    return forward(a);
}

/* An accelerated step, or a relaxed one where it would lower the value. */
static struct lip_big accelerate(struct lip_ascent *a)
{
    struct lip_big before = a->value;
    memcpy(a->best, a->state, a->size * sizeof *a->state);
    for (size_t i = 0; i < a->size; i++)
        a->image[i] -= a->state[i];
    lip_anderson_propose(a->next, &a->anderson, a->state, a->image);
    memcpy(a->state, a->next, a->size * sizeof *a->state);
    forward(a);
    if (isfinite(a->value.m) && !lip_big_less(a->value, before))
        return a->value;
    lip_anderson_forget(&a->anderson);
    memcpy(a->state, a->best, a->size * sizeof *a->state);
    for (size_t i = 0; i < a->size; i++)
        a->image[i] += a->best[i];
    return relax(a, 1.8);
}

struct lip_big lip_ascent_run(struct lip_ascent *a, int sweeps, bool fast)
{
    if (!a->current)
        forward(a);
    for (int k = 0; k < sweeps; k++) {
        /* Directions that no gradient has set yet are not mixed. */
        bool fresh = a->chain->count > 1 &&
                     length(a->s[a->chain->count - 1].data, a->rank) < 0.5;
        backward(a, NULL);
        if (fresh)
            relax(a, 1);
        else if (fast)
            accelerate(a);
        else
            relax(a, 1.9);
    }
    return a->value;
}

void lip_ascent_perturb(struct lip_ascent *a, double size)
{
    lip_random_fill(a->next, a->size, lip_random_next(&a->random));
    size_t inputs = a->rank * a->chain->inputs;
    double scale = size / sqrt((double)inputs);
    for (size_t i = 0; i < a->size; i++)
        a->state[i] += (i < inputs ? scale : size) * a->next[i];
    lip_anderson_forget(&a->anderson);
    forward(a);
}

void lip_ascent_multipliers(struct lip_multipliers *out, struct lip_ascent *a)
{
    if (!a->current)
        forward(a);
    backward(a, out);
}

/* --- the proof --------------------------------------------------------------
 *
 * Feasible vectors z*, of which the numbers in a->z are the values but for
 * |z_k - z*_k| <= off[k]. off is 0 (z* is what is stored) wherever the ball is
 * wide enough to take in all roundings. */

/* error[k] >= |fl(y_k) - y*_k|_2 with y* = W z* for the exact W:
 * sum_j |w_kj| (gamma |z_j| + off_j) + radius |Z*|_F, everything rounded up. */
static void propagation_error(struct lip_ascent *a, size_t i)
{
    const struct lip_link *link = &a->chain->link[i - 1];
    const struct lip_matrix *w = &link->transposed;
    size_t r = a->rank, n = w->rows;
    double gamma = lip_gamma(n + 4), all = lip_matrix_frobenius(&a->z[i - 1]);
    for (size_t j = 0; j < n; j++) {
        double size = length(a->z[i - 1].data + j * r, r);
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

/* Like place(), but so that |z_k - m y*_k| <= half |y*_k| holds for the exact
 * y*_k: |m fl(y) - m y*| + (rounding of z) + reach <= half (|fl(y)| - error).
 * Where nothing is left of the ball, z*_k is its very centre m y*_k, which is
 * known to within off[k]. */
static void place_safely(struct lip_ascent *a, size_t i)
{
    size_t r = a->rank;
    const struct lip_slopes *slope = a->chain->slopes[i - 1];
    for (size_t k = 0; k < a->z[i].cols; k++) {
        const double *y = a->y[i].data + k * r, *s = a->s[i].data + k * r;
        double *z = a->z[i].data + k * r;
        double lo = slope[k].lo, hi = slope[k].hi;
        double mid = 0.5 * (lo + hi), half = 0.5 * (hi - lo);
        double yl = length(y, r), sl = length(s, r), steep = fabs(mid) + half;
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

/* moderate() and the error bounds with it. A power of two, but numbers may fall
 * below the smallest double: up to 2^20 what falls is below the slack that
 * place_safely left. */
static long scale_safely(struct lip_ascent *a, size_t i)
{
    long e = moderate(&a->z[i]);
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
    moderate(&a->z[0]);
    memset(a->off, 0, a->chain->inputs * sizeof *a->off);
    double from = lip_matrix_frobenius(&a->z[0]);
    for (size_t i = 1; i <= l; i++) {
        propagate(a, i);
        propagation_error(a, i);
        e += a->chain->link[i - 1].exponent;
        a->power[i] = e;
        if (i == l)
            break;
        place_safely(a, i);
        e += scale_safely(a, i);
    }
    double to = length(a->y[l].data, a->rank * a->y[l].cols), error = 0;
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
