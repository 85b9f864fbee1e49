/* SPDX-License-Identifier: MIT
 *
 * Covers all frequencies by cells whose centres are proven to be low enough:
 * first a look at a coarse grid and a climb from its highest point for where
 * the symbol is largest, then how close a bound can be had for the work
 * allowed, then the proof, which splits a cell where it fails. A look that
 * missed the highest point costs time: the bound is raised where that shows. */
#include "bounds/norms/symbol.h"

#include "linalg/spectral.h"

#include <string.h>

/* Coarsest reach, and when cells are not split further. */
static const double REACH = 0.8;
/* What is close, and the share of the work allowed for being closer still. */
static const double CLOSE = 0.0095, LITTLE = 0.015;
enum { MOST_SAMPLES = 512, STACK = 128, CLIMB_ROUNDS = 4 };
#define SMALLEST 0x1p-20

/* A diamond |f0 - c0| / half0 + |f1 - c1| / half1 <= 1; on one axis where there
 * is one tap along the other. */
struct cell {
    double centre[2], half[2];
};

struct cover {
    const struct lip_symbol *symbol;
    struct lip_probe probe;
    struct lip_ctx *ctx;
    double slope[2]; /* reach of a cell: the larger of slope half */
    double top;      /* the largest estimate so far */
    double over;     /* limit = top (1 + over) */
    double limit;
    double first; /* reach of cells to begin with */
    double tests, allowed;
    size_t samples, groups; /* looked at */
    double sample[MOST_SAMPLES];
};

static bool flat(const struct cover *c, int axis)
{
    return c->symbol->tap[axis] == 1;
}

/* How many centres along an axis give that reach; even, so that what lies
 * opposite is one too. */
static double grid_size(const struct cover *c, int axis, double reach)
{
    if (flat(c, axis))
        return 1;
    double n = ceil(c->slope[axis] / reach / 2);
    /* Intervals are spaced by twice their half. */
    return flat(c, 1 - axis) ? fmax(n, 1) : 2 * fmax(n, 1);
}

/* Centres are rounded to multiples of 2^-26 of a turn, so that symbols are of
 * known frequencies; cells grow by as much, all halves by the same factor. */
static double rounded(double f)
{
    f = rint(ldexp(f, 26)) / 0x1p26;
    return f - floor(f);
}

static void grow(struct cell *cell)
{
    double least = INFINITY;
    for (int axis = 0; axis < 2; axis++)
        if (cell->half[axis] > 0)
            least = fmin(least, cell->half[axis]);
    double factor = lip_add_up(1, lip_div_up(0x1p-25, least));
    for (int axis = 0; axis < 2; axis++)
        cell->half[axis] = lip_mul_up(cell->half[axis], factor);
}

/* Cell number (i, j) of a grid of n[0] x n[1]; false where it is none of its
 * cells, or the mirror image of another one: sigma_max(H(-w)) is that of
 * H(w), whose kernel is real. */
static bool grid_cell(struct cell *out, const struct cover *c,
                      const double n[2], double i, double j)
{
    bool plane = !flat(c, 0) && !flat(c, 1);
    if (plane && fmod(i + j, 2) != 0)
        return false;
    double other[2] = {i == 0 ? 0 : n[0] - i, j == 0 ? 0 : n[1] - j};
    if (other[0] < i || (other[0] == i && other[1] < j))
        return false;
    *out = (struct cell){.centre = {rounded(i / n[0]), rounded(j / n[1])}};
    for (int axis = 0; axis < 2; axis++)
        out->half[axis] = flat(c, axis) ? 0 : (plane ? 1 : 0.5) / n[axis];
    grow(out);
    return true;
}

static double estimate(struct cover *c, size_t group, const double f[2])
{
    double value = lip_probe_estimate(&c->probe, group, f);
    c->tests++;
    if (value > c->top)
        c->top = value;
    return value;
}

