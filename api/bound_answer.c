/* SPDX-License-Identifier: MIT
 *
 * Runs the methods that a request asks for, within the limits of the service,
 * and hands what was proven to the writer. */
#include "api/bound.h"

#include "api/bound_progress.h"
#include "api/bound_write.h"
#include "api/layer_norm.h"
#include "api/lower.h"
#include "api/time_share.h"
#include "network/unroll.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Seconds that a method may take where there is no time left. */
#define NEARLY_FREE 0.1

/* One request on its way. `bound` has one entry for each method of the plan,
 * in the order of the answer. */
struct job {
    const struct api_bound_request *request;
    const struct api_bound_limits *limits;
    struct lip_bound_options options; /* time_limit: what is left */
    struct lip_chain *chain;
    size_t count;
    struct lip_bound bound[API_MAX_METHODS];
    bool selected[API_MAX_METHODS]; /* by `auto` */
    struct api_layer *layer;        /* NULL: not asked for, or no time */
    struct lip_lower_bound lower;
    struct api_bound_progress progress;
    double start, deadline; /* deadline 0: none */
    double allowed;   /* seconds that the limits leave methods; 0: no limit */
    double reserve;   /* of the time left, for the lower bound */
    bool out_of_time; /* a method was skipped for time, and which: */
    bool cut[API_MAX_METHODS];
    double predicted; /* seconds of the methods that are to run */
    double seconds[API_MAX_METHODS]; /* of each of them */
    enum api_bound_standing standing;
    struct api_problem *problem;
    struct lip_ctx *ctx;
};

static enum lip_status failed(struct job *job, enum lip_status status)
{
    job->ctx->error.status = status;
    api_problem_from_error(job->problem, &job->ctx->error);
    return status;
}

/* The earlier of the client's limit, the server's and the caller's. */
static void set_deadline(struct job *job)
{
    double limit = job->request->options.time_limit;
    double most = job->limits->max_seconds;
    if (most > 0 && (limit <= 0 || limit > most))
        limit = most;
    job->start = lip_now();
    job->deadline = limit > 0 ? job->start + limit : 0;
    double outer = job->ctx->deadline;
    if (outer > 0 && (job->deadline <= 0 || outer < job->deadline))
        job->deadline = outer;
    job->options = job->request->options;
    job->options.factors = true;
    /* A fiftieth of the server's limit where the client gave none. */
    job->reserve = api_lower_share(job->request);
    if (job->reserve == 0 && job->deadline > 0 &&
        api_lower_wanted(job->request))
        job->reserve = (job->deadline - job->start) / 50;
    job->allowed = limit > 0 ? limit - job->reserve : 0;
}

static void depend_on(struct job *job, enum api_bound_standing what)
{
    if (what > job->standing)
        job->standing = what;
}

/* False where no time is left. */
static bool refresh_time_left(struct job *job)
{
    if (job->deadline <= 0)
        return true;
    double left = job->deadline - job->reserve - lip_now();
    job->options.time_limit = left;
    return left > 0;
}

static void skip(struct lip_bound *bound, const char *reason)
{
    bound->skipped = true;
    snprintf(bound->reason, sizeof bound->reason, "%.*s",
             (int)sizeof bound->reason - 1, reason);
}

static void skip_for_time(struct job *job, struct lip_bound *bound,
                          const char *reason)
{
    job->out_of_time = true;
    job->cut[bound - job->bound] = true;
    skip(bound, reason);
}

static double chain_bytes(const struct job *job)
{
    bool layered = job->chain && !job->chain->unrolled;
    return layered ? 0 : lip_chain_bytes(job->request->network);
}

/* Whether the estimate of a method is over a limit, and the sentence. */
static bool over_limit(const struct job *job, const struct lip_cost *cost,
                       char *reason, size_t size)
{
    static const char of_token[] = " that the token has";
    const struct api_bound_limits *limits = job->limits;
    double bytes = chain_bytes(job) + cost->bytes;
    if (limits->max_bytes > 0 && bytes > limits->max_bytes)
        snprintf(reason, size,
                 "It is estimated to need %.3g bytes of memory, over the "
                 "limit of %.3g%s.",
                 bytes, limits->max_bytes, limits->own_bytes ? of_token : "");
    else if (limits->max_flops > 0 && cost->flops > limits->max_flops)
        snprintf(reason, size,
                 "It is estimated to need %.3g floating-point operations, "
                 "over the limit of %.3g%s.",
                 cost->flops, limits->max_flops,
                 limits->own_flops ? of_token : "");
    else
        return false;
    return true;
}

