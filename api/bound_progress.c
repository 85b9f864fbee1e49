/* SPDX-License-Identifier: MIT
 *
 * A method goes through phases, each with a scale of its own: the furthest that
 * any has come is taken for the part that is done. */
#include "api/bound_progress.h"

#include <math.h>

static const double part_most = 0.99;

static bool tell(struct api_bound_progress *p, double least)
{
    struct lip_progress all = {.phase = API_BOUND_UNIT,
                               .done = (double)p->over + p->part,
                               .total = (double)p->total,
                               .best = p->best,
                               .floor = least};
    return p->listener(p->listener_arg, &all);
}

static bool hear(void *arg, const struct lip_progress *inner)
{
    struct api_bound_progress *p = arg;
    double part = inner->total > 0 ? inner->done / inner->total : 0;
    if (p->over < p->total && part > p->part)
        p->part = fmin(part, part_most);
    p->best = fmin(p->best, inner->best);
    return tell(p, inner->floor);
}

void api_bound_progress_begin(struct api_bound_progress *p, struct lip_ctx *ctx)
{
    *p = (struct api_bound_progress){.ctx = ctx,
                                     .listener = ctx->progress,
                                     .listener_arg = ctx->progress_arg,
                                     .best = NAN};
    if (!p->listener)
        return;
    ctx->progress = hear;
    ctx->progress_arg = p;
}

void api_bound_progress_end(struct api_bound_progress *p)
{
    p->ctx->progress = p->listener;
    p->ctx->progress_arg = p->listener_arg;
}

void api_bound_progress_over(struct api_bound_progress *p,
                             const struct lip_bound *bound)
{
    p->over++;
    p->part = 0;
    if (!bound->skipped)
        p->best = fmin(p->best, bound->upper_bound);
    if (p->listener)
        tell(p, bound->optimum_at_least);
}
