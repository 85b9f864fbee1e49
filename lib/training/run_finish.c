/* SPDX-License-Identifier: MIT
 *
 * The end of a run: each matrix exactly onto its limit, the product of all
 * proven norms held against the limit of the network, and the model that is
 * served. */
#include "training/monotone.h"
#include "training/run.h"
#include "training/serve.h"

#include <math.h>
#include <string.h>

enum { NAMED = sizeof((struct lip_outcome *)0)->layer / sizeof(double) };

static enum lip_status project_all(struct lip_outcome *outcome,
                                   struct lip_run *run, struct lip_ctx *ctx)
{
    outcome->norm = run->fixed;
    for (size_t i = 0; i < run->arrays; i++) {
        double norm;
        if (!run->array[i].constrained)
            continue;
        enum lip_status status =
            lip_run_array_finish(&norm, run, &run->array[i], ctx);
        if (status != LIP_OK)
            return status;
        outcome->norm = lip_mul_up(outcome->norm, norm);
        if (outcome->layers < NAMED)
            outcome->layer[outcome->layers] = norm;
        outcome->layers++;
    }
    outcome->norm = lip_run_norm(run, outcome->norm);
    if (outcome->norm <= run->options.limit)
        return LIP_OK;
    return lip_fail(ctx, LIP_UNPROVEN,
                    "The bound %.17g of the projected model was not proven to "
                    "be within the limit %.17g.",
                    outcome->norm, run->options.limit);
}

enum lip_status lip_run_finish(struct lip_network **network,
                               struct lip_outcome *outcome, struct lip_run *run,
                               struct lip_ctx *ctx)
{
    *network = NULL;
    *outcome = (struct lip_outcome){.norm = NAN};
    if (run->at.has_best)
        memcpy(run->learned, run->best,
               run->model->parameters * sizeof *run->best);
    enum lip_status status = lip_run_map(run, ctx);
    if (status == LIP_OK && !run->options.constraint->free)
        status = project_all(outcome, run, ctx);
    if (status == LIP_OK)
        status = lip_serve(network, run->model, run->scaling, ctx);
    if (status == LIP_OK && run->options.constraint->monotone)
        status = lip_monotone_prove(*network, run->options.direction,
                                    run->model->opposed, ctx);
    if (status != LIP_OK) {
        lip_network_free(*network);
        *network = NULL;
    }
    return status;
}
