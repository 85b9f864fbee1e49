/* SPDX-License-Identifier: MIT
 *
 * LipSDP-Neuron, from both sides at once. The dual problem in low rank
 * (ascent.h) is a matter of forward and backward passes with a few vectors;
 * where it is stationary, its gradients are the multipliers of the primal,
 *
 *     lambda_k = |q_k| / ((b_k - a_k)/2 |y_k| L^2),
 *
 * and M Z = 0. Short of that M has slightly negative eigenvalues. Shrinking
 * the multipliers of layer i by (1 - theta)^i adds about theta/2 of its own
 * block diagonal to M, relative to it, so the least theta for which the
 * recursion goes through is found and what comes out is proven. Each round
 * proves a lower bound of the optimum too, and the two meet. */
#include "bounds/ascent.h"
#include "bounds/rule.h"
#include "bounds/support.h"

#include <pthread.h>
#include <stdio.h>

enum {
    RANK = 16,
    FIRST_SWEEPS = 10,
    MOST_SWEEPS = 200,
    PLAIN_SWEEPS = 60,
    DEFAULT_SWEEPS = 20000
};

/* Turns stationary multipliers into proven bounds; may run beside the ascent,
 * with a context of its own. */
struct prover {
    const struct lip_chain *chain;
    struct lip_ctx ctx;
    struct lip_recursion rec;
    struct lip_multipliers stationary, shrunk;
    struct lip_keeper keeper;
    double theta; /* that was feasible last */
    bool found;
    struct lip_big upper;
    enum lip_status status;
    const struct lip_progress *progress;
};

struct lipsdp {
    const struct lip_chain *chain;
    struct lip_ctx *ctx;
    struct prover prover;
    struct lip_ascent ascent;
    struct lip_big lower;
    size_t sweeps;
    struct lip_progress progress;
    size_t stale, patience; /* rounds without gain, and how many to allow */
};

static enum lip_status open(struct lipsdp *s, const struct lip_chain *chain,
                            bool evidence, struct lip_ctx *ctx)
{
    *s = (struct lipsdp){.chain = chain, .ctx = ctx, .patience = 1};
    struct prover *p = &s->prover;
    p->chain = chain;
    p->theta = 0x1p-10;
    p->progress = &s->progress;
    if (ctx) {
        p->ctx.budget = ctx->budget;
        p->ctx.deadline = ctx->deadline;
    }
    enum lip_status status = lip_recursion_new(&p->rec, chain, ctx);
    if (status == LIP_OK)
        status = lip_ascent_new(&s->ascent, chain, RANK, ctx);
    if (status == LIP_OK)
        status = lip_multipliers_new(&p->stationary, chain, ctx);
    if (status == LIP_OK)
        status = lip_multipliers_new(&p->shrunk, chain, ctx);
    if (status == LIP_OK)
        status = lip_keeper_open(&p->keeper, &p->rec, evidence);
    p->rec.ctx = &p->ctx;
    return status;
}

static void close(struct lipsdp *s)
{
    lip_keeper_close(&s->prover.keeper);
    lip_multipliers_clear(&s->prover.shrunk);
    lip_multipliers_clear(&s->prover.stationary);
    if (s->ascent.chain)
        lip_ascent_clear(&s->ascent);
    if (s->prover.rec.chain)
        lip_recursion_clear(&s->prover.rec);
}

static void improve(struct prover *p, struct lip_big value)
{
    p->upper = p->found ? lip_big_min(p->upper, value) : value;
    p->found = true;
    lip_keeper_offer(&p->keeper, value);
}

/* A first proven bound, before any search. */
static enum lip_status start(struct prover *p)
{
    struct lip_big value;
    bool feasible;
    enum lip_status status =
        lip_rule_pass(&value, &feasible, &p->rec, &lip_rule_scalar, 1, NULL);
    if (status == LIP_OK && feasible)
        improve(p, value);
    return status;
}

static void shrink(struct prover *p, double theta)
{
    double factor = 1;
    lip_multipliers_copy(&p->shrunk, &p->stationary);
    for (size_t i = 0; i < p->shrunk.layers; i++) {
        factor *= 1 - theta;
        for (size_t k = 0; k < lip_chain_width(p->chain, i + 1); k++)
            p->shrunk.lambda[i][k] *= factor;
    }
}

/* The best proven bound of the stationary multipliers, shrunk enough for a
 * proof and, where M is all but singular then, a little more: the bound falls
 * with theta at first and then rises. */
