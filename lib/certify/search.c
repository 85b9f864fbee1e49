/* SPDX-License-Identifier: MIT
 *
 * Restarts and hops. Everything random comes from the seed, and
 * effort is counted in multiplications, so that the result does not depend on
 * the clock unless the deadline strikes. */
#include "certify/search_parts.h"

#include "linalg/random.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CENTERINGS = 6 };

/* Hops without gain before a restart. */
enum { HOPS = 8 };

/* How much lower than where it began a hop may end to be gone on from. */
static const double allowed_loss = 0.05;

enum lip_status lip_search_new(struct lip_search *out,
                               const struct lip_stages *stages,
                               struct lip_norm_pair norm, struct lip_ctx *ctx)
{
    *out = (struct lip_search){.ctx = ctx};
    enum lip_status status = lip_walk_new(&out->walk, stages, norm, ctx);
    if (status != LIP_OK)
        return status;
    size_t n = stages->inputs;
    double *room = lip_calloc(ctx, 9 * n, sizeof *room);
    if (!room) {
        lip_search_clear(out);
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    }
    out->best = (struct lip_peak){.x = room, .v = room + n};
    out->here = (struct lip_peak){.x = room + 2 * n, .v = room + 3 * n};
    out->point = room + 4 * n;
    out->line = room + 5 * n;
    out->start = room + 6 * n;
    out->base = (struct lip_peak){.x = room + 7 * n, .v = room + 8 * n};
    if (!lip_cells_fit(stages))
        return LIP_OK;
    status = lip_cells_new(&out->cells, &out->walk, ctx);
    if (status == LIP_OK) {
        out->flip = lip_alloc(ctx, 2 * stages->neurons, sizeof *out->flip);
        if (!out->flip)
            status = ctx ? ctx->error.status : LIP_NO_MEMORY;
    }
    if (status != LIP_OK)
        lip_search_clear(out);
    return status;
}

void lip_search_clear(struct lip_search *search)
{
    lip_walk_clear(&search->walk);
    lip_cells_clear(&search->cells);
    lip_free(search->flip);
    lip_free(search->best.x);
    *search = (struct lip_search){.seed = 0};
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
        row = fmax(row, lip_length(stage->weight + i * n, n));
    if (!(row > 0) || !isfinite(row))
        return;
    s->unit = s->offset = 1 / row;
    double bias = stage->bias ? lip_length(stage->bias, m) : 0;
    if (bias > 0 && isfinite(bias))
        s->offset = bias / sqrt((double)m) / row;
}

static double random_size(struct lip_search *s)
{
    bool by_bias = lip_search_uniform(s) < 0.5;
    double e = lip_search_uniform(s);
    return by_bias ? s->offset * exp2(12 * e - 2) : s->unit * exp2(7 * e - 3);
}

/* The first restart begins where trained networks are steepest as a rule:
 * curved ones near zero, others where biases still count. */
static double first_size(struct lip_search *s)
{
    if (s->restarts > 0)
        return random_size(s);
    return s->walk.stages->straight ? 4 * s->offset
                                    : fmin(s->unit / 8, s->offset);
}

/* Moves the point towards the middle of its piece. */
static void centre(struct lip_search *s, double *x)
{
    size_t n = lip_search_inputs(s);
    for (int i = 0; i < CENTERINGS; i++) {
        lip_search_direction(s, s->line, n);
        lip_walk_to(&s->walk, x, 0);
        lip_walk_tangent(&s->walk, s->line);
        double ahead = lip_walk_free(&s->walk, 1);
        double behind = lip_walk_free(&s->walk, -1);
        if (isfinite(ahead) && isfinite(behind))
            cblas_daxpy((int)n, (ahead - behind) / 2, s->line, 1, x, 1);
    }
}

static void copy_peak(struct lip_peak *to, const struct lip_peak *from,
                      size_t n)
{
    to->value = from->value;
    memcpy(to->x, from->x, n * sizeof *to->x);
    memcpy(to->v, from->v, n * sizeof *to->v);
}

/* Goes to a point a random step away from the base. */
static void leap(struct lip_search *s)
{
    size_t n = lip_search_inputs(s);
    double size = lip_length(s->base.x, n);
    lip_search_direction(s, s->point, n);
    double step =
        exp2(1 - 7 * lip_search_uniform(s)) * size / lip_length(s->point, n);
    cblas_dscal((int)n, step, s->point, 1);
    cblas_daxpy((int)n, 1, s->base.x, 1, s->point, 1);
    s->here.value = 0;
    memcpy(s->walk.v, s->base.v, n * sizeof *s->base.v);
    if (lip_search_uniform(s) < 0.5)
        lip_search_forget(s);
    lip_search_try(s, s->point, 3);
    if (!s->cells.walk) {
        lip_search_ascend(s, s->point, exp2(-2 * lip_search_uniform(s)));
        lip_search_refine(s);
    }
}

/* Improves, then again and again from a point a random step away, which is
 * where the next one starts unless it ended much lower. */
static void hop(struct lip_search *s)
{
    size_t n = lip_search_inputs(s);
    bool small = s->cells.walk != NULL;
    if (small)
        lip_search_climb(s);
    copy_peak(&s->base, &s->here, n);
    double top = s->base.value;
    for (int failures = 0; failures < HOPS && lip_search_more(s); failures++) {
        leap(s);
        if (small)
            lip_search_climb(s);
        if (s->here.value > s->base.value * (1 - allowed_loss))
            copy_peak(&s->base, &s->here, n);
        if (s->here.value > top * (1 + 1e-12)) {
            top = s->here.value;
            failures = -1;
        }
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
    memcpy(s->walk.v, best->v, lip_search_inputs(s) * sizeof *best->v);
    lip_walk_to(&s->walk, best->x, 0);
    best->value = lip_walk_norm(&s->walk, 100, 1e-14);
    memcpy(best->v, s->walk.v, lip_search_inputs(s) * sizeof *best->v);
}

enum lip_status lip_search_run(struct lip_search *s)
{
    size_t n = lip_search_inputs(s);
    measure(s);
    do {
        double size = first_size(s), *x = s->point;
        lip_search_direction(s, x, n);
        cblas_dscal((int)n, size, x, 1);
        s->here.value = 0;
        lip_search_forget(s);
        lip_search_try(s, x, 4);
        lip_search_ascend(s, x, 1);
        lip_search_refine(s);
        if (s->here.value > 0)
            hop(s);
        s->restarts++;
    } while (lip_search_more(s));
    polish(s);
    return s->status == LIP_TIMEOUT ? LIP_OK : s->status;
}
