/* SPDX-License-Identifier: MIT
 *
 * conv-transpose: the adjoint of a convolution with the same kernel, channels
 * in x channels out / groups x kernel. Each number that comes in at t adds
 * K[c, o, q] of itself at t stride + q dilation - before; output_padding adds
 * positions after the last. */
#include "network/layers/settings.h"
#include "network/window.h"

enum { STRIDE, PADDING, DILATION, GROUPS, MORE };

static enum lip_status check_weight(const struct lip_layer *layer,
                                    const struct lip_shape *in,
                                    struct lip_ctx *ctx)
{
    const struct lip_tensor *weight = &layer->weight;
    size_t groups = (size_t)layer->setting[GROUPS].value[0];
    if (in->rank != 2 && in->rank != 3)
        return lip_fail(ctx, LIP_INVALID,
                        "numbers of %zu dimensions come in: it takes "
                        "[channels, length] or [channels, height, width]. A "
                        "reshape before it can say so.",
                        in->rank);
    if (!weight->data || weight->rank != in->rank + 1 ||
        lip_tensor_count(weight) == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "the weight has %zu dimensions: channels in x channels "
                        "out x kernel has %zu, none of them 0.",
                        weight->data ? weight->rank : 0, in->rank + 1);
    if (weight->dim[0] != in->dim[0] || in->dim[0] % groups != 0)
        return lip_fail(ctx, LIP_INVALID,
                        "the weight takes %zu channels in %zu groups, but %zu "
                        "come in: its first dimension must be %zu, which the "
                        "groups divide.",
                        weight->dim[0], groups, in->dim[0], in->dim[0]);
    if (weight->dim[1] > LIP_MAX_WIDTH / groups)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "more than %zu channels come out of it.",
                        LIP_MAX_WIDTH);
    return LIP_OK;
}

/* All settings in their full form, but for the padding of one number an axis.
 */
static enum lip_status fill(struct lip_layer *layer, size_t axes,
                            struct lip_ctx *ctx)
{
    enum lip_status status = lip_layer_fill(layer, "stride", axes, 1, ctx);
    if (status == LIP_OK)
        status = lip_layer_fill(layer, "dilation", axes, 1, ctx);
    if (status == LIP_OK)
        status = lip_layer_fill(layer, "output_padding", axes, 0, ctx);
    struct lip_setting *padding = &layer->setting[PADDING];
    if (status == LIP_OK && padding->count == axes)
        for (size_t k = 0; k < axes; k++)
            padding->value[k + axes] = padding->value[k];
    if (status == LIP_OK && padding->count == axes)
        padding->count = 2 * axes;
    return status == LIP_OK ? lip_layer_fill(layer, "padding", 2 * axes, 0, ctx)
                            : status;
}

/* The length of axis k of what comes out, of n positions that come in. */
static enum lip_status lengthen(size_t *out, const struct lip_layer *layer,
                                size_t k, size_t axes, size_t n,
                                struct lip_ctx *ctx)
{
    const struct lip_setting *setting = layer->setting;
    long kernel = (long)layer->weight.dim[k + 2];
    long stride = setting[STRIDE].value[k], more = setting[MORE].value[k];
    long before = setting[PADDING].value[k];
    long after = setting[PADDING].value[k + axes];
    if (more >= stride)
        return lip_fail(ctx, LIP_INVALID,
                        "output_padding is %ld: it must be less than the "
                        "stride, %ld.",
                        more, stride);
    if (kernel > 1L << 24)
        return lip_fail(ctx, LIP_TOO_LARGE, "the kernel is %ld long.", kernel);
    long length = ((long)n - 1) * stride +
                  (kernel - 1) * setting[DILATION].value[k] + 1 + more -
                  before - after;
    if (length < 1)
        return lip_fail(ctx, LIP_INVALID,
                        "a padding of %ld and %ld cuts off all of the %ld "
                        "positions that come out.",
                        before, after, length + before + after);
    *out = (size_t)length;
    return LIP_OK;
}

