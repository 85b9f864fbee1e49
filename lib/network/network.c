/* SPDX-License-Identifier: MIT
 *
 * Validating, owning and evaluating a chain of layers. */
#include "network/network.h"

#include "network/id.h"

#include <stdio.h>
#include <string.h>

const char *lip_layer_type(const struct lip_layer *layer)
{
    return layer->activation ? layer->activation->name : layer->kind->name;
}

struct lip_slopes lip_layer_slopes(const struct lip_layer *layer, size_t k)
{
    double parameter[LIP_MAX_PARAMETERS];
    if (layer->kind->slopes)
        return layer->kind->slopes(layer, k);
    memcpy(parameter, layer->parameter, sizeof parameter);
    if (layer->weight.data)
        parameter[0] = lip_tensor_at(&layer->weight, k);
    return layer->activation->slopes(parameter);
}

void lip_layer_clear(struct lip_layer *layer)
{
    lip_tensor_clear(&layer->weight);
    lip_tensor_clear(&layer->bias);
}

/* Passes a layer's own complaint on, with the layer it is about. */
static enum lip_status blame(const struct lip_layer *layer, size_t i,
                             enum lip_status status, const char *complaint,
                             struct lip_ctx *ctx)
{
    if (status == LIP_OK)
        return LIP_OK;
    char where[24];
    snprintf(where, sizeof where, "%zu", i);
    const char *quote = *layer->name ? "\"" : "", *comma = *quote ? ", " : "";
    return lip_fail_at(ctx, status, LIP_AT_LAYER, where,
                       "Layer %zu (%s%s%s%s%s): %s", i, quote, layer->name,
                       quote, comma, lip_layer_type(layer), complaint);
}

static enum lip_status check_numbers(const struct lip_layer *layer, size_t i,
                                     struct lip_ctx *ctx)
{
    struct lip_ctx own = {0};
    enum lip_status status =
        lip_tensor_check_finite(&layer->weight, LIP_NOWHERE, "weight", &own);
    if (status == LIP_OK)
        status =
            lip_tensor_check_finite(&layer->bias, LIP_NOWHERE, "bias", &own);
    return blame(layer, i, status, own.error.detail, ctx);
}

/* Shapes of layers first .. last - 1, the first of which gets `inputs` numbers
 * (0: not known). */
static enum lip_status infer(struct lip_layer *layer, size_t last,
                             size_t inputs, struct lip_ctx *ctx)
{
    for (size_t i = 0; i < last; i++) {
        struct lip_ctx own = {0};
        enum lip_status status = layer[i].kind->infer(&layer[i], inputs, &own);
        if (status != LIP_OK)
            return blame(&layer[i], i, status, own.error.detail, ctx);
        inputs = layer[i].outputs;
    }
    return LIP_OK;
}

/* Layers that take any number of inputs give as many outputs: those in front
 * of the first layer of fixed size get that layer's. */
static enum lip_status infer_all(struct lip_layer *layer, size_t count,
                                 struct lip_ctx *ctx)
{
    enum lip_status status = infer(layer, count, 0, ctx);
    if (status != LIP_OK)
        return status;
    size_t first = 0;
    while (first < count && layer[first].inputs == 0)
        first++;
    if (first == count)
        return lip_fail(ctx, LIP_INVALID,
                        "The model has no layer with weights, so that the "
                        "size of its input is not known. Add a dense layer.");
    return infer(layer, first, layer[first].inputs, ctx);
}

static enum lip_status validate(struct lip_layer *layer, size_t count,
                                struct lip_ctx *ctx)
{
    if (count == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "The model has no layers. Add a dense layer.");
    for (size_t i = 0; i < count; i++) {
        enum lip_status status = check_numbers(&layer[i], i, ctx);
        if (status != LIP_OK)
            return status;
    }
    return infer_all(layer, count, ctx);
}

static size_t count_numbers(const struct lip_tensor *tensor)
{
    return tensor->data ? lip_tensor_count(tensor) : 0;
}

static void describe(struct lip_network *network)
{
    const struct lip_layer *layer = network->layer;
    network->inputs = layer[0].inputs;
    network->outputs = layer[network->count - 1].outputs;
    for (size_t i = 0; i < network->count; i++)
        network->parameters +=
            count_numbers(&layer[i].weight) + count_numbers(&layer[i].bias);
}

static void free_layers(struct lip_layer *layer, size_t count)
{
    for (size_t i = 0; i < count; i++)
        lip_layer_clear(&layer[i]);
    lip_free(layer);
}

enum lip_status lip_network_new(struct lip_network **out,
                                struct lip_layer *layer, size_t count,
                                struct lip_ctx *ctx)
{
    *out = NULL;
    enum lip_status status = validate(layer, count, ctx);
    struct lip_network *network = NULL;
    if (status == LIP_OK) {
        network = lip_calloc(ctx, 1, sizeof *network);
        if (!network)
            status = ctx ? ctx->error.status : LIP_NO_MEMORY;
    }
    if (status != LIP_OK) {
        free_layers(layer, count);
        return status;
    }
    network->layer = layer;
    network->count = count;
    describe(network);
    status = lip_network_identify(network, ctx);
    if (status == LIP_OK)
        *out = network;
    else
        lip_network_free(network);
    return status;
}

void lip_network_free(struct lip_network *network)
{
    if (!network)
        return;
    free_layers(network->layer, network->count);
    lip_metadata_clear(&network->metadata);
    lip_free(network);
}

static size_t widest(const struct lip_network *network)
{
    size_t width = network->inputs;
    for (size_t i = 0; i < network->count; i++)
        if (network->layer[i].outputs > width)
            width = network->layer[i].outputs;
    return width;
}

enum lip_status lip_network_eval(double *y, const struct lip_network *network,
                                 const double *x, struct lip_ctx *ctx)
{
    size_t width = widest(network);
    double *room = lip_alloc(ctx, width, 2 * sizeof *room);
    if (!room)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        double *to = i + 1 == network->count ? y : room + i % 2 * width;
        layer->kind->eval(to, layer, x);
        x = to;
    }
    lip_free(room);
    return LIP_OK;
}
