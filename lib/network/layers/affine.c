/* SPDX-License-Identifier: MIT
 *
 * affine: y_k = w_k x_k + b_k, where weight and bias each hold one number for
 * all, one a channel (the first index), or one a number; either may be left
 * out. */
#include "network/layers/settings.h"

/* Gives the tensor the shape [1], [channels] or that of what comes in. */
static enum lip_status check(struct lip_tensor *tensor, const char *name,
                             const struct lip_shape *in, struct lip_ctx *ctx)
{
    size_t count = tensor->data ? lip_tensor_count(tensor) : 1;
    size_t channels = lip_shape_channels(in), all = lip_shape_count(in);
    if (count == 1 || count == channels)
        return lip_layer_list(tensor, name, count, "channel", ctx);
    struct lip_shape own = {.rank = tensor->rank};
    for (size_t k = 0; k < own.rank; k++)
        own.dim[k] = tensor->dim[k];
    if (lip_shape_equal(&own, in))
        return LIP_OK;
    char text[LIP_SHAPE_TEXT];
    if (count != all || own.rank != 1)
        return lip_fail(ctx, LIP_INVALID,
                        "the %s has %zu numbers where %s come in: give one, "
                        "one for each of the %zu channels, or one for each "
                        "number.",
                        name, count, lip_shape_text(text, sizeof text, in),
                        channels);
    tensor->column_major = false;
    tensor->rank = in->rank;
    for (size_t k = 0; k < in->rank; k++)
        tensor->dim[k] = in->dim[k];
    return LIP_OK;
}

static enum lip_status infer(struct lip_layer *layer,
                             const struct lip_shape *in, size_t count,
                             struct lip_ctx *ctx)
{
    (void)count;
    if (!layer->weight.data && !layer->bias.data)
        return lip_fail(ctx, LIP_INVALID,
                        "it has neither a weight nor a bias: give one number, "
                        "one for each channel, or one for each number.");
    enum lip_status status = check(&layer->weight, "weight", in, ctx);
    if (status == LIP_OK)
        status = check(&layer->bias, "bias", in, ctx);
    layer->out = *in;
    layer->fan_in = 1;
    return status;
}

static double at(const struct lip_tensor *tensor, const struct lip_layer *layer,
                 size_t k, double fallback)
{
    if (!tensor->data)
        return fallback;
    size_t count = lip_tensor_count(tensor);
    /* As many channels as numbers, one channel: the same thing. */
    return lip_tensor_number(tensor, k / (layer->inputs / count));
}

static size_t row(const struct lip_layer *layer, size_t k, size_t *column,
                  double *value)
{
    *column = k;
    *value = at(&layer->weight, layer, k, 1);
    return 1;
}

static double offset(const struct lip_layer *layer, size_t k)
{
    return at(&layer->bias, layer, k, 0);
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    for (size_t k = 0; k < layer->outputs; k++)
        y[k] = at(&layer->weight, layer, k, 1) * x[k] +
               at(&layer->bias, layer, k, 0);
}

const struct lip_layer_kind lip_layer_affine = {
    .name = "affine",
    .title = "Each number scaled and shifted",
    .role = LIP_ROLE_LINEAR,
    .infer_shape = infer,
    .eval = eval,
    .row = row,
    .offset = offset,
    .weight_name = "weight",
    .bias_name = "bias",
};
