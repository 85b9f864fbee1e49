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
};

struct lipsdp {
    const struct lip_chain *chain;
    struct lip_ctx *ctx;
    struct prover prover;
    struct lip_ascent ascent;
    struct lip_big lower;
    size_t sweeps;
};

static enum lip_status open(struct lipsdp *s, const struct lip_chain *chain,
                            bool evidence, struct lip_ctx *ctx)
{
    *s = (struct lipsdp){.chain = chain, .ctx = ctx};
    struct prover *p = &s->prover;
    p->chain = chain;
    p->theta = 0x1p-10;
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

/* The proven bound of the stationary multipliers, shrunk as little as will do.
 */
static void restore(struct prover *p)
{
    double theta = fmax(p->theta / 16, 0x1p-40);
    p->status = LIP_OK;
    for (; p->status == LIP_OK && theta < 0.5; theta *= 2) {
        struct lip_big value;
        bool feasible;
        shrink(p, theta);
        p->status =
            lip_multipliers_pass(&value, &feasible, &p->rec, &p->shrunk);
        if (p->status == LIP_OK && feasible) {
            p->theta = theta;
            improve(p, value);
            return;
        }
        if (p->status == LIP_OK)
            p->status = lip_tick(&p->ctx, "lipsdp", 0, 0, NAN);
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

/* Sweeps, and off a point where they stand still. */
static void ascend(struct lipsdp *s, size_t sweeps)
{
    struct lip_big before = s->ascent.value;
    struct lip_big now =
        lip_ascent_run(&s->ascent, (int)sweeps, s->sweeps >= PLAIN_SWEEPS);
    s->sweeps += sweeps;
    double gain = ldexp(now.m / before.m, (int)(now.e - before.e)) - 1;
    if (before.m != 0 && gain < 1e-7)
        lip_ascent_perturb(&s->ascent, 0.01);
}

/* What the present vectors say: a proven lower bound, and multipliers. */
static void harvest(struct lipsdp *s)
{
    lip_ascent_multipliers(&s->prover.stationary, &s->ascent);
    struct lip_big proven = lip_ascent_prove(&s->ascent);
    if (lip_big_less(s->lower, proven))
        s->lower = proven;
}

/* Proves what was harvested, beside the next `sweeps` where a second thread is
 * allowed; *ahead tells whether those were made. They change nothing that a
 * search which ends here reports. */
static enum lip_status prove(struct lipsdp *s, size_t sweeps, bool *ahead)
{
    pthread_t thread;
    *ahead = s->ctx && s->ctx->threads > 1 &&
             pthread_create(&thread, NULL, restore_thread, &s->prover) == 0;
    if (*ahead) {
        ascend(s, sweeps);
        pthread_join(thread, NULL);
    } else {
        restore(&s->prover);
    }
    if (s->prover.status != LIP_OK && s->ctx)
        s->ctx->error = s->prover.ctx.error;
    return s->prover.status;
}

/* A double for people and for lower bounds; NaN for nothing. */
static double lower_double(struct lip_big value)
{
    return value.m > 0
               ? ldexp(value.m, (int)fmin(fmax((double)value.e, -2000), 2000))
               : NAN;
}

static enum lip_status tell(const struct lipsdp *s, size_t made, size_t most)
{
    struct lip_progress progress = {
        .phase = "lipsdp",
        .done = (double)made,
        .total = (double)most,
        .best = s->prover.found ? lip_big_double(s->prover.upper) : NAN,
        .floor = lower_double(s->lower),
    };
    return lip_report(s->ctx, &progress);
}

static size_t longer(size_t sweeps)
{
    return sweeps * 3 / 2 < MOST_SWEEPS ? sweeps * 3 / 2 : MOST_SWEEPS;
}

static enum lip_status search(struct lipsdp *s, double tolerance, size_t most)
{
    enum lip_status status = start(&s->prover);
    if (status != LIP_OK && s->ctx)
        s->ctx->error = s->prover.ctx.error;
    size_t sweeps = FIRST_SWEEPS, made = 0;
    bool ahead = false;
    while (status == LIP_OK && made < most) {
        if (!ahead)
            ascend(s, sweeps);
        made = s->sweeps;
        harvest(s);
        sweeps = longer(sweeps);
        status = prove(s, sweeps, &ahead);
        if (converged(s, tolerance))
            break;
        if (status == LIP_OK)
            status = tell(s, made, most);
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

/* Without activations the optimum is the norm itself. */
static enum lip_status affine(struct lip_bound *bound, struct lipsdp *s)
{
    struct lip_big value;
    enum lip_status status = lip_recursion_finish(&value, &s->prover.rec);
    if (status == LIP_OK) {
        lip_bound_set(bound, value);
        bound->state = LIP_BOUND_CONVERGED;
    }
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
    if (status == LIP_OK && chain->count == 1)
        status = affine(bound, &s);
    else if (status == LIP_OK) {
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
    double numbers = 0, widths = 0;
    for (size_t i = 0; i < chain->count; i++) {
        numbers += (double)lip_chain_width(chain, i) *
                   (double)lip_chain_width(chain, i + 1);
        widths += (double)lip_chain_width(chain, i + 1);
    }
    return (struct lip_cost){40 * one.flops + 300 * 8 * RANK * numbers,
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
