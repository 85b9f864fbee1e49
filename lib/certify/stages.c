/* SPDX-License-Identifier: MIT
 *
 * From layers to stages. */
#include "certify/stages.h"

#include "network/chain.h"

#include <limits.h>
#include <math.h>
#include <string.h>

size_t lip_stages_of_layer(const struct lip_layer *layer)
{
    size_t steps =
        layer->kind->role == LIP_ROLE_JOINT ? lip_layer_steps(layer) : 0;
    return steps > 0 && steps != LIP_NO_STEPS ? 3 * steps : 1;
}

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

/* A square stage, all zeros. */
static enum lip_status add_square(struct lip_stage **out,
                                  struct lip_stages *stages, size_t n,
                                  struct lip_ctx *ctx)
{
    struct lip_stage *stage = *out = &stages->stage[stages->count++];
    *stage = (struct lip_stage){.inputs = n, .outputs = n};
    stage->weight = lip_calloc(ctx, n, n * sizeof *stage->weight);
    return stage->weight ? LIP_OK : ctx ? ctx->error.status : LIP_NO_MEMORY;
}

/* [c s; s -c] of the pairs, times `scale` if that is wanted, 1 of the others.
 */
static enum lip_status add_pairs(struct lip_stages *stages, size_t n,
                                 const struct lip_mirror *pair, size_t pairs,
                                 bool scale, struct lip_ctx *ctx)
{
    struct lip_stage *stage;
    enum lip_status status = add_square(&stage, stages, n, ctx);
    if (status != LIP_OK)
        return status;
    for (size_t k = 0; k < n; k++)
        stage->weight[k * n + k] = 1;
    for (const struct lip_mirror *m = pair; m < pair + pairs; m++) {
        double by = scale ? m->scale : 1;
        stage->weight[m->a * n + m->a] = by * m->cosine;
        stage->weight[m->a * n + m->b] = by * m->sine;
        stage->weight[m->b * n + m->a] = by * m->sine;
        stage->weight[m->b * n + m->b] = by * -m->cosine;
    }
    return LIP_OK;
}

/* Each step as two matrices, and between them prelu with slopes 1 and, of what
 * |.| is taken of, -1. */
static enum lip_status add_mirrors(struct lip_stages *stages,
                                   const struct lip_layer *layer,
                                   struct lip_ctx *ctx)
{
    size_t n = layer->inputs, steps = lip_layer_steps(layer);
    struct lip_mirror *pair = lip_alloc(ctx, n / 2 + 1, sizeof *pair);
    enum lip_status status = pair  ? LIP_OK
                             : ctx ? ctx->error.status
                                   : LIP_NO_MEMORY;
    for (size_t i = 0; status == LIP_OK && i < steps; i++) {
        size_t pairs = layer->kind->mirrors(layer, i, pair);
        status = add_pairs(stages, n, pair, pairs, false, ctx);
        if (status != LIP_OK)
            break;
        struct lip_stage *stage = &stages->stage[stages->count++];
        *stage = (struct lip_stage){.inputs = n,
                                    .outputs = n,
                                    .activation = lip_activation_find("prelu")};
        stage->own = lip_alloc(ctx, n, sizeof *stage->own);
        for (size_t k = 0; stage->own && k < n; k++)
            stage->own[k] = 1;
        for (size_t k = 0; stage->own && k < pairs; k++)
            stage->own[pair[k].b] = -1;
        status = stage->own ? add_pairs(stages, n, pair, pairs, true, ctx)
                 : ctx      ? ctx->error.status
                            : LIP_NO_MEMORY;
    }
    lip_free(pair);
    return status;
}

static enum lip_status add_layer(struct lip_stages *stages,
                                 const struct lip_layer *layer,
                                 struct lip_ctx *ctx)
{
    if (layer->kind->role == LIP_ROLE_JOINT)
        return add_mirrors(stages, layer, ctx); /* none, of single numbers */
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

/* The matrices of mirrors at any angle are not known exactly. */
bool lip_stages_can(const struct lip_network *network)
{
    bool joint = false;
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        if (layer->kind->mirror_error > 0)
            return false;
        joint = joint || (layer->kind->role == LIP_ROLE_JOINT &&
                          !lip_layer_changes_nothing(layer));
    }
    return lip_network_is_dense(network) &&
           (!joint || lip_chain_has_plain(network));
}

enum lip_status lip_stages_new(struct lip_stages **out,
                               const struct lip_network *network,
                               struct lip_ctx *ctx)
{
    if (!lip_stages_can(network))
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "Only chains of dense layers and activations are "
                        "taken apart here, and layers that sort not too many "
                        "numbers.");
    struct lip_stages *stages = lip_calloc(ctx, 1, sizeof *stages);
    if (!stages)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    stages->inputs = network->inputs;
    stages->outputs = network->outputs;
    size_t room = 0;
    for (size_t i = 0; i < network->count; i++)
        room += lip_stages_of_layer(&network->layer[i]);
    stages->stage = lip_calloc(ctx, room, sizeof *stages->stage);
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
    bool known = lip_stages_can(network);
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        double n = (double)layer->inputs;
        double stages = (double)lip_stages_of_layer(layer);
        bytes += stages * (sizeof(struct lip_stage) + 3 * BLOCK);
        if (layer->kind->role == LIP_ROLE_JOINT && known)
            bytes += stages * 8 * n * n + 40 * n;
        if (layer->weight.data)
            bytes += 8 * (double)lip_tensor_count(&layer->weight);
        if (layer->bias.data)
            bytes += 8 * (double)lip_tensor_count(&layer->bias);
    }
    return bytes;
}
