/* SPDX-License-Identifier: MIT
 *
 * The table of methods, and the running of one. */
#include "bounds/method.h"

#include "bounds/product.h"
#include "linalg/spectral.h"

#include <stdio.h>
#include <string.h>

extern const struct lip_method lip_method_naive, lip_method_spectral,
    lip_method_absolute, lip_method_eclipse_fast, lip_method_midpoint,
    lip_method_closed_form, lip_method_torus, lip_method_eclipse,
    lip_method_lipsdp;

const struct lip_method *const lip_methods[] = {
    &lip_method_naive,    &lip_method_spectral,
    &lip_method_absolute, &lip_method_eclipse_fast,
    &lip_method_midpoint, &lip_method_closed_form,
    &lip_method_torus,    &lip_method_eclipse,
    &lip_method_lipsdp,   NULL,
};

/* Names of methods that have the same value as one of ours. */
static const struct {
    const char *name, *id;
} alias[] = {
    {"chordal", "lipsdp"},
};

const struct lip_method *lip_method_find(const char *id)
{
    for (size_t i = 0; i < sizeof alias / sizeof *alias; i++)
        if (strcmp(alias[i].name, id) == 0)
            id = alias[i].id;
    for (size_t i = 0; lip_methods[i]; i++)
        if (strcmp(lip_methods[i]->id, id) == 0)
            return lip_methods[i];
    return NULL;
}

void lip_bound_clear(struct lip_bound *bound)
{
    lip_evidence_free(bound->evidence);
    bound->evidence = NULL;
    lip_product_free(bound->product);
    bound->product = NULL;
}

const struct lip_chain *lip_method_chain(const struct lip_method *method,
                                         const struct lip_chain *chain)
{
    if (method->joint)
        return chain;
    if (chain->body)
        chain = chain->body;
    return chain->plain ? chain->plain : chain;
}

static bool sees_all(const struct lip_method *method,
                     const struct lip_chain *chain)
{
    return method->joint || !chain->body;
}

/* The constant of what closes the network and the method does not see. */
static double closing_of(const struct lip_method *method,
                         const struct lip_chain *chain,
                         const struct lip_bound_options *options)
{
    return sees_all(method, chain)
               ? 1
               : chain->closing.constant[options->norm.output];
}

bool lip_method_applies(const struct lip_method *method,
                        const struct lip_chain *chain,
                        const struct lip_bound_options *options, char *reason,
                        size_t reason_size)
{
    if (isinf(closing_of(method, chain, options))) {
        snprintf(
            reason, reason_size,
            "From layer %zu on there is no Lipschitz constant in this norm.",
            chain->closing.first);
        return false;
    }
    chain = lip_method_chain(method, chain);
    if (!chain->unrolled && !method->layered) {
        snprintf(reason, reason_size, "%s", chain->obstacle);
        return false;
    }
    if (!chain->joint || method->joint)
        return method->applies(chain, options, reason, reason_size);
    snprintf(reason, reason_size,
             "The model has layers that sort or mirror too many numbers to be "
             "taken apart into pairs, which this method needs; ask for naive "
             "or spectral.");
    return false;
}

/* Chains that need no method: a zero matrix or a flat activation makes f
 * constant. */
static enum lip_status trivial(struct lip_bound *bound,
                               const struct lip_bound_options *options,
                               struct lip_ctx *ctx)
{
    bound->upper_bound = 0;
    if (!options->evidence)
        return LIP_OK;
    return lip_evidence_new(&bound->evidence, &lip_theorem_constant, 0, 0, ctx);
}

static double up(double a, double b)
{
    return a == 0 || b == 0 ? 0 : nextafter(a * b, INFINITY);
}

/* From the constant of the body to that of the network. */
static void close_with(struct lip_bound *bound, double constant)
{
    bound->upper_bound = up(bound->upper_bound, constant);
    for (size_t i = 0; i < bound->detail_count; i++)
        bound->detail[i].upper_bound =
            up(bound->detail[i].upper_bound, constant);
    if (bound->optimum_at_least > 0)
        bound->optimum_at_least =
            nextafter(bound->optimum_at_least * constant, 0);
}

/* Who listens to a method that sees the body alone. */
struct outside {
    double constant;
    lip_progress_fn *listener;
    void *arg;
};

/* What is proven of the body, as of the network. */
static bool hear(void *arg, const struct lip_progress *body)
{
    const struct outside *outside = arg;
    struct lip_progress all = *body;
    all.best = up(body->best, outside->constant);
    all.floor = nextafter(body->floor * outside->constant, 0);
    return outside->listener(outside->arg, &all);
}

static enum lip_status run(struct lip_bound *bound,
                           const struct lip_method *method,
                           const struct lip_chain *chain,
                           const struct lip_bound_options *options,
                           double closing, struct lip_ctx *ctx)
{
    struct outside outside = {closing, ctx ? ctx->progress : NULL,
                              ctx ? ctx->progress_arg : NULL};
    bool scaled = outside.listener && closing != 1;
    if (scaled) {
        ctx->progress = hear;
        ctx->progress_arg = &outside;
    }
    enum lip_status status = chain->zero
                                 ? trivial(bound, options, ctx)
                                 : method->run(bound, chain, options, ctx);
    if (scaled) {
        ctx->progress = outside.listener;
        ctx->progress_arg = outside.arg;
    }
    if (status == LIP_OK && !bound->skipped && closing != 1)
        close_with(bound, closing);
    return status;
}

enum lip_status lip_method_run(struct lip_bound *bound,
                               const struct lip_method *method,
                               const struct lip_chain *chain,
                               const struct lip_bound_options *options,
                               struct lip_ctx *ctx)
{
    *bound = (struct lip_bound){.method = method, .optimum_at_least = NAN};
    if (!lip_method_applies(method, chain, options, bound->reason,
                            sizeof bound->reason)) {
        bound->skipped = true;
        return LIP_OK;
    }
    double closing = closing_of(method, chain, options);
    struct lip_bound_options own = *options;
    /* Certificates speak of the whole network. */
    own.evidence = own.evidence && chain->dense && sees_all(method, chain);
    chain = lip_method_chain(method, chain);
    double start = lip_now();
    enum lip_status status = run(bound, method, chain, &own, closing, ctx);
    bound->seconds = lip_now() - start;
    if (status == LIP_OK && !bound->skipped &&
        !(bound->upper_bound >= 0 && isfinite(bound->upper_bound))) {
        bound->skipped = true;
        snprintf(bound->reason, sizeof bound->reason,
                 "No finite bound was proven.");
    }
    if (status != LIP_OK || bound->skipped)
        lip_bound_clear(bound);
    return status;
}

size_t lip_methods_auto(const struct lip_method **out, size_t max,
                        const struct lip_chain *chain,
                        const struct lip_bound_options *options,
                        double flops_per_second)
{
    double left = options->time_limit > 0 ? options->time_limit : INFINITY;
    char reason[240];
    size_t count = 0;
    for (size_t i = 0; lip_methods[i] && count < max; i++) {
        const struct lip_method *m = lip_methods[i];
        if (!lip_method_applies(m, chain, options, reason, sizeof reason))
            continue;
        double seconds = m->cost(lip_method_chain(m, chain), options).flops /
                         flops_per_second;
        if (seconds > left)
            continue;
        left -= seconds;
        out[count++] = m;
    }
    return count;
}
