/* SPDX-License-Identifier: MIT
 *
 * A whole pass: all frequencies of one stage after the other, then the largest
 * eigenvalue of all. */
#include "bounds/torus_parts.h"

#include "linalg/hermitian.h"
#include "linalg/rounding.h"

#include <math.h>

static enum lip_status stage(struct lip_torus_pass *p, size_t i,
                             const struct lip_torus_rule *rule,
                             const double *tilt, bool *feasible)
{
    const struct lip_torus_stage *s = &p->torus->stage[i];
    struct lip_torus_neurons neurons = {0};
    bool slopes = i > 0 && s[-1].gap == LIP_TORUS_SLOPES;
    size_t size = 2 * s->in * s->out, kept = p->half[2 * i].count;
    bool metric = i > 0 && s[-1].gap == LIP_TORUS_METRIC;
    if (slopes)
        lip_torus_choose(p, i, &neurons, rule, tilt);
    if (metric)
        *feasible = lip_torus_choose_metric(p, i, rule);
    lip_torus_clear_next(p, i);
    for (size_t f = 0; f < kept && *feasible; f += LIP_TORUS_BATCH) {
        size_t count = kept - f < LIP_TORUS_BATCH ? kept - f : LIP_TORUS_BATCH;
        lip_torus_symbols(p, i, f, count);
        for (size_t k = 0; k < count && *feasible; k++) {
            double *v = p->v + k * size;
            if (i == 0 || metric)
                lip_torus_begin(p, i, f + k, v, metric);
            else if (slopes)
                *feasible = lip_torus_step(p, i, f + k, v, &neurons);
            else
                lip_torus_through(p, i, f + k, v);
        }
        enum lip_status status = lip_tick(p->ctx, "frequencies",
                                          (double)i + (double)f / (double)kept,
                                          (double)p->torus->count, NAN);
        if (status != LIP_OK)
            return status;
    }
    lip_torus_settle(p, i);
    return LIP_OK;
}

/* sqrt of the largest eigenvalue of all S, proven. */
static double finish(struct lip_torus_pass *p)
{
    size_t n = p->torus->stage[p->torus->count - 1].out;
    size_t kept = p->half[2 * p->torus->count - 1].count, size = 2 * n * n;
    double guess = 0, over = 1e-11;
    for (size_t f = 0; f < kept; f++) {
        for (size_t k = 0; k < size; k++)
            p->m[k] = -p->s[0][size * f + k];
        guess = fmax(guess, lip_hermitian_estimate(p->m, n, p->work));
    }
    double tau = guess * (1 + over) + LIP_TINY;
    for (size_t f = 0; f < kept; f++)
        for (;;) {
            for (size_t k = 0; k < size; k++)
                p->m[k] = -p->s[0][size * f + k];
            if (n == 1 ? -p->m[0] <= tau : lip_hermitian_proves(p->m, n, tau))
                break;
            over *= 4;
            if (over > 1e3)
                return INFINITY;
            tau = guess * (1 + over) + LIP_TINY;
        }
    return lip_sqrt_up(lip_add_up(tau, p->sigma));
}

enum lip_status lip_torus_pass_run(struct lip_big *out, bool *feasible,
                                   struct lip_torus_pass *p,
                                   const struct lip_torus_rule *rule)
{
    const double *tilt = rule->tilt;
    long exponent = 0;
    enum lip_status status = LIP_OK;
    *feasible = true;
    for (size_t i = 0; i < p->torus->count && status == LIP_OK && *feasible;
         i++) {
        const struct lip_torus_stage *s = &p->torus->stage[i];
        exponent += s->exponent;
        status = stage(p, i, rule, tilt, feasible);
        if (tilt && i > 0 && s[-1].gap == LIP_TORUS_SLOPES)
            tilt += s->in;
    }
    if (status != LIP_OK || !*feasible)
        return status;
    double norm = finish(p);
    *feasible = isfinite(norm);
    *out = lip_big_make(*feasible ? norm : 0, exponent);
    return LIP_OK;
}

double lip_torus_flops(const struct lip_torus *torus)
{
    double sum = 0;
    for (size_t i = 0; i < torus->count; i++) {
        const struct lip_torus_stage *s = &torus->stage[i];
        double n = (double)s->in, m = (double)s->out;
        double taps = (double)s->tap[0] * (double)s->tap[1];
        double all = (double)s->size[0] * (double)s->size[1] / 2 + 1;
        double own = i > 0 ? 4 * n * n * n + 4 * n * n * m : 0;
        sum += all * (own + 4 * n * m * m + 4 * taps * n * m);
    }
    return sum;
}