static void restore(struct prover *p)
{
    struct lip_big best = {0, 0}, value;
    bool feasible, any = false;
    double theta = fmax(p->theta / 16, 0x1p-40);
    p->status = LIP_OK;
    for (; p->status == LIP_OK && theta < 0.5; theta *= 2) {
        shrink(p, theta);
        p->status =
            lip_multipliers_pass(&value, &feasible, &p->rec, &p->shrunk);
        if (p->status == LIP_OK && feasible) {
            improve(p, value);
            if (any && !lip_big_less(value, best))
                return;
            any = true;
            best = value;
            p->theta = theta;
        }
        if (p->status == LIP_OK)
            p->status = lip_report(&p->ctx, p->progress);
    }
}

static void *restore_thread(void *prover)
{
    restore(prover);
    return NULL;
}

/* (upper - lower) / lower */
static double gap(const struct lipsdp *s)
{
    const struct prover *p = &s->prover;
    if (!p->found || s->lower.m == 0)
        return INFINITY;
    return ldexp(p->upper.m / s->lower.m, (int)(p->upper.e - s->lower.e)) - 1;
}

/* upper <= (1 + tolerance) lower, with room for the rounding of gap(). */
static bool converged(const struct lipsdp *s, double tolerance)
{
    return gap(s) <= tolerance * (1 - 1e-9) - 1e-15;
}

/* A double for people and for lower bounds; NaN for nothing. */
static double lower_double(struct lip_big value)
{
    return value.m > 0
               ? ldexp(value.m, (int)fmin(fmax((double)value.e, -2000), 2000))
               : NAN;
}

/* What the listener hears from now on; not while a prover is at work. */
static void note(struct lipsdp *s)
{
    s->progress.best = s->prover.found ? lip_big_double(s->prover.upper) : NAN;
    s->progress.floor = lower_double(s->lower);
}

static enum lip_status tell(struct lipsdp *s)
{
    s->progress.done = (double)s->sweeps;
    return lip_report(s->ctx, &s->progress);
}

static double sweep_flops(const struct lip_chain *chain)
{
    double numbers = 0;
    for (size_t i = 0; i < chain->count; i++)
        numbers += (double)lip_chain_width(chain, i) *
                   (double)lip_chain_width(chain, i + 1);
    return 8 * RANK * numbers;
}

/* Sweeps, and off a point where they stand still: not at once, since the
 * multipliers go on getting better where the value no longer does, and ever
 * later. Asks every few milliseconds whether to go on. */
static enum lip_status ascend(struct lipsdp *s, size_t sweeps)
{
    struct lip_big before = s->ascent.value, now = before;
    size_t step = (size_t)fmax(1, 1e8 / sweep_flops(s->chain));
    bool accelerate = s->sweeps >= PLAIN_SWEEPS;
    enum lip_status status = LIP_OK;
    for (size_t left = sweeps; left > 0 && status == LIP_OK;) {
        size_t n = left < step ? left : step;
        now = lip_ascent_run(&s->ascent, (int)n, accelerate);
        s->sweeps += n;
        left -= n;
        if (left > 0)
            status = tell(s);
    }
    if (now.m == 0) /* a saddle at once: symmetric networks */
        lip_ascent_perturb(&s->ascent, 1);
    double gain = ldexp(now.m / before.m, (int)(now.e - before.e)) - 1;
    s->stale = before.m != 0 && gain < 1e-7 ? s->stale + 1 : 0;
    if (s->stale > s->patience) {
        lip_ascent_perturb(&s->ascent, 0.01);
        s->stale = 0;
        s->patience *= 2;
    }
    return status;
}

/* The lower bound that the present vectors prove. */
static void prove_lower(struct lipsdp *s)
{
    struct lip_big proven = lip_ascent_prove(&s->ascent);
    if (lip_big_less(s->lower, proven))
        s->lower = proven;
}

/* A prover's failure is the method's. */
static enum lip_status heard(struct lipsdp *s, enum lip_status status)
{
    if (status != LIP_OK && s->ctx)
        s->ctx->error = s->prover.ctx.error;
    return status;
}

/* Who listens to the prover. */
static void let_listen(struct lipsdp *s, bool listen)
{
    s->prover.ctx.progress = listen && s->ctx ? s->ctx->progress : NULL;
    s->prover.ctx.progress_arg = s->ctx ? s->ctx->progress_arg : NULL;
}

/* Proves the upper bound of the multipliers kept, beside the next `sweeps`
 * where a second thread is allowed; *ahead tells whether those were made. They
 * change nothing that a search which ends here reports. */
