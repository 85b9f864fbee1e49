/* SPDX-License-Identifier: MIT
 *
 * The method of torus.h: multipliers by closed rules, all proven, the least
 * counts. */
#include "bounds/torus.h"

#include "bounds/norms/filter.h"
#include "bounds/support.h"

#include <stdio.h>

enum { TRIES = 5 };

static const struct {
    const char *name;
    double power;
    double first, step; /* of the constant c, which must stay below 2 */
} rules[] = {{"balanced", 0.5, 1.4, 0.15}, {"scalar", 0, 1.2, 0.3}};

/* A search over the constant of one rule. */
struct search {
    struct lip_torus_pass *pass;
    double power, at; /* at: the best constant so far; 0: none */
    struct lip_big least;
};

static enum lip_status attempt(struct search *s, double c, bool *better)
{
    struct lip_torus_rule rule = {c, s->power, NULL};
    struct lip_big value;
    bool feasible;
    enum lip_status status =
        lip_torus_pass_run(&value, &feasible, s->pass, &rule);
    *better = status == LIP_OK && feasible &&
              (s->at == 0 || lip_big_less(value, s->least));
    if (*better) {
        s->least = value;
        s->at = c;
    }
    return status;
}

/* Steps up from the first constant, or else down, while that helps. */
static enum lip_status search_constant(struct search *s, double first,
                                       double step)
{
    bool better;
    enum lip_status status = attempt(s, first, &better);
    for (int k = 1, turns = 0; k < TRIES && status == LIP_OK; k++) {
        double c = (s->at > 0 ? s->at : first) + step;
        if (c >= 1.95 || c <= 0.3)
            break;
        status = attempt(s, c, &better);
        if (better)
            continue;
        if (turns++ > 0 || s->at != first)
            break;
        step = -step;
    }
    return status;
}

static enum lip_status try_rules(struct lip_bound *bound, struct lip_big *best,
                                 bool *found, struct lip_torus_pass *pass,
                                 struct lip_ctx *ctx)
{
    enum lip_status status = LIP_OK;
    for (size_t r = 0; r < sizeof rules / sizeof *rules && status == LIP_OK;
         r++) {
        struct search s = {pass, rules[r].power, 0, {0, 0}};
        status = search_constant(&s, rules[r].first, rules[r].step);
        if (s.at == 0)
            continue;
        *best = *found ? lip_big_min(*best, s.least) : s.least;
        *found = true;
        lip_bound_add_detail(bound, rules[r].name, s.at, s.least);
        if (status == LIP_OK)
            status = lip_tick(ctx, "closed forms", (double)r + 1, 2,
                              lip_big_double(*best));
    }
    return status;
}

static enum lip_status run(struct lip_bound *bound,
                           const struct lip_chain *chain,
                           const struct lip_bound_options *options,
                           struct lip_ctx *ctx)
{
    struct lip_torus torus;
    struct lip_torus_pass *pass = NULL;
    struct lip_big best = {0, 0};
    bool found = false;
    (void)options;
    enum lip_status status =
        lip_torus_new(&torus, chain->network, bound->reason, ctx);
    if (status == LIP_OK)
        status = lip_torus_pass_new(&pass, &torus, ctx);
    if (status == LIP_OK)
        status = try_rules(bound, &best, &found, pass, ctx);
    /* What was proven before the clock struck stays proven. */
    if (status == LIP_TIMEOUT && found) {
        bound->state = LIP_BOUND_TIME_LIMIT;
        lip_error_clear(ctx);
        status = LIP_OK;
    }
    if (status == LIP_OK && found)
        lip_bound_set(bound, best);
    if (status == LIP_TOO_LARGE && ctx)
        snprintf(bound->reason, sizeof bound->reason, "%.*s",
                 (int)sizeof bound->reason - 1, ctx->error.detail);
    if ((status == LIP_OK && !found) || status == LIP_UNPROVEN ||
        status == LIP_TOO_LARGE) {
        lip_error_clear(ctx);
        status = LIP_OK;
        bound->skipped = true;
        if (!bound->reason[0])
            snprintf(bound->reason, sizeof bound->reason,
                     "No closed form could be proven in double precision.");
    }
    lip_torus_pass_free(pass);
    lip_torus_clear(&torus);
    return status;
}

static bool applies(const struct lip_chain *chain,
                    const struct lip_bound_options *options, char *reason,
                    size_t reason_size)
{
    if (!lip_applies_l2(chain, options, reason, reason_size))
        return false;
    if (chain->network && !chain->dense)
        return lip_torus_applies(chain->network, reason, reason_size);
    snprintf(reason, reason_size, "The model has no convolution.");
    return false;
}

/* Each frequency of each layer: some products of matrices of its channels. */
static struct lip_cost cost(const struct lip_chain *chain,
                            const struct lip_bound_options *options)
{
    const struct lip_network *network = chain->dense ? NULL : chain->network;
    struct lip_cost sum = {0, 0};
    (void)options;
    for (size_t i = 0; network && i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        if (layer->kind->role != LIP_ROLE_LINEAR || !layer->in.rank)
            continue;
        bool image = lip_filter_of(layer);
        double n = (double)layer->in.dim[0];
        double m = image ? (double)layer->out.dim[0] : (double)layer->outputs;
        double area = 1.2 * (double)layer->inputs / n;
        sum.flops += area * (2 * n * n * n + 2 * n * n * m + 2 * n * m * m);
        sum.bytes += 16 * area * n * n;
    }
    sum.flops *= 7;
    return sum;
}

const struct lip_method lip_method_torus = {
    .id = "lipsdp-torus",
    .title = "LipSDP of convolutions, frequency by frequency",
    .formula = "max over the frequencies of a torus around all images of the "
               "block recursion of LipSDP on the layers' symbols, one "
               "multiplier a channel by closed forms",
    .norms = "2",
    .supports = "chains of convolutions, pools, batch norms and dense layers "
                "with any slope-bounded activations",
    .cost_text = "7 passes of O(positions sum c_i^3)",
    .citation = "Derived here; LipSDP: Fazlyab et al., NeurIPS 2019; symbols: "
                "Sedghi, Gupta and Long, ICLR 2019; compare Pauli et al., "
                "arXiv 2405.01125 (GLipSDP)",
    .layered = true,
    .applies = applies,
    .cost = cost,
    .run = run,
};
