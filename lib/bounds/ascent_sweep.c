/* SPDX-License-Identifier: MIT
 *
 * Forward and backward through all layers, tile by tile. */
#include "bounds/ascent_sweep.h"

#include "linalg/blas.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Neurons of a tile at least; weights of a layer that is cut; an exponent that
 * is far from 1. */
enum { TILE = 32, LITTLE = 20000, FAR = 100 };

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
double lip_ascent_length(const double *x, size_t r)
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
long lip_ascent_moderate(struct lip_matrix *m)
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

/* --- tiles */

struct sweep {
    struct lip_ascent *a;
    size_t layer; /* whose neurons are cut into tiles */
    double step;
    const struct lip_matrix *from; /* backward: T of the layer behind */
    struct lip_matrix *to;         /* backward: T of this layer */
    size_t tiles;
    double most[LIP_ASCENT_TILES]; /* largest |z_k| or |t_k| of each tile */
};

/* `behind`: numbers a neuron of the layer is a sum of. Where a layer is quickly
 * done, handing it over costs more than it saves. */
static void cut(struct sweep *w, size_t layer, size_t behind)
{
    size_t width = lip_chain_width(w->a->chain, layer), tiles = width / TILE;
    bool quick = (double)width * (double)behind < LITTLE;
    w->layer = layer;
    w->tiles = quick || tiles < 1         ? 1
               : tiles > LIP_ASCENT_TILES ? LIP_ASCENT_TILES
                                          : tiles;
}

/* First neuron of a tile; of the one after the last: their number. */
static size_t first(const struct sweep *w, unsigned tile)
{
    return lip_chain_width(w->a->chain, w->layer) * tile / w->tiles;
}

/* The exponent of the largest vector, where it is far from 1, with the matrix
 * scaled by it; else 0. */
static long moderate_far(struct lip_matrix *m, const struct sweep *w)
{
    double most = 0;
    int e = 0;
    for (size_t i = 0; i < w->tiles; i++)
        most = fmax(most, w->most[i]);
    frexp(most, &e);
    return most > 0 && abs(e) > FAR ? lip_ascent_moderate(m) : 0;
}

/* x <- (x + step (image - x)) / |...|; false where that is zero. */
static bool turn(double *x, const double *image, double step, size_t r)
{
    for (size_t c = 0; step > 0 && c < r; c++)
        x[c] += step * (image[c] - x[c]);
    double size = lip_ascent_length(x, r);
    if (!(size > 0))
        return false;
    double scale = 1 / size;
    for (size_t c = 0; c < r; c++)
        x[c] *= scale;
    return true;
}

/* --- forward */

/* z_k = m y_k + half |y_k| s_k; a neuron without a direction yet takes the
 * steeper end of its range. Returns a bound of |z_k|. */
static double place(double *z, const double *y, const double *s, bool directed,
                    struct lip_slopes slope, size_t r)
{
    double mid = 0.5 * (slope.lo + slope.hi), size = lip_ascent_length(y, r);
    double reach = 0.5 * (slope.hi - slope.lo) * size;
    double end = fabs(slope.lo) > slope.hi ? slope.lo : slope.hi;
    for (size_t c = 0; c < r; c++)
        z[c] = directed ? mid * y[c] + reach * s[c] : end * y[c];
    return fmax(fabs(slope.lo), fabs(slope.hi)) * size;
}

/* Y_i = Z_{i-1} W_i^T, and Z_i from it. */
static void forward_tile(void *sweep, unsigned tile)
{
    struct sweep *w = sweep;
    struct lip_ascent *a = w->a;
    size_t i = w->layer, r = a->rank, from = first(w, tile);
    size_t to = first(w, tile + 1), n = lip_chain_width(a->chain, i - 1);
    const struct lip_link *link = &a->chain->link[i - 1];
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, (int)r,
                (int)(to - from), (int)n, 1, a->z[i - 1].data, (int)r,
                link->transposed.data + from * n, (int)n, 0,
                a->y[i].data + from * r, (int)r);
    w->most[tile] = 0;
    if (i == a->chain->count)
        return;
    const double *image = a->image + (a->s[i].data - a->state);
    for (size_t k = from; k < to; k++) {
        double *s = a->s[i].data + k * r;
        bool directed = turn(s, image + k * r, w->step, r);
        double size = place(a->z[i].data + k * r, a->y[i].data + k * r, s,
                            directed, a->chain->slopes[i - 1][k], r);
        w->most[tile] = fmax(w->most[tile], size);
    }
}

struct lip_big lip_ascent_forward(struct lip_ascent *a, double step)
{
    size_t l = a->chain->count, inputs = a->rank * a->chain->inputs;
    struct sweep w = {.a = a, .step = step};
    turn(a->state, a->image, step, inputs);
    memcpy(a->z[0].data, a->state, inputs * sizeof *a->state);
    long e = lip_ascent_moderate(&a->z[0]);
    for (size_t i = 1; i <= l; i++) {
        cut(&w, i, lip_chain_width(a->chain, i - 1));
        lip_crew_run(a->crew, (unsigned)w.tiles, forward_tile, &w);
        e += a->chain->link[i - 1].exponent;
        a->power[i] = e;
        if (i < l)
            e += moderate_far(&a->z[i], &w);
    }
    double to = lip_ascent_length(a->y[l].data, a->rank * a->y[l].cols);
    a->current = true;
    return a->value = lip_big_make(to, e);
}

