/* SPDX-License-Identifier: MIT
 *
 * conv: convolution (cross-correlation, as all frameworks have it) of an image
 * or a sequence with zeros around it,
 *
 *     y[o, t] = b[o] + sum over c, q of K[o, c, q] x[c, t stride + q dilation -
 *                                                    before],
 *
 * K of channels out x channels in / groups x kernel. Output channel o belongs
 * to group o / (channels out / groups) and sees that group's channels only. */
#include "network/window.h"

static enum lip_status check_weight(const struct lip_layer *layer,
                                    const struct lip_shape *in,
                                    struct lip_ctx *ctx)
{
    const struct lip_tensor *weight = &layer->weight;
    if (!weight->data)
        return lip_fail(ctx, LIP_INVALID,
                        "the weight is missing: give channels out x channels "
                        "in x kernel.");
    if (weight->rank != in->rank + 1 || lip_tensor_count(weight) == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "the weight has %zu dimensions: channels out x "
                        "channels in x kernel has %zu, none of them 0.",
                        weight->rank, in->rank + 1);
    return LIP_OK;
}

static enum lip_status check_channels(struct lip_layer *layer,
                                      const struct lip_shape *in,
                                      struct lip_ctx *ctx)
{
    const struct lip_tensor *weight = &layer->weight;
    struct lip_setting *groups = lip_layer_set(layer, "groups");
    if (groups->count == 0)
        *groups = (struct lip_setting){1, {1}};
    size_t g = (size_t)groups->value[0];
    if (weight->dim[0] % g != 0 || in->dim[0] % g != 0)
        return lip_fail(ctx, LIP_INVALID,
                        "%zu groups must divide the %zu channels that come in "
                        "and the %zu that go out.",
                        g, in->dim[0], weight->dim[0]);
    if (weight->dim[1] != in->dim[0] / g)
        return lip_fail(ctx, LIP_INVALID,
                        "the weight takes %zu channels (times %zu groups), but "
                        "%zu come in.",
                        weight->dim[1], g, in->dim[0]);
    return LIP_OK;
}

static enum lip_status check_bias(const struct lip_layer *layer,
                                  struct lip_ctx *ctx)
{
    const struct lip_tensor *bias = &layer->bias;
    if (!bias->data ||
        (bias->rank == 1 && bias->dim[0] == layer->weight.dim[0]))
        return LIP_OK;
    return lip_fail(ctx, LIP_INVALID,
                    "the bias must be a list of %zu numbers, one for each "
                    "channel that goes out.",
                    layer->weight.dim[0]);
}

static enum lip_status infer_shape(struct lip_layer *layer,
                                   const struct lip_shape *in, size_t count,
                                   struct lip_ctx *ctx)
{
    struct lip_window w;
    (void)count;
    enum lip_status status = check_weight(layer, in, ctx);
    if (status == LIP_OK)
        status = check_channels(layer, in, ctx);
    if (status == LIP_OK)
        status = check_bias(layer, ctx);
    if (status != LIP_OK)
        return status;
    const size_t *dim = layer->weight.dim;
    bool image = in->rank == 3;
    size_t kernel[2] = {image ? dim[2] : 1, image ? dim[3] : dim[2]};
    status = lip_window_infer(&w, layer, in, kernel, ctx);
    if (status != LIP_OK)
        return status;
    layer->out = (struct lip_shape){in->rank, {dim[0], w.out[0], w.out[1]}};
    if (!image)
        layer->out.dim[1] = w.out[1];
    layer->fan_in = dim[1] * w.kernel[0] * w.kernel[1];
    return LIP_OK;
}

static size_t row(const struct lip_layer *layer, size_t k, size_t *column,
                  double *value)
{
    struct lip_window w = lip_layer_window(layer);
    size_t area = w.out[0] * w.out[1];
    size_t o = k / area, y = k % area / w.out[1], x = k % w.out[1];
    size_t channels = w.channels[0] / w.groups;
    size_t first = o / (w.channels[1] / w.groups) * channels;
    size_t from = 0, kept = 0;
    lip_tensor_widen_part(value, &layer->weight, o * layer->fan_in,
                          layer->fan_in);
    for (size_t c = 0; c < channels; c++)
        for (size_t p = 0; p < w.kernel[0]; p++)
            for (size_t q = 0; q < w.kernel[1]; q++, from++) {
                size_t i = y * w.stride[0] + p * w.dilation[0] - w.before[0];
                size_t j = x * w.stride[1] + q * w.dilation[1] - w.before[1];
                if (i >= w.in[0] || j >= w.in[1])
                    continue; /* before the edge, too: sizes wrap around */
                column[kept] = ((first + c) * w.in[0] + i) * w.in[1] + j;
                value[kept++] = value[from];
            }
    return kept;
}

static double offset(const struct lip_layer *layer, size_t k)
{
    size_t area = layer->outputs / layer->out.dim[0];
    return layer->bias.data ? lip_tensor_at(&layer->bias, k / area) : 0;
}

static const struct lip_setting_kind setting[] = {
    {"stride", 0, 2, 1, 1L << 24},
    {"padding", 0, 4, 0, 1L << 24},
    {"dilation", 0, 2, 1, 1L << 24},
    {"groups", 0, 1, 1, 1L << 24},
    {NULL, 0, 0, 0, 0},
};

const struct lip_layer_kind lip_layer_conv = {
    .name = "conv",
    .title = "Convolution of an image or a sequence",
    .role = LIP_ROLE_LINEAR,
    .infer_shape = infer_shape,
    .row = row,
    .offset = offset,
    .weight_name = "weight",
    .bias_name = "bias",
    .setting = setting,
};
