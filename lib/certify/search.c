/* SPDX-License-Identifier: MIT
 *
 * Restarts, ascents and sweeps. Everything random comes from the seed, and
 * effort is counted in multiplications, so that the result does not depend on
 * the clock unless the deadline strikes. */
#include "certify/search.h"

#include "linalg/random.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { ASCENT_STEPS = 24, CENTERINGS = 6 };

/* Windows of the ascent: from wide to narrow. */
static const double widest = 1, narrowest = 0.02;

enum lip_status lip_search_new(struct lip_search *out,
                               const struct lip_stages *stages,
                               struct lip_norm_pair norm, struct lip_ctx *ctx)
{
    *out = (struct lip_search){.ctx = ctx};
    enum lip_status status = lip_walk_new(&out->walk, stages, norm, ctx);
    if (status != LIP_OK)
        return status;
    size_t n = stages->inputs;
    double *room = lip_calloc(ctx, 7 * n, sizeof *room);
    if (!room) {
        lip_search_clear(out);
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    }
    out->best = (struct lip_peak){.x = room, .v = room + n};
    out->here = (struct lip_peak){.x = room + 2 * n, .v = room + 3 * n};
    out->point = room + 4 * n;
    out->line = room + 5 * n;
    out->start = room + 6 * n;
    return LIP_OK;
}

void lip_search_clear(struct lip_search *search)
{
    lip_walk_clear(&search->walk);
    lip_free(search->best.x);
    *search = (struct lip_search){.seed = 0};
}

static size_t inputs(const struct lip_search *s)
{
    return s->walk.stages->inputs;
}

/* Whether there is anything left to spend. */
static bool more(struct lip_search *s)
{
    if (s->status != LIP_OK || s->walk.spent >= s->effort)
        return false;
    if (s->enough > 0 && s->best.value >= s->enough)
        return false;
    if (s->deadline > 0 && lip_now() > s->deadline)
        return false;
    s->status = lip_tick(s->ctx, "lower bound", s->walk.spent, s->effort, NAN);
    return s->status == LIP_OK;
}

/* Uniform in [0, 1). */
static double uniform(struct lip_search *s)
{
    return (double)(lip_random_next(&s->seed) >> 11) * 0x1p-53;
}

static void random_direction(struct lip_search *s, double *x, size_t n)
{
    lip_random_fill(x, n, lip_random_next(&s->seed));
}

/* --- points */

static void take(struct lip_peak *peak, const struct lip_search *s,
                 const double *x, double value)
{
    peak->value = value;
    memmove(peak->x, x, inputs(s) * sizeof *x);
    memmove(peak->v, s->walk.v, inputs(s) * sizeof *x);
}

/* Takes the point where the walk is, if its norm is the largest yet. */
static void offer(struct lip_search *s, const double *x, double value)
{
    if (!isfinite(value) || !(value > s->here.value))
        return;
    take(&s->here, s, x, value);
    if (value > s->best.value)
        take(&s->best, s, x, value);
}

/* Makes walk->v what the functional with a random sign pattern asks for. */
static void forget_direction(struct lip_search *s)
{
    const struct lip_stages *stages = s->walk.stages;
    double *v = s->walk.v;
    random_direction(s, v, stages->inputs);
    if (s->walk.norm.input == LIP_NORM_1) { /* a random coordinate */
        size_t k = lip_random_next(&s->seed) % stages->inputs;
        memset(v, 0, stages->inputs * sizeof *v);
        v[k] = 1;
        return;
    }
    double size = cblas_dnrm2((int)stages->inputs, v, 1);
    for (size_t k = 0; k < stages->inputs; k++)
        v[k] = s->walk.norm.input == LIP_NORM_2 ? v[k] / size
               : v[k] < 0                       ? -1
                                                : 1;
}

static double try_point(struct lip_search *s, const double *x, int steps)
{
    lip_walk_to(&s->walk, x, 0);
    double value = lip_walk_norm(&s->walk, steps, 1e-4);
    offer(s, x, value);
    return value;
}

/* --- where to start */

/* unit: |x| at which the first layer's numbers are of order 1; offset: at
 * which they are of the size of its biases. */
static void measure(struct lip_search *s)
{
    const struct lip_stage *stage = s->walk.stages->stage;
    s->unit = s->offset = 1;
    if (!stage->weight)
        return;
    size_t n = stage->inputs, m = stage->outputs;
    double row = 0;
    for (size_t i = 0; i < m; i++)
        row = fmax(row, cblas_dnrm2((int)n, stage->weight + i * n, 1));
    if (!(row > 0) || !isfinite(row))
        return;
    s->unit = s->offset = 1 / row;
    double bias = stage->bias ? cblas_dnrm2((int)m, stage->bias, 1) : 0;
    if (bias > 0 && isfinite(bias))
        s->offset = bias / sqrt((double)m) / row;
}

static double random_size(struct lip_search *s)
{
    bool by_bias = uniform(s) < 0.5;
    double e = uniform(s);
    return by_bias ? s->offset * exp2(12 * e - 2) : s->unit * exp2(7 * e - 3);
}

/* --- ascent along the gradient of the smoothed norm */

static void ascend(struct lip_search *s, double *x)
{
    size_t n = inputs(s);
    double shrink = pow(narrowest / widest, 1.0 / (ASCENT_STEPS - 1));
    double window = widest;
    for (int i = 0; i < ASCENT_STEPS && more(s); i++, window *= shrink) {
        lip_walk_to(&s->walk, x, window);
        lip_walk_norm(&s->walk, i == 0 ? 6 : 2, 1e-3);
        const double *g = lip_walk_gradient(&s->walk, window);
        double size = cblas_dnrm2((int)n, g, 1);
        double step = window * fmax(cblas_dnrm2((int)n, x, 1),
                                    s->unit * sqrt((double)n) * 0x1p-3);
        if (!(size > 0) || !isfinite(size))
            break;
        cblas_daxpy((int)n, 0.5 * step / size, g, 1, x, 1);
    }
    try_point(s, x, 4);
}

