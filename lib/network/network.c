/* SPDX-License-Identifier: MIT
 *
 * Owning and evaluating layers. */
#include "network/network.h"

#include "network/id.h"
#include "network/operator.h"
#include "network/validate.h"

#include <string.h>

static size_t count_numbers(const struct lip_tensor *tensor)
{
    return tensor->data ? lip_tensor_count(tensor) : 0;
}

static void describe(struct lip_network *network, size_t inputs)
{
    const struct lip_layer *layer = network->layer;
    network->inputs = inputs;
    network->outputs = layer[network->count - 1].outputs;
    for (size_t i = 0; i < network->count; i++)
        for (int part = 0; part < LIP_PARTS; part++)
            network->parameters += count_numbers(
                lip_layer_tensor_const(&layer[i], (enum lip_part)part));
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
    size_t inputs;
    enum lip_status status = lip_layers_validate(&inputs, layer, count, ctx);
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
    describe(network, inputs);
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

size_t lip_network_sources(const struct lip_network *network, size_t i)
{
    size_t sources = network->layer[i].sources;
    return sources ? sources : 1;
}

size_t lip_network_source(const struct lip_network *network, size_t i, size_t k)
{
    const struct lip_layer *layer = &network->layer[i];
    if (layer->sources)
        return layer->source[k];
    return i > 0 ? i - 1 : LIP_FROM_INPUT;
}

bool lip_network_is_chain(const struct lip_network *network)
{
    for (size_t i = 0; i < network->count; i++)
        if (lip_network_sources(network, i) != 1 ||
            lip_network_source(network, i, 0) !=
                (i > 0 ? i - 1 : LIP_FROM_INPUT))
            return false;
    return true;
}

bool lip_network_is_dense(const struct lip_network *network)
{
    for (size_t i = 0; i < network->count; i++)
        if (network->layer[i].kind->infer_shape)
            return false;
    return lip_network_is_chain(network);
}

/* --- evaluation */

/* The numbers that all layers give, one after the other, those of layer i from
 * at[i] on; `gathered` is room for what a layer of several sources takes. */
struct values {
    const struct lip_network *network;
    const double *input;
    size_t *at;
    double *value, *gathered;
};

static void close_values(struct values *values)
{
    lip_free(values->at);
    lip_free(values->value);
    lip_free(values->gathered);
}

static enum lip_status open_values(struct values *values, struct lip_ctx *ctx)
{
    const struct lip_network *network = values->network;
    size_t total = 0, most = 0;
    values->at = lip_alloc(ctx, network->count, sizeof *values->at);
    for (size_t i = 0; values->at && i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        values->at[i] = total;
        total += layer->outputs;
        if (layer->sources > 1 && layer->inputs > most)
            most = layer->inputs;
    }
    values->value = lip_alloc(ctx, total, sizeof(double));
    values->gathered = lip_alloc(ctx, most, sizeof(double));
    if (values->at && values->value && values->gathered)
        return LIP_OK;
    close_values(values);
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

static const double *value_of(const struct values *values, size_t from)
{
    return from == LIP_FROM_INPUT ? values->input
                                  : values->value + values->at[from];
}

/* What layer i takes, in one piece. */
static const double *gather(const struct values *values, size_t i)
{
    const struct lip_network *network = values->network;
    size_t sources = lip_network_sources(network, i);
    double *to = values->gathered;
    if (sources == 1)
        return value_of(values, lip_network_source(network, i, 0));
    for (size_t k = 0; k < sources; k++) {
        size_t from = lip_network_source(network, i, k);
        size_t n = from == LIP_FROM_INPUT ? network->inputs
                                          : network->layer[from].outputs;
        memcpy(to, value_of(values, from), n * sizeof *to);
        to += n;
    }
    return values->gathered;
}

static enum lip_status eval_by_rows(double *y, const struct lip_layer *layer,
                                    const double *x, struct lip_ctx *ctx)
{
    struct lip_operator op;
    enum lip_status status = lip_operator_new(&op, layer, ctx);
    if (status != LIP_OK)
        return status;
    lip_operator_apply(y, &op, x);
    for (size_t k = 0; k < layer->outputs; k++)
        y[k] += lip_operator_offset(&op, k);
    lip_operator_clear(&op);
    return LIP_OK;
}

enum lip_status lip_network_eval(double *y, const struct lip_network *network,
                                 const double *x, struct lip_ctx *ctx)
{
    struct values values = {.network = network, .input = x};
    enum lip_status status = open_values(&values, ctx);
    if (status != LIP_OK)
        return status;
    for (size_t i = 0; i < network->count && status == LIP_OK; i++) {
        const struct lip_layer *layer = &network->layer[i];
        double *to = i + 1 == network->count ? y : values.value + values.at[i];
        if (layer->kind->eval)
            layer->kind->eval(to, layer, gather(&values, i));
        else
            status = eval_by_rows(to, layer, gather(&values, i), ctx);
    }
    close_values(&values);
    return status;
}
