/* SPDX-License-Identifier: MIT
 *
 * activation: one function of one number, applied to each. Where its first
 * parameter differs from neuron to neuron (PReLU), the layer's weight holds
 * one for each; a weight of one number counts for all neurons, and one of a
 * number for each channel for all neurons of that channel. */
#include "network/layers/settings.h"
#include "network/network.h"

#include <math.h>
#include <string.h>

static enum lip_status check_parameter(const struct lip_parameter *parameter,
                                       double value, struct lip_ctx *ctx)
{
    if (value >= parameter->min && value <= parameter->max)
        return LIP_OK;
    return lip_fail(ctx, LIP_INVALID,
                    "%s is %g: it must lie between %g and %g.", parameter->name,
                    value, parameter->min, parameter->max);
}

static enum lip_status check_parameters(const struct lip_layer *layer,
                                        struct lip_ctx *ctx)
{
    const struct lip_parameter *parameter = layer->activation->parameter;
    for (size_t k = 0; parameter[k].name; k++) {
        enum lip_status status =
            check_parameter(&parameter[k], layer->parameter[k], ctx);
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}

/* A list may come as n x 1 x 1, as frameworks keep it for images. */
static bool is_list(const struct lip_tensor *tensor)
{
    size_t long_sides = 0;
    for (size_t k = 0; k < tensor->rank; k++)
        long_sides += tensor->dim[k] != 1;
    return long_sides <= 1;
}

static enum lip_status check_list(const struct lip_layer *layer,
                                  struct lip_ctx *ctx)
{
    const struct lip_parameter *parameter = layer->activation->parameter;
    const struct lip_tensor *list = &layer->weight;
    if (!layer->activation->per_neuron)
        return lip_fail(ctx, LIP_INVALID, "%s has no weight.",
                        layer->activation->name);
    if (!is_list(list) || lip_tensor_count(list) == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "the %ss must be a list of numbers, one a neuron.",
                        parameter->name);
    for (size_t k = 0; k < lip_tensor_count(list); k++) {
        enum lip_status status =
            check_parameter(parameter, lip_tensor_at(list, k), ctx);
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}

/* Gives a list one shape, and turns a list of one into the plain parameter:
 * it means the same however the file kept it. */
static void normalise_list(struct lip_layer *layer)
{
    struct lip_tensor *list = &layer->weight;
    size_t count = lip_tensor_count(list);
    if (count == 1) {
        layer->parameter[0] = lip_tensor_at(list, 0);
        lip_tensor_clear(list);
        return;
    }
    list->rank = 1;
    list->dim[0] = count;
}

/* A list of one number for each channel of images or sequences, as frameworks
 * keep it, becomes one of a number for each neuron. */
static enum lip_status spread(struct lip_layer *layer, size_t inputs,
                              struct lip_ctx *ctx)
{
    struct lip_tensor *list = &layer->weight;
    size_t each = inputs / lip_tensor_count(list);
    double *number = lip_alloc(ctx, inputs, sizeof *number);
    if (!number)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    for (size_t k = 0; k < inputs; k++)
        number[k] = lip_tensor_at(list, k / each);
    struct lip_buffer *buffer =
        lip_buffer_take(number, inputs * sizeof *number, ctx);
    if (!buffer)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    lip_tensor_clear(list);
    *list = (struct lip_tensor){.dtype = LIP_F64,
                                .rank = 1,
                                .dim = {inputs},
                                .data = lip_buffer_bytes(buffer),
                                .buffer = buffer};
    return LIP_OK;
}

static bool is_by_channel(const struct lip_layer *layer, size_t inputs)
{
    size_t own = layer->weight.data ? lip_tensor_count(&layer->weight) : 0;
    return own && inputs && own != inputs && layer->in.rank > 1 &&
           own == lip_shape_channels(&layer->in);
}

static enum lip_status infer(struct lip_layer *layer, size_t inputs,
                             struct lip_ctx *ctx)
{
    if (layer->weight.data) {
        enum lip_status status = check_list(layer, ctx);
        if (status != LIP_OK)
            return status;
        normalise_list(layer);
        if (is_by_channel(layer, inputs))
            status = spread(layer, inputs, ctx);
        if (status != LIP_OK)
            return status;
    }
    size_t own = layer->weight.data ? lip_tensor_count(&layer->weight) : 0;
    if (own && inputs && own != inputs)
        return lip_fail(ctx, LIP_INVALID,
                        "there are %zu %ss, but %zu numbers come in: give one "
                        "for each, one for each channel, or one for all.",
                        own, layer->activation->parameter->name, inputs);
    layer->inputs = layer->outputs = own ? own : inputs;
    return own ? LIP_OK : check_parameters(layer, ctx);
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    double parameter[LIP_MAX_PARAMETERS];
    memcpy(parameter, layer->parameter, sizeof parameter);
    for (size_t k = 0; k < layer->outputs; k++) {
        if (layer->weight.data)
            parameter[0] = lip_tensor_at(&layer->weight, k);
        y[k] = layer->activation->value(x[k], parameter);
    }
}

const struct lip_layer_kind lip_layer_activation = {
    .name = "activation",
    .title = "One function of one number, applied to each",
    .role = LIP_ROLE_ELEMENTWISE,
    .infer = infer,
    .eval = eval,
};