static enum lip_status prove_upper(struct lipsdp *s, size_t sweeps, bool *ahead)
{
    pthread_t thread;
    bool beside = s->ctx && s->ctx->threads > 1 && sweeps > 0;
    enum lip_status status = LIP_OK;
    let_listen(s, !beside);
    *ahead = beside &&
             pthread_create(&thread, NULL, restore_thread, &s->prover) == 0;
    if (*ahead) {
        status = ascend(s, sweeps);
        pthread_join(thread, NULL);
    } else {
        restore(&s->prover);
    }
    return status != LIP_OK ? status : heard(s, s->prover.status);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static enum lip_status search(struct lipsdp *s, double tolerance, size_t most)
{
    s->progress =
        (struct lip_progress){.phase = "lipsdp", .total = (double)most};
    let_listen(s, true);
    enum lip_status status = heard(s, start(&s->prover));
    size_t sweeps = least(FIRST_SWEEPS, most), made = 0;
    bool ahead = false;
    note(s);
    while (status == LIP_OK && made < most) {
        if (!ahead)
            status = ascend(s, sweeps);
        made = s->sweeps;
        if (status == LIP_OK)
            lip_ascent_multipliers(&s->prover.stationary, &s->ascent);
        prove_lower(s);
        if (status == LIP_OK) {
            sweeps = least(least(sweeps * 3 / 2, MOST_SWEEPS), most - made);
            status = prove_upper(s, sweeps, &ahead);
        }
        note(s);
        if (converged(s, tolerance))
            break;
        if (status == LIP_OK)
            status = tell(s);
    }
    s->sweeps = made;
    return status;
}

/* What a finished or interrupted search has proven. */
static void report(struct lip_bound *bound, const struct lipsdp *s,
                   double tolerance, enum lip_status status)
{
    bound->iterations = s->sweeps;
    bound->state = converged(s, tolerance) ? LIP_BOUND_CONVERGED
                   : status == LIP_TIMEOUT ? LIP_BOUND_TIME_LIMIT
                                           : LIP_BOUND_ITERATION_LIMIT;
    lip_bound_set(bound, s->prover.upper);
    double lower = lower_double(s->lower);
    if (isnormal(lower))
        bound->optimum_at_least = lower;
}

/* The multipliers behind the bound; what the prover ran into is history. */
static enum lip_status give_evidence(struct lip_bound *bound, struct lipsdp *s)
{
    struct lip_ctx *ctx = &s->prover.ctx;
    lip_error_clear(ctx);
    enum lip_status status = lip_keeper_tell(bound, &s->prover.keeper);
    if (status != LIP_OK && s->ctx)
        s->ctx->error = ctx->error;
    return status;
}

static enum lip_status run(struct lip_bound *bound,
                           const struct lip_chain *chain,
                           const struct lip_bound_options *options,
                           struct lip_ctx *ctx)
{
    double tolerance = options->tolerance > 0 ? options->tolerance : 0.01;
    size_t most =
        options->max_iterations ? options->max_iterations : DEFAULT_SWEEPS;
    struct lipsdp s;
    enum lip_status status = open(&s, chain, options->evidence, ctx);
    if (status == LIP_OK) {
        status = search(&s, tolerance, most);
        if (s.prover.found && (status == LIP_OK || status == LIP_TIMEOUT)) {
            report(bound, &s, tolerance, status);
            if (status == LIP_TIMEOUT && ctx)
                lip_error_clear(ctx);
            status = LIP_OK;
        } else if (status == LIP_OK) {
            bound->skipped = true;
            snprintf(bound->reason, sizeof bound->reason,
                     "No multipliers could be proven in double precision.");
        }
    }
    if (status == LIP_OK)
        status = give_evidence(bound, &s);
    close(&s);
    return status;
}

static struct lip_cost cost(const struct lip_chain *chain,
                            const struct lip_bound_options *options)
{
    struct lip_cost one = lip_method_find("eclipse-fast")->cost(chain, options);
    double widths = 0;
    for (size_t i = 0; i <= chain->count; i++)
        widths += (double)lip_chain_width(chain, i);
    return (struct lip_cost){40 * one.flops + 300 * sweep_flops(chain),
                             one.bytes + 8 * 25 * RANK * widths};
}

const struct lip_method lip_method_lipsdp = {
    .id = "lipsdp",
    .title = "LipSDP-Neuron: the best multipliers, with a proven gap",
    .formula = "min L over all diagonal Lambda >= 0 of the block recursion",
    .norms = "2",
    .supports = "chains of dense layers with any slope-bounded activations",
    .cost_text = "forward and backward passes with 16 vectors, tens to "
                 "thousands; a pass of eclipse-fast for each proven bound",
    .citation = "Fazlyab et al., Efficient and Accurate Estimation of "
                "Lipschitz Constants for Deep Neural Networks, NeurIPS 2019; "
                "low-rank dual after Burer and Monteiro, Math. Program. 95 "
                "(2003); the closed form of its feasible points: derived here",
    .applies = lip_applies_l2,
    .cost = cost,
    .run = run,
};
