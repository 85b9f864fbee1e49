/* SPDX-License-Identifier: MIT
 *
 * Windows of pools. */
#include "network/layers/pool.h"

#include "network/layers/settings.h"

static enum lip_status fill_settings(struct lip_layer *layer,
                                     const struct lip_shape *in,
                                     struct lip_ctx *ctx)
{
    size_t axes = in->rank - 1;
    struct lip_setting *kernel = lip_layer_set(layer, "kernel");
    struct lip_setting *stride = lip_layer_set(layer, "stride");
    if (kernel->count == 0) {
        kernel->count = axes;
        for (size_t k = 0; k < axes; k++)
            kernel->value[k] = (long)in->dim[k + 1];
    }
    enum lip_status status = lip_layer_fill(layer, "kernel", axes, 1, ctx);
    if (status == LIP_OK && stride->count == 0)
        *stride = *kernel;
    return status;
}

/* A window as wide as the padding before it sees nothing else; so may one that
 * steps over the whole image. */
static enum lip_status check_windows(const struct lip_window *w,
                                     struct lip_ctx *ctx)
{
    for (size_t axis = 0; axis < 2; axis++) {
        size_t n = w->in[axis], d = w->dilation[axis], pad = w->before[axis];
        size_t span = (w->kernel[axis] - 1) * d + 1;
        size_t last = (w->out[axis] - 1) * w->stride[axis];
        if (pad >= span || last >= n + pad ||
            (d > n && pad + w->after[axis] > 0))
            return lip_fail(ctx, LIP_INVALID,
                            "some window along the %s may see nothing but "
                            "padding: pad less.",
                            axis ? "width" : "height");
    }
    return LIP_OK;
}

enum lip_status lip_pool_infer(struct lip_window *out, struct lip_layer *layer,
                               const struct lip_shape *in, struct lip_ctx *ctx)
{
    bool image = in->rank == 3;
    size_t size[2] = {1, 1};
    enum lip_status status = LIP_OK;
    if (image || in->rank == 2) {
        status = fill_settings(layer, in, ctx);
        const struct lip_setting *kernel = lip_layer_setting(layer, "kernel");
        size[0] = image ? (size_t)kernel->value[0] : 1;
        size[1] = (size_t)kernel->value[image];
    }
    if (status == LIP_OK)
        status = lip_window_infer(out, layer, in, size, ctx);
    if (status == LIP_OK)
        status = check_windows(out, ctx);
    if (status != LIP_OK)
        return status;
    layer->out = *in;
    layer->out.dim[in->rank - 1] = out->out[1];
    if (image)
        layer->out.dim[1] = out->out[0];
    layer->fan_in = 1;
    for (size_t axis = 0; axis < 2; axis++)
        layer->fan_in *= out->kernel[axis] < out->in[axis] ? out->kernel[axis]
                                                           : out->in[axis];
    return lip_layer_check_out(layer, ctx);
}

struct lip_pool_span lip_pool_span(const struct lip_window *window, size_t axis,
                                   size_t t)
{
    size_t d = window->dilation[axis], n = window->in[axis];
    size_t from = t * window->stride[axis], before = window->before[axis];
    size_t skipped = from < before ? (before - from + d - 1) / d : 0;
    size_t first = from + skipped * d - before;
    if (skipped >= window->kernel[axis] || first >= n)
        return (struct lip_pool_span){0, 0};
    size_t kept = window->kernel[axis] - skipped, room = (n - 1 - first) / d;
    return (struct lip_pool_span){first, kept - 1 < room ? kept : room + 1};
}

size_t lip_pool_columns(const struct lip_layer *layer, size_t k, size_t *column)
{
    struct lip_window w = lip_layer_window(layer);
    size_t x = k % w.out[1], y = k / w.out[1] % w.out[0];
    size_t channel = k / (w.out[0] * w.out[1]), n = 0;
    struct lip_pool_span rows = lip_pool_span(&w, 0, y);
    struct lip_pool_span cols = lip_pool_span(&w, 1, x);
    for (size_t i = 0; i < rows.count; i++)
        for (size_t j = 0; j < cols.count; j++)
            column[n++] =
                (channel * w.in[0] + rows.first + i * w.dilation[0]) * w.in[1] +
                cols.first + j * w.dilation[1];
    return n;
}