/* Steps from f to whatever neighbour is higher, halving them. */
static void climb(struct cover *c, size_t group, const double from[2],
                  double value, double step)
{
    double f[2] = {from[0], from[1]};
    for (int round = 0; round < CLIMB_ROUNDS; round++, step /= 2)
        for (int k = 0; k < 4; k++) {
            double to[2] = {f[0], f[1]};
            to[k / 2] += k % 2 ? -step : step;
            to[k / 2] = rounded(to[k / 2]);
            if (flat(c, k / 2))
                continue;
            double found = estimate(c, group, to);
            if (found > value) {
                value = found;
                memcpy(f, to, sizeof f);
            }
        }
}

static void keep_sample(struct cover *c, double value)
{
    if (c->samples < MOST_SAMPLES)
        c->sample[c->samples++] = value;
}

static enum lip_status look(struct cover *c)
{
    const struct lip_symbol *s = c->symbol;
    double n[2] = {grid_size(c, 0, REACH), grid_size(c, 1, REACH)};
    double best[2] = {0, 0}, before = -1;
    size_t where = 0;
    for (size_t g = 0; g < s->groups; g++) {
        if (s->spread[g] <= c->top)
            continue;
        c->groups++;
        for (double i = 0; i < n[0]; i++)
            for (double j = 0; j < n[1]; j++) {
                struct cell cell;
                if (!grid_cell(&cell, c, n, i, j))
                    continue;
                double value = estimate(c, g, cell.centre);
                keep_sample(c, value);
                if (value > before) {
                    before = value;
                    where = g;
                    memcpy(best, cell.centre, sizeof best);
                }
            }
        enum lip_status status =
            lip_tick(c->ctx, "symbol", (double)g, (double)s->groups, NAN);
        if (status != LIP_OK)
            return status;
    }
    climb(c, where, best, before, 0.5 / fmax(n[0], n[1]));
    return LIP_OK;
}

/* How many tests a bound `over` above the top will take where cells begin with
 * this reach: at a frequency where the symbol is s they must come down to
 * acos(s / limit), and each has twice the product of its halves in size. Half
 * of them by symmetry. */
static double tests_from(const struct cover *c, double over, double first)
{
    double sum = 0, cells = 0.25;
    bool plane = !flat(c, 0) && !flat(c, 1);
    for (int axis = 0; axis < 2; axis++)
        if (!flat(c, axis))
            cells *= fmax(c->slope[axis] / first, 1);
    for (size_t k = 0; k < c->samples; k++) {
        double reach = acos(fmin(c->sample[k] / (c->top * (1 + over)), 1));
        double tests = cells;
        for (double now = first; tests < 1e15; now /= 2) {
            sum += tests;
            if (now <= reach)
                break;
            tests *= plane ? 4 : 2;
        }
    }
    return sum / (double)c->samples * (double)c->groups;
}

/* The least of that, and the first reach it takes. */
static double plan(struct cover *c, double over)
{
    double least = INFINITY;
    for (double first = 1.4; first > 0.01; first *= 0.9) {
        double tests = tests_from(c, over, first);
        if (tests < least) {
            least = tests;
            c->first = first;
        }
    }
    return least;
}

/* An upper bound of the reach of a cell. */
static double reach_of(const struct cover *c, const struct cell *cell)
{
    return lip_up(fmax(lip_mul_up(c->slope[0], cell->half[0]),
                       lip_mul_up(c->slope[1], cell->half[1])));
}

static void raise_limit(struct cover *c)
{
    if (c->tests > c->allowed) {
        c->over *= 1.5;
        c->allowed *= 1.5;
    }
    c->limit = fmax(c->limit, c->top * (1 + c->over));
}

static bool holds(struct cover *c, size_t group, const struct cell *cell)
{
    double reach = reach_of(c, cell);
    if (reach >= 1.5)
        return false;
    double cosine = cos(reach) - 4 * LIP_UNIT;
    c->tests++;
    return lip_probe_proves(&c->probe, group, cell->centre,
                            lip_mul_down(c->limit, cosine));
}

/* The cells of half the size that cover this one; how many. */
static int split(struct cell *out, const struct cover *c,
                 const struct cell *cell)
{
    int count = 0;
    for (int axis = 0; axis < 2; axis++)
        for (int side = -1; side <= 1 && !flat(c, axis); side += 2) {
            struct cell *part = &out[count++];
            *part = *cell;
            part->half[0] /= 2;
            part->half[1] /= 2;
            part->centre[axis] =
                rounded(part->centre[axis] + side * part->half[axis]);
            grow(part);
        }
    return count;
}

