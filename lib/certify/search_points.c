/* SPDX-License-Identifier: MIT
 *
 * What all parts of a search share: its clock, its random numbers, its best
 * points. */
#include "certify/search_parts.h"

#include "linalg/random.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

size_t lip_search_inputs(const struct lip_search *s)
{
    return s->walk.stages->inputs;
}

/* Whether there is anything left to spend. */
bool lip_search_more(struct lip_search *s)
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
double lip_search_uniform(struct lip_search *s)
{
    return (double)(lip_random_next(&s->seed) >> 11) * 0x1p-53;
}

void lip_search_direction(struct lip_search *s, double *x, size_t n)
{
    lip_random_fill(x, n, lip_random_next(&s->seed));
}

/* --- points */

static void take(struct lip_peak *peak, const struct lip_search *s,
                 const double *x, double value)
{
    peak->value = value;
    memmove(peak->x, x, lip_search_inputs(s) * sizeof *x);
    memmove(peak->v, s->walk.v, lip_search_inputs(s) * sizeof *x);
}

/* Takes the point where the walk is, if its norm is the largest yet. */
void lip_search_offer(struct lip_search *s, const double *x, double value)
{
    if (!isfinite(value) || !(value > s->here.value))
        return;
    take(&s->here, s, x, value);
    if (value > s->best.value)
        take(&s->best, s, x, value);
}

/* Makes walk->v what the functional with a random sign pattern asks for. */
void lip_search_forget(struct lip_search *s)
{
    const struct lip_stages *stages = s->walk.stages;
    double *v = s->walk.v;
    lip_search_direction(s, v, stages->inputs);
    if (s->walk.norm.input == LIP_NORM_1) { /* a random coordinate */
        size_t k = lip_random_next(&s->seed) % stages->inputs;
        memset(v, 0, stages->inputs * sizeof *v);
        v[k] = 1;
        return;
    }
    double size = lip_length(v, stages->inputs);
    for (size_t k = 0; k < stages->inputs; k++)
        v[k] = s->walk.norm.input == LIP_NORM_2 ? v[k] / size
               : v[k] < 0                       ? -1
                                                : 1;
}

/* Whether the piece around x ends so soon along the direction of its norm that
 * doubles would hold no pair of points within it. */
static bool thin(const struct lip_search *s, const double *x)
{
    if (!s->walk.stages->straight)
        return false;
    double chord = lip_walk_free(&s->walk, 1) + lip_walk_free(&s->walk, -1);
    return chord <
           lip_search_thin * fmax(lip_length(x, lip_search_inputs(s)), s->unit);
}

double lip_search_try(struct lip_search *s, const double *x, int steps)
{
    lip_walk_to(&s->walk, x, 0);
    double value = lip_walk_norm(&s->walk, steps, 1e-4);
    if (value > s->here.value && !thin(s, x))
        lip_search_offer(s, x, value);
    return value;
}