static enum lip_status infer(struct lip_layer *layer,
                             const struct lip_shape *in, size_t count,
                             struct lip_ctx *ctx)
{
    (void)count;
    enum lip_status status = lip_layer_fill(layer, "groups", 1, 1, ctx);
    if (status == LIP_OK)
        status = check_weight(layer, in, ctx);
    if (status == LIP_OK)
        status = fill(layer, in->rank - 1, ctx);
    if (status != LIP_OK)
        return status;
    const size_t *dim = layer->weight.dim;
    size_t axes = in->rank - 1;
    layer->out = (struct lip_shape){
        in->rank, {dim[1] * (size_t)layer->setting[GROUPS].value[0]}};
    for (size_t k = 0; k < axes && status == LIP_OK; k++)
        status = lengthen(&layer->out.dim[k + 1], layer, k, axes,
                          in->dim[k + 1], ctx);
    if (status == LIP_OK)
        status = lip_layer_check_out(layer, ctx);
    if (status == LIP_OK)
        status = lip_layer_list(&layer->bias, "bias", layer->out.dim[0],
                                "channel that comes out", ctx);
    struct lip_window w;
    size_t kernel[2] = {axes == 2 ? dim[2] : 1, dim[axes + 1]};
    if (status == LIP_OK)
        status = lip_window_infer(&w, layer, &layer->out, kernel, ctx);
    layer->fan_in = lip_tensor_count(&layer->weight) / dim[1] /
                    (size_t)layer->setting[GROUPS].value[0];
    return status;
}

/* The position t that adds to position i through part q of the kernel; false
 * where there is none. */
static bool comes_from(size_t *t, const struct lip_window *w, size_t axis,
                       size_t i, size_t q)
{
    size_t at = i + w->before[axis], reach = q * w->dilation[axis];
    *t = at < reach ? 0 : (at - reach) / w->stride[axis];
    return at >= reach && (at - reach) % w->stride[axis] == 0 &&
           *t < w->out[axis];
}

static size_t row(const struct lip_layer *layer, size_t k, size_t *column,
                  double *value)
{
    /* Of the convolution, whose input is this layer's output. */
    struct lip_window w = lip_layer_window(layer);
    size_t out = layer->weight.dim[1], in = w.channels[1] / w.groups;
    size_t i = k / w.in[1] % w.in[0], j = k % w.in[1], n = 0, y, x;
    size_t o = k / (w.in[0] * w.in[1]), group = o / out;
    for (size_t p = 0; p < w.kernel[0]; p++)
        for (size_t q = 0; q < w.kernel[1]; q++) {
            if (!comes_from(&y, &w, 0, i, p) || !comes_from(&x, &w, 1, j, q))
                continue;
            for (size_t c = group * in; c < (group + 1) * in; c++) {
                column[n] = (c * w.out[0] + y) * w.out[1] + x;
                value[n++] = lip_tensor_number(
                    &layer->weight,
                    ((c * out + o % out) * w.kernel[0] + p) * w.kernel[1] + q);
            }
        }
    return n;
}

static double offset(const struct lip_layer *layer, size_t k)
{
    size_t area = layer->outputs / layer->out.dim[0];
    return layer->bias.data ? lip_tensor_at(&layer->bias, k / area) : 0;
}

static const struct lip_setting_kind setting[] = {
    [STRIDE] = {"stride", 0, 2, 1, 1L << 24},
    [PADDING] = {"padding", 0, 4, 0, 1L << 24},
    [DILATION] = {"dilation", 0, 2, 1, 1L << 24},
    [GROUPS] = {"groups", 0, 1, 1, 1L << 24},
    [MORE] = {"output_padding", 0, 2, 0, 1L << 24},
    {0},
};

const struct lip_layer_kind lip_layer_conv_transpose = {
    .name = "conv-transpose",
    .title = "Transposed convolution of an image or a sequence",
    .role = LIP_ROLE_LINEAR,
    .infer_shape = infer,
    .row = row,
    .offset = offset,
    .weight_name = "weight",
    .bias_name = "bias",
    .setting = setting,
};