/* --- the plan: which methods, and which of them are skipped beforehand */

static void list_methods(struct job *job)
{
    const struct api_bound_request *request = job->request;
    bool named = request->choice == API_METHODS_NAMED;
    for (size_t i = 0; i < API_MAX_METHODS; i++) {
        const struct lip_method *method = !named ? lip_methods[i]
                                          : i < request->method_count
                                              ? request->method[i]
                                              : NULL;
        if (!method)
            break;
        job->bound[i].method = method;
        job->bound[i].optimum_at_least = NAN;
        job->count = i + 1;
    }
}

static size_t choose(const struct lip_method *out[API_MAX_METHODS],
                     const struct job *job, double seconds)
{
    struct lip_bound_options options = job->options;
    options.time_limit = seconds;
    return lip_methods_auto(out, API_MAX_METHODS, job->chain, &options,
                            job->limits->flops_per_second);
}

/* A choice that is not that of the limits is one of the moment. */
static void select_auto(struct job *job)
{
    const struct lip_method *chosen[API_MAX_METHODS], *other[API_MAX_METHODS];
    refresh_time_left(job);
    size_t n = choose(chosen, job, job->options.time_limit);
    if (choose(other, job, job->allowed) != n ||
        memcmp(chosen, other, n * sizeof *chosen))
        depend_on(job, API_BOUND_CUT);
    for (size_t i = 0; i < job->count; i++)
        for (size_t k = 0; k < n; k++)
            job->selected[i] |= chosen[k] == job->bound[i].method;
}

/* Skips one method beforehand where there is a reason to. A named method over
 * a limit is a failure instead. */
static enum lip_status plan_method(struct job *job, size_t i)
{
    struct lip_bound *bound = &job->bound[i];
    const struct lip_method *method = bound->method;
    char reason[sizeof bound->reason] = "It does not apply to this model.";
    if (!lip_method_applies(method, job->chain, &job->options, reason,
                            sizeof reason)) {
        skip(bound, reason);
        return LIP_OK;
    }
    struct lip_cost cost =
        method->cost(lip_method_chain(method, job->chain), &job->options);
    if (over_limit(job, &cost, reason, sizeof reason)) {
        skip(bound, reason);
        depend_on(job, API_BOUND_LIMITED);
        if (job->request->choice != API_METHODS_NAMED)
            return LIP_OK;
        api_problem_set(job->problem, API_PROBLEM_MODEL_TOO_LARGE,
                        "The method \"%s\" cannot run on this model. %s",
                        method->id, reason);
        return LIP_TOO_LARGE;
    }
    job->seconds[i] = cost.flops / job->limits->flops_per_second;
    if (job->request->choice == API_METHODS_AUTO && !job->selected[i]) {
        snprintf(reason, sizeof reason,
                 "It is expected to take about %.2g s, more than auto has "
                 "left; name it to run it.",
                 job->seconds[i]);
        skip_for_time(job, bound, reason);
        depend_on(job, API_BOUND_LIMITED);
    } else {
        job->predicted += job->seconds[i];
    }
    return LIP_OK;
}

static enum lip_status plan(struct job *job)
{
    list_methods(job);
    if (job->request->choice == API_METHODS_AUTO)
        select_auto(job);
    for (size_t i = 0; i < job->count; i++) {
        enum lip_status s = plan_method(job, i);
        if (s != LIP_OK)
            return s;
    }
    return LIP_OK;
}

/* --- the work */

