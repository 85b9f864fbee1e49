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
#include "base/crew.h"
#include "bounds/ascent.h"
#include "bounds/rule.h"
#include "bounds/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
    RANK = 16,
    FIRST_SWEEPS = 10,
    MOST_SWEEPS = 200,
    PLAIN_SWEEPS = 60,
    DEFAULT_SWEEPS = 20000,
    MOST_ATTEMPTS = 4
};

/* Tries one theta; several work side by side, each in room of its own. */
struct attempt {
    struct lip_ctx ctx;
    struct lip_recursion rec;
    struct lip_multipliers shrunk;
    struct lip_keeper keeper;
    double theta;
    struct lip_big value;
    bool feasible;
    enum lip_status status;
};

struct lipsdp {
    const struct lip_chain *chain;
    struct lip_ctx *ctx;
    struct lip_crew *crew;
    struct lip_ctx own;   /* of the sweeps */
    pthread_mutex_t lock; /* one asks the listener at a time */
    struct lip_ascent ascent;
    struct lip_multipliers stationary;
    struct attempt attempt[MOST_ATTEMPTS];
    unsigned attempts;
    atomic_bool stopped; /* told to, or one of the parts side by side failed */
    double theta;        /* that was feasible last */
    bool found;
    struct lip_big upper, lower;
    const struct attempt *best; /* whose keeper has the multipliers of upper */
    size_t sweeps;
    struct lip_progress progress;
    size_t stale, patience; /* rounds without gain, and how many to allow */
};

/* The listener of all parts: asks the caller's, once it said stop never again.
 */
static bool go_on(void *lipsdp, const struct lip_progress *progress)
{
    struct lipsdp *s = lipsdp;
    pthread_mutex_lock(&s->lock);
    if (!atomic_load(&s->stopped) && s->ctx && s->ctx->progress &&
        !s->ctx->progress(s->ctx->progress_arg, progress))
        atomic_store(&s->stopped, true);
    pthread_mutex_unlock(&s->lock);
    return !atomic_load(&s->stopped);
}

/* A context for one part: errors are its own, since several may fail at once.
 */
static struct lip_ctx context_of(struct lipsdp *s)
{
    return (struct lip_ctx){.budget = s->ctx ? s->ctx->budget : NULL,
                            .deadline = s->ctx ? s->ctx->deadline : 0,
                            .progress = go_on,
                            .progress_arg = s};
}

static void close_attempt(struct attempt *t)
{
    lip_keeper_close(&t->keeper);
    lip_multipliers_clear(&t->shrunk);
    if (t->rec.chain)
        lip_recursion_clear(&t->rec);
}

static enum lip_status open_attempt(struct attempt *t, struct lipsdp *s,
                                    bool evidence)
{
    t->ctx = context_of(s);
    enum lip_status status = lip_recursion_new(&t->rec, s->chain, &t->ctx);
    if (status == LIP_OK)
        status = lip_multipliers_new(&t->shrunk, s->chain, &t->ctx);
    if (status == LIP_OK)
        status = lip_keeper_open(&t->keeper, &t->rec, evidence);
    if (status != LIP_OK)
        close_attempt(t);
    return status;
}

static enum lip_status open(struct lipsdp *s, const struct lip_chain *chain,
                            bool evidence, struct lip_ctx *ctx)
{
    *s = (struct lipsdp){
        .chain = chain, .ctx = ctx, .theta = 0x1p-10, .patience = 1};
    pthread_mutex_init(&s->lock, NULL);
    s->own = context_of(s);
    enum lip_status status = open_attempt(&s->attempt[0], s, evidence);
    if (status != LIP_OK && ctx)
        ctx->error = s->attempt[0].ctx.error;
    if (status == LIP_OK)
        status = lip_ascent_new(&s->ascent, chain, RANK, ctx);
    if (status == LIP_OK)
        status = lip_multipliers_new(&s->stationary, chain, ctx);
    if (status != LIP_OK)
        return status;
    lip_crew_new(&s->crew, ctx ? ctx->threads : 1, ctx);
    s->ascent.crew = s->crew;
    /* Where memory is short, fewer side by side come to the same. */
    for (s->attempts = 1;
         s->attempts < MOST_ATTEMPTS && s->attempts < lip_crew_size(s->crew) &&
         open_attempt(&s->attempt[s->attempts], s, evidence) == LIP_OK;)
        s->attempts++;
    return LIP_OK;
}

