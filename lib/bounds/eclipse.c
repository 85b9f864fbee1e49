/* SPDX-License-Identifier: MIT
 *
 * ECLipsE: layer after layer the multipliers that leave most of M_i for the
 * next matrix, then the step of the recursion that proves them. */
#include "bounds/layer_sdp.h"
#include "bounds/multipliers.h"
#include "bounds/support.h"

#include <stdio.h>

/* Newton steps that one layer takes, for the prediction of time; as measured.
 */
enum { STEPS = 60 };

struct eclipse {
    const struct lip_chain *chain;
    struct lip_ctx *ctx;
    struct lip_recursion rec;
    struct lip_multipliers chosen;
    size_t steps;
    bool cut; /* by the limit of steps */
};

/* The steps of the layers before `layer`, once more. */
static enum lip_status go_to(struct eclipse *e, size_t layer)
{
    enum lip_status status = LIP_OK;
    bool feasible = true;
    lip_recursion_start(&e->rec);
    while (status == LIP_OK && feasible && e->rec.layer < layer)
        status = lip_recursion_step(&e->rec, e->chosen.lambda[e->rec.layer],
                                    &feasible);
    return status;
}

/* The step with what was chosen. Where rounding hides that it is feasible, it
 * is shrunk a little. */
static enum lip_status prove(struct eclipse *e, bool *feasible)
{
    size_t i = e->rec.layer, n = lip_chain_width(e->chain, i + 1);
    double *lambda = e->chosen.lambda[i];
    enum lip_status status = lip_recursion_step(&e->rec, lambda, feasible);
    for (double theta = 0x1p-36; status == LIP_OK && !*feasible && theta < 1;
         theta *= 16) {
        for (size_t k = 0; k < n; k++)
            lambda[k] *= 1 - theta;
        status = go_to(e, i);
        if (status == LIP_OK)
            status = lip_recursion_step(&e->rec, lambda, feasible);
    }
    return status;
}

static enum lip_status layer(struct eclipse *e, size_t most, bool *feasible)
{
    size_t i = e->rec.layer;
    struct lip_layer_problem problem = {
        .s = &e->rec.s,
        .next = &e->chain->link[i + 1].transposed,
        .sector = e->rec.sector[i],
        .done = (double)i,
        .total = (double)e->chain->count - 1,
    };
    bool done;
    enum lip_status status = lip_layer_sdp(e->chosen.lambda[i], &e->steps,
                                           &done, &problem, most, e->ctx);
    e->cut = e->cut || (!done && e->steps >= most);
    return status == LIP_OK ? prove(e, feasible) : status;
}

static enum lip_status pass(struct lip_big *out, struct eclipse *e, size_t most,
                            bool *feasible)
{
    enum lip_status status = LIP_OK;
    *feasible = true;
    while (status == LIP_OK && *feasible && e->rec.layer + 1 < e->chain->count)
        status = layer(e, most, feasible);
    if (status == LIP_OK && *feasible)
        status = lip_recursion_finish(out, &e->rec);
    return status;
}

static enum lip_status run(struct lip_bound *bound,
                           const struct lip_chain *chain,
                           const struct lip_bound_options *options,
                           struct lip_ctx *ctx)
{
    struct eclipse e = {.chain = chain, .ctx = ctx};
    struct lip_keeper keeper = {.wanted = false};
    size_t most = options->max_iterations ? options->max_iterations : SIZE_MAX;
    struct lip_big value;
    bool feasible = false;
    enum lip_status status = lip_recursion_new(&e.rec, chain, ctx);
    if (status != LIP_OK)
        return status;
    status = lip_multipliers_new(&e.chosen, chain, ctx);
    if (status == LIP_OK)
        status = lip_keeper_open(&keeper, &e.rec, options->evidence);
    if (status == LIP_OK)
        status = pass(&value, &e, most, &feasible);
    if (status == LIP_OK && feasible) {
        bound->iterations = e.steps;
        bound->state = e.cut ? LIP_BOUND_ITERATION_LIMIT : LIP_BOUND_NONE;
        lip_bound_set(bound, value);
        lip_keeper_offer(&keeper, value);
        status = lip_keeper_tell(bound, &keeper);
    } else if (status == LIP_OK) {
        bound->skipped = true;
        snprintf(bound->reason, sizeof bound->reason,
                 "A layer is too badly conditioned to prove its multipliers "
                 "in double precision.");
    }
    lip_keeper_close(&keeper);
    lip_multipliers_clear(&e.chosen);
    lip_recursion_clear(&e.rec);
    return status;
}

static struct lip_cost cost(const struct lip_chain *chain,
                            const struct lip_bound_options *options)
{
    struct lip_cost c = lip_method_find("eclipse-fast")->cost(chain, options);
    double most = 0;
    for (size_t i = 1; i < chain->count; i++) {
        double n = (double)lip_chain_width(chain, i);
        double next = (double)lip_chain_width(chain, i + 1);
        double least = fmin(n, next);
        c.flops += STEPS * (7 * n * n * n + 6 * n * n * next +
                            least * least * fmax(n, next));
        most = fmax(most, 14 * n * n + 4 * n * next + least * least);
    }
    c.bytes += 8 * most;
    return c;
}

const struct lip_method lip_method_eclipse = {
    .id = "eclipse",
    .title = "ECLipsE: the best multipliers of each layer in turn",
    .formula = "Lambda_i = argmax c subject to M_i >= c W_{i+1}^T W_{i+1}, in "
               "the block recursion of LipSDP",
    .norms = "2",
    .supports = "networks that unroll into matrices: dense and convolutional "
                "layers, skip connections, pools, groupsort (groups of at most "
                "32) and householder, any slope-bounded activations",
    .cost_text = "40 to 120 Newton steps of 7 n_i^3 + 6 n_i^2 n_{i+1} flops a "
                 "layer",
    .citation = "Xu and Sivaranjani, ECLipsE: Efficient Compositional "
                "Lipschitz Constant Estimation for Deep Neural Networks, "
                "NeurIPS 2024; barrier with n x n matrices and slopes other "
                "than [0, 1]: derived here",
    .whole = true,
    .applies = lip_applies_l2,
    .cost = cost,
    .run = run,
};