static enum lip_status make_chain(struct job *job)
{
    const struct lip_network *network = job->request->network;
    double bytes = chain_bytes(job), most = job->limits->max_bytes;
    if (most > 0 && bytes > most && lip_network_is_dense(network)) {
        api_problem_set(job->problem, API_PROBLEM_MODEL_TOO_LARGE,
                        "The model is estimated to need %.3g bytes of memory, "
                        "over the limit of %.3g.",
                        bytes, most);
        return LIP_TOO_LARGE;
    }
    /* Without matrices a chain takes nothing, and products go by layers. */
    most = most > 0 ? fmin(most, LIP_UNROLL_BYTES) : LIP_UNROLL_BYTES;
    enum lip_status s =
        lip_chain_new_within(&job->chain, network, most, job->ctx);
    if (s == LIP_OK && !job->chain->unrolled && most < LIP_UNROLL_BYTES)
        depend_on(job, API_BOUND_LIMITED);
    return s == LIP_OK ? LIP_OK : failed(job, s);
}

/* What a method's failure means for the whole: one that ran out of time, or,
 * unless asked for by name, out of its memory, leaves the others standing. */
static enum lip_status forgive(struct job *job, struct lip_bound *bound,
                               enum lip_status status)
{
    bool named = job->request->choice == API_METHODS_NAMED;
    if (status != LIP_UNPROVEN)
        depend_on(job, API_BOUND_CUT);
    if (status == LIP_TIMEOUT)
        skip_for_time(job, bound,
                      refresh_time_left(job)
                          ? "Its share of the time limit was not enough."
                          : "no time left");
    else if (status == LIP_UNPROVEN || (status == LIP_TOO_LARGE && !named))
        skip(bound, job->ctx->error.detail);
    else
        return failed(job, status);
    lip_error_clear(job->ctx);
    return LIP_OK;
}

/* A method that took a good part of the time it had may have planned for that,
 * whatever it says. */
static bool is_cut(const struct job *job, const struct lip_bound *bound)
{
    return bound->state == LIP_BOUND_TIME_LIMIT ||
           (job->deadline > 0 && bound->seconds > job->options.time_limit / 4);
}

/* Expected to take several times as long as there is, with nothing to show
 * before it is done. */
static bool is_hopeless(const struct job *job, size_t i, double left)
{
    return job->deadline > 0 && job->bound[i].method->whole &&
           job->seconds[i] > 5 * left;
}

/* Methods that are dear and come first leave time to those behind. */
static void take_share(struct job *job, size_t i)
{
    double seconds[API_MAX_METHODS], left = job->options.time_limit;
    size_t count = 0;
    if (job->deadline <= 0)
        return;
    for (size_t k = i; k < job->count; k++)
        if (!job->bound[k].skipped && !is_hopeless(job, k, left))
            seconds[count++] = job->seconds[k];
    job->options.time_limit = api_time_share(seconds, count, left);
    job->ctx->deadline = lip_now() + job->options.time_limit;
}

/* Runs a method by the deadline that the context has, then sets it back. */
static enum lip_status carry_out(struct job *job, struct lip_bound *bound)
{
    enum lip_status s = lip_method_run(bound, bound->method, job->chain,
                                       &job->options, job->ctx);
    if (job->deadline > 0)
        job->ctx->deadline = job->deadline - job->reserve;
    if (is_cut(job, bound))
        depend_on(job, API_BOUND_CUT);
    if (s != LIP_OK)
        return forgive(job, bound, s);
    if (!bound->skipped && job->limits->observe)
        job->limits->observe(job->limits->observe_arg, bound);
    return LIP_OK;
}

static enum lip_status run_method(struct job *job, size_t i)
{
    struct lip_bound *bound = &job->bound[i];
    if (bound->skipped)
        return LIP_OK;
    if (!refresh_time_left(job)) {
        depend_on(job, API_BOUND_CUT);
        skip_for_time(job, bound, "no time left");
        return LIP_OK;
    }
    if (is_hopeless(job, i, job->options.time_limit)) {
        char reason[sizeof bound->reason];
        snprintf(reason, sizeof reason,
                 "It is expected to take about %.2g s, far more than is left.",
                 job->seconds[i]);
        depend_on(job, API_BOUND_CUT);
        skip_for_time(job, bound, reason);
        return LIP_OK;
    }
    take_share(job, i);
    enum lip_status s = carry_out(job, bound);
    if (s == LIP_OK)
        api_bound_progress_over(&job->progress, bound);
    return s;
}