/* --- multipliers */

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

/* Whether that was a lift: the vectors say next to nothing of this neuron. In
 * graphs, parts of which the vectors may leave alone, it is told by a sign. */
static bool is_guess(const struct lip_ascent *a, double q, double y,
                     double most)
{
    return !a->chain->dense && !(q * y >= 1e-9 * most);
}

/* Multipliers of hidden layer i from q, which carries 2^power. */
static void keep_multipliers(struct lip_multipliers *keep,
                             const struct lip_ascent *a, size_t i, long power)
{
    size_t r = a->rank, n = lip_chain_width(a->chain, i);
    double *lambda = keep->lambda[i - 1], largest = 0, most = 0;
    long e = power - a->power[i] - 2 * a->value.e;
    double scale = (e % 2 ? 2 : 1) / (a->value.m * a->value.m);
    keep->exponent[i - 1] = -(e - (e % 2 ? 1 : 0)) / 2;
    for (size_t k = 0; k < n; k++)
        most = fmax(most, lip_ascent_length(a->q.data + k * r, r) *
                              lip_ascent_length(a->y[i].data + k * r, r));
    for (size_t k = 0; k < n; k++) {
        struct lip_slopes s = a->chain->slopes[i - 1][k];
        double half =
            fmax(0.5 * (s.hi - s.lo), NARROW * fmax(fabs(s.lo), fabs(s.hi)));
        double x =
            scale * multiplier(lip_ascent_length(a->q.data + k * r, r),
                               lip_ascent_length(a->y[i].data + k * r, r), half,
                               most);
        lambda[k] = isfinite(x) ? x : 0;
        largest = fmax(largest, lambda[k]);
    }
    for (size_t k = 0; k < n; k++) {
        lambda[k] = lambda[k] > 0 ? lambda[k] : largest > 0 ? largest : 1;
        if (is_guess(a, lip_ascent_length(a->q.data + k * r, r),
                     lip_ascent_length(a->y[i].data + k * r, r), most))
            lambda[k] = -lambda[k];
    }
}

/* --- backward */

/* Q_i = T_{i+1} W_{i+1}; then, through the activations, t = m q + half |q|
 * y / |y|, and the directions that the gradient asks for into the image. */
static void backward_tile(void *sweep, unsigned tile)
{
    struct sweep *w = sweep;
    struct lip_ascent *a = w->a;
    size_t i = w->layer, r = a->rank, from = first(w, tile);
    size_t to = first(w, tile + 1), n = lip_chain_width(a->chain, i);
    const struct lip_link *link = &a->chain->link[i];
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, (int)r,
                (int)(to - from), (int)w->from->cols, 1, w->from->data, (int)r,
                link->transposed.data + from, (int)n, 0, a->q.data + from * r,
                (int)r);
    w->most[tile] = 0;
    if (i == 0)
        return;
    double *image = a->image + (a->s[i].data - a->state);
    for (size_t k = from; k < to; k++) {
        const double *q = a->q.data + k * r, *y = a->y[i].data + k * r;
        const double *s = a->s[i].data + k * r;
        double *t = w->to->data + k * r, *wanted = image + k * r;
        struct lip_slopes slope = a->chain->slopes[i - 1][k];
        double mid = 0.5 * (slope.lo + slope.hi);
        double half = 0.5 * (slope.hi - slope.lo);
        double ql = lip_ascent_length(q, r), yl = lip_ascent_length(y, r);
        double unit = ql > 0 ? 1 / ql : 0, part = yl > 0 ? half * ql / yl : 0;
        for (size_t c = 0; c < r; c++) {
            wanted[c] = ql > 0 ? unit * q[c] : s[c];
            t[c] = mid * q[c] + part * y[c];
        }
        w->most[tile] = fmax(w->most[tile], (fabs(mid) + half) * ql);
    }
}

void lip_ascent_backward(struct lip_ascent *a, struct lip_multipliers *keep)
{
    size_t l = a->chain->count, r = a->rank, inputs = r * a->chain->inputs;
    struct lip_matrix *from = &a->t[0], *to = &a->t[1], *other;
    struct sweep w = {.a = a};
    from->cols = a->y[l].cols;
    memcpy(from->data, a->y[l].data, r * from->cols * sizeof(double));
    long e = a->power[l] + lip_ascent_moderate(from);
    for (size_t i = l - 1;; i--) {
        cut(&w, i, from->cols);
        w.from = from;
        w.to = to;
        to->cols = lip_chain_width(a->chain, i);
        e += a->chain->link[i].exponent;
        lip_crew_run(a->crew, (unsigned)w.tiles, backward_tile, &w);
        if (i == 0)
            break;
        if (keep)
            keep_multipliers(keep, a, i, e);
        e += moderate_far(to, &w);
        other = from;
        from = to;
        to = other;
    }
    memcpy(a->image, a->q.data, inputs * sizeof *a->image);
    turn(a->image, a->image, 0, inputs);
}