static void close(struct lipsdp *s)
{
    lip_crew_free(s->crew);
    for (unsigned i = 0; i < MOST_ATTEMPTS; i++)
        close_attempt(&s->attempt[i]);
    lip_multipliers_clear(&s->stationary);
    if (s->ascent.chain)
        lip_ascent_clear(&s->ascent);
    pthread_mutex_destroy(&s->lock);
}

static void improve(struct lipsdp *s, struct attempt *t)
{
    lip_keeper_offer(&t->keeper, t->value);
    if (s->found && !lip_big_less(t->value, s->upper))
        return;
    s->found = true;
    s->upper = t->value;
    s->best = t;
}

static void shrink(struct attempt *t, const struct lip_multipliers *from)
{
    double factor = 1;
    lip_multipliers_copy(&t->shrunk, from);
    for (size_t i = 0; i < t->shrunk.layers; i++) {
        factor *= 1 - t->theta;
        for (size_t k = 0; k < lip_chain_width(from->chain, i + 1); k++)
            t->shrunk.lambda[i][k] *= factor;
    }
}

static void try_one(void *lipsdp, unsigned number)
{
    struct lipsdp *s = lipsdp;
    struct attempt *t = &s->attempt[number];
    t->feasible = false;
    t->status = LIP_OK;
    if (atomic_load(&s->stopped))
        return;
    shrink(t, &s->stationary);
    t->status =
        lip_multipliers_pass(&t->value, &t->feasible, &t->rec, &t->shrunk);
    if (t->status != LIP_OK)
        atomic_store(&s->stopped, true);
}

/* What the attempts failed with, if one did; a failure is the method's. One
 * that failed has the others cancelled: what it ran into is the reason. */
static enum lip_status heard(struct lipsdp *s, unsigned tries)
{
    enum lip_status status = LIP_OK;
    for (unsigned i = 0; i < tries; i++)
        if (s->attempt[i].status != LIP_OK &&
            (status == LIP_OK || status == LIP_CANCELLED)) {
            status = s->attempt[i].status;
            s->own.error = s->attempt[i].ctx.error;
        }
    return status;
}

/* Takes note of an attempt; false where it was the last to be looked at. */
static bool judge(struct lipsdp *s, struct attempt *t, struct lip_big *best)
{
    if (!t->feasible)
        return true;
    improve(s, t);
    if (best->m > 0 && !lip_big_less(t->value, *best))
        return false;
    *best = t->value;
    s->theta = t->theta;
    return true;
}

static enum lip_status tell(struct lipsdp *s)
{
    s->progress.done = (double)s->sweeps;
    s->own.deadline = s->ctx ? s->ctx->deadline : 0;
    return lip_report(&s->own, &s->progress);
}

/* The best proven bound of the stationary multipliers, shrunk enough for a
 * proof and, where M is all but singular then, a little more: the bound falls
 * with theta at first and then rises. Attempts side by side are judged in the
 * order of theta, as if they were made one by one. */