/* Of the methods that time was too short for, the one that takes the least,
 * where that is next to nothing; or count. */
static size_t nearly_free(const struct job *job)
{
    size_t least = job->count;
    double seconds = NEARLY_FREE;
    for (size_t i = 0; i < job->count; i++)
        if (job->cut[i] && job->seconds[i] <= seconds) {
            seconds = job->seconds[i];
            least = i;
        }
    return least;
}

/* Nothing was proven in time, as on a machine that stood still for a while: a
 * bound that takes next to nothing is still better than none. */
static enum lip_status run_late(struct job *job, bool *any)
{
    size_t i = nearly_free(job);
    if (job->request->choice == API_METHODS_NAMED || i == job->count)
        return LIP_OK;
    struct lip_bound *bound = &job->bound[i];
    job->options.time_limit = 0;
    job->ctx->deadline = 0;
    enum lip_status s = carry_out(job, bound);
    *any = s == LIP_OK && !bound->skipped;
    return s;
}

static enum lip_status run_methods(struct job *job)
{
    bool any = false;
    for (size_t i = 0; i < job->count; i++)
        job->progress.total += !job->bound[i].skipped;
    for (size_t i = 0; i < job->count; i++) {
        enum lip_status s = run_method(job, i);
        if (s != LIP_OK)
            return s;
        any |= !job->bound[i].skipped;
    }
    if (any || !job->out_of_time)
        return LIP_OK;
    enum lip_status s = run_late(job, &any);
    if (any || s != LIP_OK)
        return s;
    api_problem_set(job->problem, API_PROBLEM_TIME_LIMIT,
                    "The time limit of %.3g s passed before any bound was "
                    "proven. Give more time or name a cheaper method.",
                    job->deadline - job->start);
    return LIP_TIMEOUT;
}

/* The factors of the least product of norms that went by layers, or NULL. */
static const struct lip_product *least_product(const struct job *job)
{
    const struct lip_bound *least = NULL;
    for (size_t i = 0; i < job->count; i++) {
        const struct lip_bound *bound = &job->bound[i];
        if (!bound->skipped && bound->product &&
            (!least || bound->upper_bound < least->upper_bound))
            least = bound;
    }
    return least ? least->product : NULL;
}

/* Which norms of layers there is time for. Those that are not known take about
 * as long as the product of norms does: as much has to be left as was spent. */
static enum api_layer_norms affordable(const struct job *job)
{
    double now = lip_now();
    if (job->request->choice == API_METHODS_NAMED ||
        (job->deadline > 0 && job->deadline - now < now - job->start))
        return API_NORMS_KNOWN;
    return job->request->choice == API_METHODS_ALL ? API_NORMS_ALL
                                                   : API_NORMS_BEST;
}

static enum lip_status find_layer_norms(struct job *job)
{
    const struct lip_network *network = job->request->network;
    const struct lip_product *product = least_product(job);
    struct lip_norm_pair norm = job->options.norm;
    enum api_layer_norms wanted = affordable(job);
    if (wanted == API_NORMS_KNOWN && job->request->choice != API_METHODS_NAMED)
        depend_on(job, API_BOUND_CUT);
    if (norm.input != norm.output || (wanted == API_NORMS_KNOWN && !product))
        return LIP_OK;
    job->layer = lip_calloc(job->ctx, network->count, sizeof *job->layer);
    if (!job->layer)
        return failed(job, job->ctx->error.status);
    enum lip_status s = api_layers_find(job->layer, network, norm.input, wanted,
                                        product, job->ctx);
    if (s == LIP_NO_MEMORY || s == LIP_CANCELLED)
        return failed(job, s);
    if (s != LIP_OK)
        depend_on(job, API_BOUND_CUT);
    lip_error_clear(job->ctx);
    return LIP_OK;
}

