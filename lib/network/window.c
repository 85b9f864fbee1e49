/* SPDX-License-Identifier: MIT
 *
 * Geometry of sliding windows, from a layer's settings. */
#include "network/window.h"

/* Larger ones are refused: sums of a few of them fit in any integer. */
enum { LARGEST = 1 << 24 };

/* The number of axis `axis` (0: height) in a setting that has one for all
 * axes, or one an axis; `fallback` where it is not given. A sequence has a
 * width only. */
static enum lip_status along(size_t *out, const struct lip_setting *setting,
                             const char *name, size_t rank, size_t axis,
                             size_t fallback, struct lip_ctx *ctx)
{
    if (setting->count > 1 && setting->count != rank)
        return lip_fail(ctx, LIP_INVALID,
                        "%s has %zu numbers: give one, or one for each of the "
                        "%zu axes.",
                        name, setting->count, rank);
    size_t at = setting->count > 1 ? axis + rank - 2 : 0;
    *out = setting->count ? (size_t)setting->value[at] : fallback;
    return LIP_OK;
}

/* One number for all sides, one an axis, or those before and then those
 * after. */
static enum lip_status padding(struct lip_window *w,
                               const struct lip_setting *setting, size_t rank,
                               size_t axis, struct lip_ctx *ctx)
{
    if (setting->count == 2 * rank) {
        w->before[axis] = (size_t)setting->value[axis + rank - 2];
        w->after[axis] = (size_t)setting->value[axis + 2 * rank - 2];
        return LIP_OK;
    }
    enum lip_status status =
        along(&w->before[axis], setting, "padding", rank, axis, 0, ctx);
    w->after[axis] = w->before[axis];
    return status;
}

static enum lip_status fit(struct lip_window *w, size_t axis,
                           struct lip_ctx *ctx)
{
    static const char *const side[] = {"height", "width"};
    size_t k = w->kernel[axis], s = w->stride[axis], d = w->dilation[axis];
    size_t n = w->in[axis], pad = w->before[axis] + w->after[axis];
    if (k == 0 || s == 0 || d == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "kernel, stride and dilation must be at least 1.");
    if (k > LARGEST || s > LARGEST || d > LARGEST ||
        w->before[axis] > LARGEST || w->after[axis] > LARGEST || n > LARGEST)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "kernel, stride, dilation, padding and the image may "
                        "be at most %d.",
                        (int)LARGEST);
    size_t span = (k - 1) * d + 1;
    if (span > n + pad)
        return lip_fail(ctx, LIP_INVALID,
                        "the kernel spans a %s of %zu where the image with its "
                        "padding has %zu.",
                        side[axis], span, n + pad);
    w->out[axis] = (n + pad - span) / s + 1;
    return LIP_OK;
}

/* The settings in their full form. */
static void normalise(struct lip_layer *layer, const struct lip_window *w,
                      size_t rank)
{
    struct lip_setting *stride = lip_layer_set(layer, "stride");
    struct lip_setting *sides = lip_layer_set(layer, "padding");
    struct lip_setting *dilation = lip_layer_set(layer, "dilation");
    stride->count = dilation->count = rank;
    sides->count = 2 * rank;
    for (size_t k = 0; k < rank; k++) {
        size_t axis = k + 2 - rank;
        stride->value[k] = (long)w->stride[axis];
        dilation->value[k] = (long)w->dilation[axis];
        sides->value[k] = (long)w->before[axis];
        sides->value[k + rank] = (long)w->after[axis];
    }
}

enum lip_status lip_window_infer(struct lip_window *out,
                                 struct lip_layer *layer,
                                 const struct lip_shape *in,
                                 const size_t kernel[2], struct lip_ctx *ctx)
{
    size_t rank = in->rank - 1;
    if (in->rank != 2 && in->rank != 3)
        return lip_fail(ctx, LIP_INVALID,
                        "numbers of %zu dimensions come in: it takes "
                        "[channels, length] or [channels, height, width]. A "
                        "reshape before it can say so.",
                        in->rank);
    *out = (struct lip_window){.channels = {in->dim[0], 0},
                               .groups = 1,
                               .in = {1, in->dim[rank]},
                               .out = {1, 1},
                               .kernel = {1, 1},
                               .stride = {1, 1},
                               .dilation = {1, 1}};
    if (rank == 2)
        out->in[0] = in->dim[1];
    enum lip_status status = LIP_OK;
    for (size_t axis = 2 - rank; axis < 2 && status == LIP_OK; axis++) {
        out->kernel[axis] = kernel[axis];
        status = along(&out->stride[axis], lip_layer_setting(layer, "stride"),
                       "stride", rank, axis, 1, ctx);
        if (status == LIP_OK)
            status = along(&out->dilation[axis],
                           lip_layer_setting(layer, "dilation"), "dilation",
                           rank, axis, 1, ctx);
        if (status == LIP_OK)
            status = padding(out, lip_layer_setting(layer, "padding"), rank,
                             axis, ctx);
        if (status == LIP_OK)
            status = fit(out, axis, ctx);
    }
    if (status == LIP_OK)
        normalise(layer, out, rank);
    return status;
}

struct lip_window lip_layer_window(const struct lip_layer *layer)
{
    size_t rank = layer->in.rank - 1;
    const struct lip_setting *stride = lip_layer_setting(layer, "stride");
    const struct lip_setting *sides = lip_layer_setting(layer, "padding");
    const struct lip_setting *dilation = lip_layer_setting(layer, "dilation");
    const struct lip_tensor *weight = &layer->weight;
    bool learned = weight->data != NULL;
    bool adjoint = layer->kind == &lip_layer_conv_transpose;
    const struct lip_shape *in = adjoint ? &layer->out : &layer->in;
    const struct lip_shape *out = adjoint ? &layer->in : &layer->out;
    struct lip_window w = {.channels = {in->dim[0], out->dim[0]},
                           .in = {1, in->dim[rank]},
                           .out = {1, out->dim[rank]},
                           .kernel = {1, 1},
                           .stride = {1, 1},
                           .dilation = {1, 1}};
    w.groups = learned ? (size_t)lip_layer_setting(layer, "groups")->value[0]
                       : w.channels[0];
    if (rank == 2) {
        w.in[0] = in->dim[1];
        w.out[0] = out->dim[1];
    }
    for (size_t k = 0; k < rank; k++) {
        size_t axis = k + 2 - rank;
        w.kernel[axis] =
            learned ? weight->dim[k + 2]
                    : (size_t)lip_layer_setting(layer, "kernel")->value[k];
        w.stride[axis] = (size_t)stride->value[k];
        w.dilation[axis] = (size_t)dilation->value[k];
        w.before[axis] = (size_t)sides->value[k];
        w.after[axis] = (size_t)sides->value[k + rank];
    }
    return w;
}
