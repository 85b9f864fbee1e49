/* SPDX-License-Identifier: MIT
 *
 * Geometry of windows in training. The checks are those of lib/network: a layer
 * of its kind is set up and asked. */
#include "training/layers/windowed.h"

#include "base/size.h"

#include <limits.h>
#include <string.h>

static struct lip_shape shape_of(const struct lip_image *image)
{
    struct lip_shape shape = {image->axes + 1,
                              {image->channels, image->height, image->width}};
    if (image->axes == 1)
        shape.dim[1] = image->width;
    return shape;
}

/* One number for all axes, or one for each. */
static enum lip_status read_kernel(size_t kernel[2],
                                   const struct lip_trainable *layer,
                                   struct lip_ctx *ctx)
{
    const struct lip_setting *own = &layer->kernel;
    size_t axes = layer->in.axes;
    if (own->count == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "the layer has no kernel: give its size, such as 3.");
    if (own->count > 1 && own->count != axes)
        return lip_fail(ctx, LIP_INVALID,
                        "kernel has %zu numbers: give one, or one for each of "
                        "the %zu axes.",
                        own->count, axes);
    kernel[0] = axes == 2 ? (size_t)own->value[0] : 1;
    kernel[1] = (size_t)own->value[own->count - 1];
    return LIP_OK;
}

/* A layer of the network with these settings. */
static struct lip_layer stand_in(const struct lip_trainable *layer,
                                 const struct lip_setting *stride)
{
    struct lip_layer out = {.kind = &lip_layer_conv};
    *lip_layer_set(&out, "stride") =
        layer->stride.count ? layer->stride : *stride;
    *lip_layer_set(&out, "padding") = layer->padding;
    *lip_layer_set(&out, "dilation") = layer->dilation;
    return out;
}

enum lip_status lip_windowed_plan(struct lip_trainable *layer, size_t channels,
                                  const struct lip_setting *stride,
                                  struct lip_ctx *ctx)
{
    size_t kernel[2] = {1, 1};
    struct lip_shape in = shape_of(&layer->in);
    struct lip_window *w = &layer->window;
    if (layer->in.axes == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "the layer slides over an image, but a list of %zu "
                        "numbers comes in: say what they are by \"input\": "
                        "[channels, height, width] in the model.",
                        layer->inputs);
    enum lip_status status = read_kernel(kernel, layer, ctx);
    if (status != LIP_OK)
        return status;
    struct lip_layer layer_out = stand_in(layer, stride);
    status = lip_window_infer(w, &layer_out, &in, kernel, ctx);
    if (status != LIP_OK)
        return status;
    w->channels[1] = channels;
    layer->stride = *lip_layer_setting(&layer_out, "stride");
    layer->padding = *lip_layer_setting(&layer_out, "padding");
    layer->dilation = *lip_layer_setting(&layer_out, "dilation");
    layer->out =
        (struct lip_image){layer->in.axes, channels, w->out[0], w->out[1]};
    if (lip_size_mul(&layer->outputs, w->out[0], w->out[1]) &&
        lip_size_mul(&layer->outputs, layer->outputs, channels) &&
        layer->outputs <= INT_MAX / 64)
        return LIP_OK;
    return lip_fail(ctx, LIP_TOO_LARGE,
                    "more than %d numbers would come out of the layer.",
                    INT_MAX / 64);
}

enum lip_status lip_pool_plan(struct lip_trainable *layer, struct lip_ctx *ctx)
{
    const struct lip_image *in = &layer->in;
    for (size_t k = 0; k < layer->padding.count; k++)
        if (layer->padding.value[k] > 0)
            return lip_fail(ctx, LIP_INVALID,
                            "pools have no padding in training: leave it "
                            "out.");
    if (layer->kernel.count == 0)
        layer->kernel =
            in->axes == 2
                ? (struct lip_setting){2, {(long)in->height, (long)in->width}}
                : (struct lip_setting){1, {(long)in->width}};
    return lip_windowed_plan(layer, in->channels, &layer->kernel, ctx);
}

void lip_windowed_serve(struct lip_layer *out,
                        const struct lip_trainable *layer)
{
    const struct lip_setting_kind *setting = out->kind->setting;
    for (size_t k = 0; setting[k].name; k++) {
        const char *name = setting[k].name;
        struct lip_setting *to = &out->setting[k];
        if (strcmp(name, "stride") == 0)
            *to = layer->stride;
        else if (strcmp(name, "padding") == 0)
            *to = layer->padding;
        else if (strcmp(name, "dilation") == 0)
            *to = layer->dilation;
        else if (strcmp(name, "kernel") == 0)
            *to = (struct lip_setting){
                layer->in.axes,
                {(long)layer->window.kernel[2 - layer->in.axes],
                 (long)layer->window.kernel[1]}};
    }
}

static size_t divisor(size_t a, size_t b)
{
    while (b > 0) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

size_t lip_window_overlap(const struct lip_window *window)
{
    size_t product = 1;
    for (int axis = 0; axis < 2; axis++) {
        size_t s = window->stride[axis];
        size_t apart = s / divisor(s, window->dilation[axis]);
        size_t most = (window->kernel[axis] + apart - 1) / apart;
        product *= most < window->out[axis] ? most : window->out[axis];
    }
    return product;
}
