/* SPDX-License-Identifier: MIT
 *
 * From layers to stages. */
#include "certify/stages.h"

#include "network/chain.h"

#include <limits.h>
#include <math.h>
#include <string.h>

enum { STAGES_OF_LAYER = 3 }; /* at most */

const double *lip_stage_parameter(const struct lip_stage *stage, size_t k,
                                  double room[LIP_MAX_PARAMETERS])
{
    if (!stage->own)
        return stage->parameter;
    memcpy(room, stage->parameter, sizeof stage->parameter);
    room[0] = stage->own[k];
    return room;
}

/* An absent tensor gives NULL. */
static enum lip_status widen(double **out, const struct lip_tensor *tensor,
                             struct lip_ctx *ctx)
{
    *out = NULL;
    if (!tensor->data)
        return LIP_OK;
    *out = lip_alloc(ctx, lip_tensor_count(tensor), sizeof **out);
    if (!*out)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    lip_tensor_widen(*out, tensor);
    return LIP_OK;
}

/* a + b and a - b of every pair, times `unit`: exact in doubles' products. */
static enum lip_status add_pairs(struct lip_stages *stages, size_t n,
                                 double unit, struct lip_ctx *ctx)
{
    struct lip_stage *stage = &stages->stage[stages->count++];
    *stage = (struct lip_stage){.inputs = n, .outputs = n};
    stage->weight = lip_calloc(ctx, n, n * sizeof *stage->weight);
    if (!stage->weight)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    for (size_t i = 0; i < n; i += 2) {
        double *x = stage->weight + i * n + i;
        x[0] = x[1] = x[n] = unit;
        x[n + 1] = -unit;
    }
    return LIP_OK;
}

/* max and min of a pair are (s + |d|) / 2 and (s - |d|) / 2 with s = a + b, d =
 * a - b: two matrices, and between them prelu with slopes 1 and -1. */
static enum lip_status add_max_min(struct lip_stages *stages, size_t n,
                                   struct lip_ctx *ctx)
{
    enum lip_status status = add_pairs(stages, n, 1, ctx);
    if (status != LIP_OK)
        return status;
    struct lip_stage *stage = &stages->stage[stages->count++];
    *stage = (struct lip_stage){
        .inputs = n, .outputs = n, .activation = lip_activation_find("prelu")};
    stage->own = lip_alloc(ctx, n, sizeof *stage->own);
    if (!stage->own)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    for (size_t k = 0; k < n; k++)
        stage->own[k] = k % 2 ? -1 : 1;
    return add_pairs(stages, n, 0.5, ctx);
}

static enum lip_status add_layer(struct lip_stages *stages,
                                 const struct lip_layer *layer,
                                 struct lip_ctx *ctx)
{
    if (layer->kind->role == LIP_ROLE_JOINT)
        return add_max_min(stages, layer->inputs, ctx);
    if (layer->kind->role == LIP_ROLE_RESHAPE)
        return LIP_OK;
    bool linear = layer->kind->role == LIP_ROLE_LINEAR;
    if (!linear && !layer->activation)
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "Layers of type %s are not searched.",
                        lip_layer_type(layer));
    struct lip_stage *stage = &stages->stage[stages->count++];
    *stage = (struct lip_stage){.inputs = layer->inputs,
                                .outputs = layer->outputs,
                                .activation = layer->activation};
    memcpy(stage->parameter, layer->parameter, sizeof stage->parameter);
    enum lip_status status =
        widen(linear ? &stage->weight : &stage->own, &layer->weight, ctx);
    if (status == LIP_OK)
        status = widen(&stage->bias, &layer->bias, ctx);
    return status;
}

/* 2^result is above all of x[count] in absolute value; LONG_MIN where all are
 * zero. */
static long top_of(const double *x, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(x[i]));
    int e = 0;
    frexp(most, &e);
    return most > 0 ? e : LONG_MIN;
}

static void summarise(struct lip_stages *stages)
{
    stages->widest = stages->inputs;
    stages->straight = true;
    for (size_t i = 0; i < stages->count; i++) {
        struct lip_stage *stage = &stages->stage[i];
        if (stage->outputs > stages->widest)
            stages->widest = stage->outputs;
        if (stage->weight) {
            size_t count = stage->inputs * stage->outputs;
            stages->products += (double)count;
            stage->top_weight = top_of(stage->weight, count);
            if (stage->top_weight == LONG_MIN) /* no matter what it is */
                stage->top_weight = 0;
            stage->top_bias = LONG_MIN;
            if (stage->bias)
                stage->top_bias = top_of(stage->bias, stage->outputs);
            continue;
        }
        stages->neurons += stage->outputs;
        stages->straight = stages->straight && stage->activation->pieces;
    }
}

/* A chain whose layers are dense, elementwise, or MaxMin of a width that is no
 * matter. */
static bool is_known(const struct lip_network *network)
{
    if (!lip_network_is_dense(network))
        return false;
    for (size_t i = 0; i < network->count; i++)
        if (network->layer[i].kind->role == LIP_ROLE_JOINT)
            return lip_chain_has_plain(network);
    return true;
}

enum lip_status lip_stages_new(struct lip_stages **out,
                               const struct lip_network *network,
                               struct lip_ctx *ctx)
{
    if (!is_known(network))
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "Only chains of dense layers and activations are "
                        "taken apart here, and of layers that sort numbers "
                        "MaxMin where it is not too wide.");
    struct lip_stages *stages = lip_calloc(ctx, 1, sizeof *stages);
    if (!stages)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    stages->inputs = network->inputs;
    stages->outputs = network->outputs;
    stages->stage = lip_calloc(ctx, network->count,
                               STAGES_OF_LAYER * sizeof *stages->stage);
    enum lip_status status = LIP_OK;
    if (!stages->stage)
        status = ctx ? ctx->error.status : LIP_NO_MEMORY;
    for (size_t i = 0; status == LIP_OK && i < network->count; i++)
        status = add_layer(stages, &network->layer[i], ctx);
    if (status != LIP_OK) {
        lip_stages_free(stages);
        return status;
    }
    summarise(stages);
    *out = stages;
    return LIP_OK;
}

void lip_stages_free(struct lip_stages *stages)
{
    if (!stages)
        return;
    for (size_t i = 0; i < stages->count; i++) {
        lip_free(stages->stage[i].weight);
        lip_free(stages->stage[i].bias);
        lip_free(stages->stage[i].own);
    }
    lip_free(stages->stage);
    lip_free(stages);
}

/* What a block takes besides its content, at most. */
enum { BLOCK = 128 };

double lip_stages_bytes(const struct lip_network *network)
{
    double bytes = sizeof(struct lip_stages) + 2 * BLOCK;
    bool known = is_known(network);
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        double n = (double)layer->inputs;
        bytes += STAGES_OF_LAYER * (sizeof(struct lip_stage) + 3 * BLOCK);
        if (layer->kind->role == LIP_ROLE_JOINT && known)
            bytes += 8 * (2 * n + 1) * n;
        if (layer->weight.data)
            bytes += 8 * (double)lip_tensor_count(&layer->weight);
        if (layer->bias.data)
            bytes += 8 * (double)lip_tensor_count(&layer->bias);
    }
    return bytes;
}