/* Proves one cell of the first grid, by its parts where it must be. */
static enum lip_status prove_cell(struct cover *c, size_t group,
                                  struct cell first)
{
    struct cell stack[STACK];
    int count = 0;
    stack[count++] = first;
    while (count > 0) {
        struct cell cell = stack[--count];
        if (holds(c, group, &cell))
            continue;
        /* A cell so small that its centre must be about as high as the top. */
        if (cos(reach_of(c, &cell)) > 1 - 0.7 * c->over) {
            double before = c->limit;
            estimate(c, group, cell.centre);
            raise_limit(c);
            if (c->limit > before && holds(c, group, &cell))
                continue;
        }
        if (fmax(cell.half[0], cell.half[1]) <= 2 * SMALLEST ||
            count + 4 > STACK) {
            /* An estimate that is far too low: what is proven then is coarse.
             */
            c->top = fmax(c->top, c->limit);
            raise_limit(c);
            stack[count++] = cell;
        } else {
            count += split(&stack[count], c, &cell);
        }
        enum lip_status status =
            lip_tick(c->ctx, "symbol", c->tests, c->tests, NAN);
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}

static enum lip_status prove(struct cover *c)
{
    const struct lip_symbol *s = c->symbol;
    double n[2] = {grid_size(c, 0, c->first), grid_size(c, 1, c->first)};
    enum lip_status status = LIP_OK;
    for (size_t g = 0; g < s->groups && status == LIP_OK; g++) {
        if (lip_mul_up(s->spread[g], lip_add_up(1, s->error)) <= c->limit)
            continue;
        for (double i = 0; i < n[0] && status == LIP_OK; i++)
            for (double j = 0; j < n[1] && status == LIP_OK; j++) {
                struct cell cell;
                if (grid_cell(&cell, c, n, i, j))
                    status = prove_cell(c, g, cell);
            }
    }
    return status;
}

/* The closest bound that a little work is predicted to reach, or, where that is
 * not close, more of it. */
static void choose(struct cover *c, double flops)
{
    double each = lip_probe_flops(c->symbol);
    for (c->over = 1e-5; c->over < 0.5; c->over *= 1.1) {
        double cost = plan(c, c->over) * each;
        if (cost <= (c->over < CLOSE ? LITTLE * flops : flops))
            break;
    }
    c->allowed = 8 * (plan(c, c->over) + 64) + c->tests;
    c->limit = c->top * (1 + c->over);
}

/* One tap: the symbol is the same real matrix everywhere. */
static enum lip_status matrices(double *out, const struct lip_symbol *s,
                                struct lip_ctx *ctx)
{
    enum lip_status status = LIP_OK;
    *out = 0;
    for (size_t g = 0; g < s->groups && status == LIP_OK; g++) {
        struct lip_matrix a = {s->rows, s->cols,
                               s->number + g * s->rows * s->cols};
        double norm;
        status = lip_spectral_upper(&norm, &a, ctx);
        if (status == LIP_OK)
            *out = fmax(*out,
                        lip_add_up(norm, lip_mul_up(s->error, s->spread[g])));
        if (status == LIP_OK)
            status = lip_tick(ctx, "symbol", (double)g, (double)s->groups, NAN);
    }
    return status;
}

enum lip_status lip_symbol_bound(double *out, const struct lip_symbol *symbol,
                                 double flops, struct lip_ctx *ctx)
{
    struct cover c = {.symbol = symbol, .ctx = ctx, .top = LIP_TINY};
    if (symbol->tap[0] == 1 && symbol->tap[1] == 1)
        return matrices(out, symbol, ctx);
    for (int axis = 0; axis < 2; axis++)
        c.slope[axis] = lip_mul_up(lip_up(M_PI), (double)symbol->tap[axis] - 1);
    enum lip_status status = lip_probe_new(&c.probe, symbol, ctx);
    if (status == LIP_OK)
        status = look(&c);
    if (status == LIP_OK) {
        choose(&c, flops);
        status = prove(&c);
    }
    *out = c.limit;
    lip_probe_clear(&c.probe);
    return status;
}