/* The lower bound of the true constant, in the time that was kept for it. */
static enum lip_status find_lower_bound(struct job *job)
{
    if (!api_lower_wanted(job->request))
        return LIP_OK;
    const struct lip_bound *best = api_bound_best(job->bound, job->count);
    enum lip_status s =
        api_lower_find(&job->lower, job->request, job->limits->max_bytes,
                       best ? best->upper_bound : 0, job->ctx);
    if (job->lower.cut)
        depend_on(job, API_BOUND_CUT);
    return s == LIP_OK ? LIP_OK : failed(job, s);
}

static void write_answer(struct api_text *text, const struct job *job)
{
    const struct lip_lower_bound *lower =
        api_lower_wanted(job->request) ? &job->lower : NULL;
    struct api_bound_result result = {.network = job->request->network,
                                      .chain = job->chain,
                                      .certificates = job->options.evidence,
                                      .layer = job->layer,
                                      .norm = job->request->options.norm,
                                      .bound = job->bound,
                                      .count = job->count,
                                      .lower = lower,
                                      .seconds = lip_now() - job->start};
    api_bound_write(text, &result);
}

static enum lip_status run_job(struct job *job)
{
    api_bound_progress_begin(&job->progress, job->ctx);
    enum lip_status s = make_chain(job);
    if (s == LIP_OK)
        s = plan(job);
    if (job->deadline > 0)
        job->ctx->deadline = job->deadline - job->reserve;
    if (s == LIP_OK)
        s = run_methods(job);
    job->ctx->deadline = job->deadline;
    if (s == LIP_OK)
        s = find_lower_bound(job);
    if (s == LIP_OK)
        s = find_layer_norms(job);
    api_bound_progress_end(&job->progress);
    return s;
}

static struct job *new_job(const struct api_bound_request *request,
                           const struct api_bound_limits *limits,
                           struct api_problem *problem, struct lip_ctx *ctx)
{
    struct job *job = lip_calloc(ctx, 1, sizeof *job);
    if (!job) {
        api_problem_from_error(problem, &ctx->error);
        return NULL;
    }
    job->request = request;
    job->limits = limits;
    job->problem = problem;
    job->ctx = ctx;
    job->options = request->options;
    return job;
}

static void free_job(struct job *job)
{
    for (size_t i = 0; i < job->count; i++)
        lip_bound_clear(&job->bound[i]);
    lip_chain_free(job->chain);
    lip_free(job->layer);
    lip_lower_bound_clear(&job->lower);
    lip_free(job);
}

/* How often memory was short, whatever was made of that. */
static size_t refusals(const struct lip_ctx *ctx)
{
    return ctx->budget ? atomic_load(&ctx->budget->refused) : 0;
}

enum lip_status api_bound_answer(struct api_text *text,
                                 const struct api_bound_request *request,
                                 const struct api_bound_limits *limits,
                                 struct api_problem *problem,
                                 struct lip_ctx *ctx)
{
    struct job *job = new_job(request, limits, problem, ctx);
    if (!job)
        return ctx->error.status;
    double outer_deadline = ctx->deadline;
    size_t refused = refusals(ctx);
    set_deadline(job);
    ctx->deadline = job->deadline;
    enum lip_status s = run_job(job);
    ctx->deadline = outer_deadline;
    if (s == LIP_OK)
        write_answer(text, job);
    if (s == LIP_OK && text->failed)
        s = failed(job, ctx->error.status);
    if (refusals(ctx) != refused)
        depend_on(job, API_BOUND_CUT);
    if (limits->standing)
        *limits->standing = job->standing;
    free_job(job);
    return s;
}

enum lip_status api_bound_predict(double *seconds,
                                  const struct api_bound_request *request,
                                  const struct api_bound_limits *limits,
                                  struct api_problem *problem,
                                  struct lip_ctx *ctx)
{
    *seconds = 0;
    if (request->choice != API_METHODS_NAMED)
        return LIP_OK;
    struct job *job = new_job(request, limits, problem, ctx);
    if (!job)
        return ctx->error.status;
    enum lip_status s = make_chain(job);
    if (s == LIP_OK)
        s = plan(job);
    *seconds = job->predicted;
    free_job(job);
    return s;
}
