/* SPDX-License-Identifier: MIT
 *
 * Measured runs of lipsdp. */
#include "tests/support/lipsdp.h"

#include "tests/support/layers.h"
#include "tests/support/measure.h"
#include "tests/support/plain.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

void lipsdp_run(struct lipsdp_run *run, const struct lip_chain *chain)
{
    struct lip_budget budget;
    lip_budget_init(&budget, 0);
    struct lip_ctx ctx = {.budget = &budget, .threads = run->threads};
    struct lip_bound_options options = {.norm = PAIR_22,
                                        .tolerance = run->tolerance};
    double wall = lip_now(), cpu = measure_now();
    if (run->patience > 0)
        ctx.deadline = wall + run->patience;
    enum lip_status status = lip_method_run(
        &run->bound, lip_method_find("lipsdp"), chain, &options, &ctx);
    run->cpu = measure_now() - cpu;
    run->wall = lip_now() - wall;
    run->peak = (double)budget.peak;
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    ck_assert_msg(!run->bound.skipped, "%s", run->bound.reason);
}

double lipsdp_gap(const struct lipsdp_run *run)
{
    return run->bound.upper_bound / run->bound.optimum_at_least - 1;
}

const char *lipsdp_state(const struct lipsdp_run *run)
{
    switch (run->bound.state) {
    case LIP_BOUND_CONVERGED:
        return "converged";
    case LIP_BOUND_TIME_LIMIT:
        return "time-limit";
    case LIP_BOUND_ITERATION_LIMIT:
        return "iteration-limit";
    default:
        return "none";
    }
}

static void pass(void *chain)
{
    bound_of("eclipse-fast", chain, PAIR_22);
}

double lipsdp_pass(const struct lip_chain *chain)
{
    struct measure work = {pass, (void *)(uintptr_t)chain, 0};
    measure(&work, 1, 0.05);
    return work.seconds;
}

struct lip_chain *lipsdp_random(size_t inputs, size_t width, size_t layers,
                                size_t outputs, double gain, uint64_t seed)
{
    struct lip_ctx ctx = {0};
    struct lip_layer *layer = calloc(2 * layers + 1, sizeof *layer);
    size_t most =
        (inputs > width ? inputs : width) * (outputs > width ? outputs : width);
    double *weight = malloc(most * sizeof *weight);
    ck_assert(layer && weight);
    for (size_t i = 0; i <= layers; i++) {
        size_t from = i ? width : inputs, to = i < layers ? width : outputs;
        double scale = gain / sqrt((double)from);
        for (size_t k = 0; k < from * to; k++)
            weight[k] = scale * plain_normal(&seed);
        layer[2 * i] = make_dense(to, from, weight, NULL, &ctx);
        if (i < layers)
            layer[2 * i + 1] = make_activation("relu");
    }
    struct lip_network *network;
    struct lip_chain *chain;
    ck_assert_int_eq(make_network(&network, layer, 2 * layers + 1, &ctx),
                     LIP_OK);
    ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
    lip_network_free(network);
    free(weight);
    free(layer);
    return chain;
}