/* --- sweeps along a line */

/* Walks from x along the line to the end of all pieces, and offers a point in
 * the middle of each. */
static void sweep_one_way(struct lip_search *s, const double *x,
                          const double *line, double way, int pieces)
{
    size_t n = inputs(s);
    double size = cblas_dnrm2((int)n, x, 1) / cblas_dnrm2((int)n, line, 1);
    double t = 0, nudge = 1e-9 * size;
    for (int i = 0; i < pieces && more(s); i++) {
        memcpy(s->point, x, n * sizeof *x);
        cblas_daxpy((int)n, way * t, line, 1, s->point, 1);
        lip_walk_to(&s->walk, s->point, 0);
        lip_walk_tangent(&s->walk, line);
        double length = lip_walk_free(&s->walk, way);
        bool end = !isfinite(length);
        double middle = end ? fmax(t, size) : length / 2;
        cblas_daxpy((int)n, way * middle, line, 1, s->point, 1);
        offer(s, s->point, lip_walk_norm(&s->walk, 3, 1e-3));
        if (end)
            return;
        t += length + fmax(nudge, 1e-9 * t);
    }
}

static void sweep(struct lip_search *s, const double *line, int pieces)
{
    size_t n = inputs(s);
    if (!(cblas_dnrm2((int)n, line, 1) > 0))
        return;
    memcpy(s->start, s->here.x, n * sizeof *line);
    sweep_one_way(s, s->start, line, 1, pieces);
    sweep_one_way(s, s->start, line, -1, pieces);
}

/* The gradient of the number that goes into a random neuron: a line across
 * that neuron's kink. */
static bool neuron_line(struct lip_search *s, double *line)
{
    const struct lip_stages *stages = s->walk.stages;
    if (stages->neurons == 0)
        return false;
    size_t k = lip_random_next(&s->seed) % stages->neurons, i = 0;
    while (stages->stage[i].weight || k >= stages->stage[i].outputs) {
        k -= stages->stage[i].weight ? 0 : stages->stage[i].outputs;
        i++;
    }
    lip_walk_to(&s->walk, s->here.x, 0);
    lip_walk_pull(&s->walk, i, k);
    memcpy(line, s->walk.adjoint, stages->inputs * sizeof *line);
    return true;
}

/* A line worth sweeping through the point of this restart. */
static void choose_line(struct lip_search *s, double *line)
{
    size_t n = inputs(s);
    double kind = uniform(s);
    if (kind < 0.4 && neuron_line(s, line))
        return;
    if (kind < 0.6) {
        double window = exp2(-6 * uniform(s));
        lip_walk_to(&s->walk, s->here.x, window);
        lip_walk_norm(&s->walk, 2, 1e-3);
        memcpy(line, lip_walk_gradient(&s->walk, window), n * sizeof *line);
        return;
    }
    random_direction(s, line, n);
    if (kind < 0.8)
        cblas_daxpy((int)n, 1, s->here.v, 1, line, 1);
}

/* Moves the point towards the middle of its piece. */
static void centre(struct lip_search *s, double *x)
{
    size_t n = inputs(s);
    for (int i = 0; i < CENTERINGS; i++) {
        random_direction(s, s->line, n);
        lip_walk_to(&s->walk, x, 0);
        lip_walk_tangent(&s->walk, s->line);
        double ahead = lip_walk_free(&s->walk, 1);
        double behind = lip_walk_free(&s->walk, -1);
        if (isfinite(ahead) && isfinite(behind))
            cblas_daxpy((int)n, (ahead - behind) / 2, s->line, 1, x, 1);
    }
}

/* Lines through the point of this restart until `patience` of them in a row
 * found nothing better. */
static void climb(struct lip_search *s, int patience)
{
    const struct lip_stages *stages = s->walk.stages;
    if (!stages->straight || stages->neurons == 0)
        return;
    for (int failures = 0; failures < patience && more(s); failures++) {
        double before = s->here.value;
        choose_line(s, s->line);
        memcpy(s->walk.v, s->here.v, inputs(s) * sizeof *s->here.v);
        sweep(s, s->line, 64);
        if (s->here.value > before * (1 + 1e-12))
            failures = -1;
    }
}

/* The direction to the last digit. */
static void polish(struct lip_search *s)
{
    struct lip_peak *best = &s->best;
    if (best->value == 0)
        return;
    if (s->walk.stages->straight)
        centre(s, best->x);
    memcpy(s->walk.v, best->v, inputs(s) * sizeof *best->v);
    lip_walk_to(&s->walk, best->x, 0);
    best->value = lip_walk_norm(&s->walk, 100, 1e-14);
    memcpy(best->v, s->walk.v, inputs(s) * sizeof *best->v);
}

enum lip_status lip_search_run(struct lip_search *s)
{
    size_t n = inputs(s);
    measure(s);
    do {
        double size = random_size(s), *x = s->point;
        random_direction(s, x, n);
        cblas_dscal((int)n, size, x, 1);
        s->here.value = 0;
        forget_direction(s);
        try_point(s, x, 4);
        ascend(s, x);
        climb(s, 4 + 2 * (int)s->restarts);
        s->restarts++;
    } while (more(s));
    polish(s);
    return s->status == LIP_TIMEOUT ? LIP_OK : s->status;
}
