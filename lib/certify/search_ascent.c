/* SPDX-License-Identifier: MIT
 *
 * Ascents along the gradient of the smoothed norm. */
#include "certify/search_parts.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { ASCENT_STEPS = 24, REFINEMENTS = 20 };

/* The last window of an ascent, and that of its refinement. */
static const double narrowest = 0.02, refining = 0.1;

void lip_search_ascend(struct lip_search *s, double *x, double window)
{
    size_t n = lip_search_inputs(s);
    double shrink = pow(narrowest / window, 1.0 / (ASCENT_STEPS - 1));
    for (int i = 0; i < ASCENT_STEPS && lip_search_more(s);
         i++, window *= shrink) {
        lip_walk_to(&s->walk, x, window);
        lip_walk_norm(&s->walk, i == 0 ? 6 : 2, 1e-3);
        const double *g = lip_walk_gradient(&s->walk, window);
        double size = lip_length(g, n);
        double step =
            window * fmax(lip_length(x, n), s->unit * sqrt((double)n) * 0x1p-3);
        if (!(size > 0) || !isfinite(size))
            break;
        cblas_daxpy((int)n, 0.5 * step / size, g, 1, x, 1);
    }
    lip_search_try(s, x, 4);
}

/* Steps along the gradient that are taken only where they help. */
void lip_search_refine(struct lip_search *s)
{
    size_t n = lip_search_inputs(s);
    double step = 0.05 * fmax(lip_length(s->here.x, n),
                              s->unit * sqrt((double)n) * 0x1p-3);
    for (int i = 0; i < REFINEMENTS && lip_search_more(s); i++) {
        double before = s->here.value;
        memcpy(s->walk.v, s->here.v, n * sizeof *s->here.v);
        lip_walk_to(&s->walk, s->here.x, refining);
        lip_walk_norm(&s->walk, 1, 0);
        const double *g = lip_walk_gradient(&s->walk, refining);
        double size = lip_length(g, n);
        if (!(size > 0) || !isfinite(size))
            return;
        memcpy(s->point, s->here.x, n * sizeof *s->point);
        cblas_daxpy((int)n, step / size, g, 1, s->point, 1);
        lip_search_try(s, s->point, 2);
        step *= s->here.value > before ? 1.6 : 0.35;
    }
}