static enum lip_status restore(struct lipsdp *s)
{
    struct lip_big best = {0, 0};
    double theta = fmax(s->theta / 16, 0x1p-40);
    while (theta < 0.5) {
        unsigned tries = 0;
        for (; tries < s->attempts && theta < 0.5; theta *= 2)
            s->attempt[tries++].theta = theta;
        lip_crew_run(s->crew, tries, try_one, s);
        enum lip_status status = heard(s, tries);
        for (unsigned i = 0; status == LIP_OK && i < tries; i++)
            if (!judge(s, &s->attempt[i], &best))
                return LIP_OK;
        if (status == LIP_OK)
            status = tell(s);
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}

/* (upper - lower) / lower */
static double gap(const struct lipsdp *s)
{
    if (!s->found || s->lower.m == 0)
        return INFINITY;
    return ldexp(s->upper.m / s->lower.m, (int)(s->upper.e - s->lower.e)) - 1;
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
    s->progress.best = s->found ? lip_big_double(s->upper) : NAN;
    s->progress.floor = lower_double(s->lower);
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

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct beginning {
    struct lipsdp *s;
    size_t sweeps;
    enum lip_status status; /* of the sweeps */
};

/* The two that come before any round: a first proven bound, and the first
 * sweeps. */
static void begin_part(void *beginning, unsigned part)
{
    struct beginning *b = beginning;
    struct lipsdp *s = b->s;
    struct attempt *t = &s->attempt[0];
    enum lip_status *status = part ? &b->status : &t->status;
    if (atomic_load(&s->stopped))
        return;
    if (part) {
        *status = ascend(s, b->sweeps);
    } else {
        *status = lip_rule_pass(&t->value, &t->feasible, &t->rec,
                                &lip_rule_scalar, 1, NULL);
    }
    if (*status != LIP_OK)
        atomic_store(&s->stopped, true);
}

static enum lip_status begin(struct lipsdp *s, size_t sweeps)
{
    struct beginning b = {s, sweeps, LIP_OK};
    lip_crew_run(s->crew, 2, begin_part, &b);
    struct lip_error swept = s->own.error;
    enum lip_status status = heard(s, 1);
    if (status == LIP_OK && s->attempt[0].feasible)
        improve(s, &s->attempt[0]);
    if (b.status == LIP_OK || (status != LIP_OK && status != LIP_CANCELLED))
        return status;
    s->own.error = swept;
    return b.status;
}

static enum lip_status search(struct lipsdp *s, double tolerance, size_t most)
{
    size_t sweeps = least(FIRST_SWEEPS, most);
    s->progress = (struct lip_progress){
        .phase = "lipsdp", .total = (double)most, .best = NAN, .floor = NAN};
    enum lip_status status = begin(s, sweeps);
    while (status == LIP_OK) {
        lip_ascent_multipliers(&s->stationary, &s->ascent);
        prove_lower(s);
        note(s);
        status = restore(s);
        note(s);
        if (converged(s, tolerance) || s->sweeps >= most)
            break;
        if (status == LIP_OK)
            status = tell(s);
        sweeps = least(least(sweeps * 3 / 2, MOST_SWEEPS), most - s->sweeps);
        if (status == LIP_OK)
            status = ascend(s, sweeps);
    }
    if (status != LIP_OK)
        prove_lower(s);
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
    lip_bound_set(bound, s->upper);
    double lower = lower_double(s->lower);
    if (isnormal(lower))
        bound->optimum_at_least = lower;
}

/* The multipliers behind the bound; what an attempt ran into is history. */
static enum lip_status give_evidence(struct lip_bound *bound, struct lipsdp *s)
{
    struct lip_ctx *ctx = s->best->rec.ctx;
    lip_error_clear(ctx);
    enum lip_status status = lip_keeper_tell(bound, &s->best->keeper);
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
        if (s.found && (status == LIP_OK || status == LIP_TIMEOUT)) {
            report(bound, &s, tolerance, status);
            status = LIP_OK;
        } else if (status != LIP_OK) {
            if (ctx)
                ctx->error = s.own.error;
        } else {
            bound->skipped = true;
            snprintf(bound->reason, sizeof bound->reason,
                     "No multipliers could be proven in double precision.");
        }
    }
    if (status == LIP_OK && s.found)
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
    return (struct lip_cost){15 * one.flops + 100 * sweep_flops(chain),
                             one.bytes + 8 * 25 * RANK * widths};
}

const struct lip_method lip_method_lipsdp = {
    .id = "lipsdp",
    .title = "LipSDP-Neuron: the best multipliers, with a proven gap",
    .formula = "min L over all diagonal Lambda >= 0 of the block recursion",
    .norms = "2",
    .supports = "networks that unroll into matrices: dense and convolutional "
                "layers, skip connections, pools, groupsort (groups of at most "
                "32) and householder, any slope-bounded activations",
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
