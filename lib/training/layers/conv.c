/* SPDX-License-Identifier: MIT
 *
 * conv: a convolution of an image or a sequence with zeros around it,
 *
 *     y[t, o] = b[o] + <K[o], patch t>,
 *
 * the patches of a few images at a time as the rows of a matrix that stays in
 * the cache. A row of K is the kernel of one channel that comes out, in the
 * order of a patch: height, width, channels in. */
#include "base/size.h"
#include "training/kernel.h"
#include "training/layers/list.h"
#include "training/layers/serve.h"
#include "training/layers/windowed.h"
#include "training/patches.h"
#include "training/product.h"

#include <string.h>

/* Numbers of patches on the stack, and the longest patch. */
enum { ROOM = 1 << 16, LONGEST = ROOM / 8, MOST_CHANNELS = 65536 };

static enum lip_status plan(struct lip_trainable *layer, struct lip_ctx *ctx)
{
    static const struct lip_setting one = {1, {1}};
    const struct lip_window *w = &layer->window;
    if (layer->units == 0 || layer->units > MOST_CHANNELS)
        return lip_fail(ctx, LIP_INVALID,
                        "the layer has %zu filters: give 1 to %d.",
                        layer->units, (int)MOST_CHANNELS);
    enum lip_status status = lip_windowed_plan(layer, layer->units, &one, ctx);
    if (status != LIP_OK)
        return status;
    bool fits = lip_size_mul(&layer->cols, w->kernel[0], w->kernel[1]) &&
                lip_size_mul(&layer->cols, layer->cols, w->channels[0]);
    if (!fits || layer->cols > LONGEST)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "a kernel of %zu x %zu on %zu channels has more than "
                        "%d numbers: make it smaller.",
                        w->kernel[0], w->kernel[1], w->channels[0],
                        (int)LONGEST);
    layer->rows = layer->units;
    layer->weights = layer->rows * layer->cols;
    layer->biases = layer->rows;
    return LIP_OK;
}

static size_t area_of(const struct lip_trainable *layer)
{
    return layer->window.out[0] * layer->window.out[1];
}

/* Patches that fit the room, in eights. */
static size_t portion(size_t width)
{
    return ROOM / width / 8 * 8;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    float p[ROOM] __attribute__((aligned(64)));
    size_t total = rows * area_of(layer), n = layer->rows;
    struct lip_patches at = {&layer->window, 0, 0, 0, layer->window.kernel[0]};
    for (; at.first < total; at.first += at.count) {
        at.count = smaller(portion(layer->cols), total - at.first);
        float *to = y + at.first * n;
        lip_patches_take(p, &at, x);
        lip_product_forward(to, p, layer->weight, at.count, layer->cols, n, n);
        if (layer->bias)
            lip_kernel_add_row(to, layer->bias, at.count, n, n);
    }
}

static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    (void)x;
    (void)y;
    float p[ROOM] __attribute__((aligned(64)));
    size_t total = rows * area_of(layer), n = layer->rows;
    struct lip_patches at = {&layer->window, 0, 0, 0, layer->window.kernel[0]};
    memset(dx, 0, rows * layer->inputs * sizeof *dx);
    for (; at.first < total; at.first += at.count) {
        at.count = smaller(portion(layer->cols), total - at.first);
        lip_product_backward(p, dy + at.first * n, layer->weight, at.count,
                             layer->cols, n);
        lip_patches_add(dx, &at, p);
    }
}

/* A part is a row of the kernel: no patch is made twice. */
static size_t parts(const struct lip_trainable *layer)
{
    return layer->window.kernel[0];
}

static void find_part(const struct lip_trainable *layer, size_t part,
                      const float *dy, const float *x, size_t rows)
{
    float p[ROOM] __attribute__((aligned(64)));
    size_t total = rows * area_of(layer), n = layer->rows;
    struct lip_patches at = {&layer->window, 0, 0, part, part + 1};
    size_t width = lip_patches_width(&at);
    for (; at.first < total; at.first += at.count) {
        at.count = smaller(portion(width), total - at.first);
        lip_patches_take(p, &at, x);
        lip_product_gather(layer->weight_gradient + part * width, layer->cols,
                           dy + at.first * n, p, at.count, width, n,
                           at.first > 0);
    }
}

static void gradient(const struct lip_trainable *layer, size_t first,
                     size_t count, const float *dy, const float *x, size_t rows)
{
    if (first == 0 && layer->bias)
        lip_kernel_sum_rows(layer->bias_gradient, dy, rows * area_of(layer),
                            layer->rows, layer->rows);
    for (size_t part = first; part < first + count; part++)
        find_part(layer, part, dy, x, rows);
}

/* Channel by channel, as files have it. */
static float *reorder(const struct lip_trainable *layer, struct lip_ctx *ctx)
{
    size_t channels = layer->in.channels, area = layer->cols / channels;
    float *out = lip_alloc(ctx, layer->weights, sizeof *out);
    for (size_t o = 0; out && o < layer->rows; o++)
        for (size_t t = 0; t < area; t++)
            for (size_t c = 0; c < channels; c++)
                out[o * layer->cols + c * area + t] =
                    layer->weight[o * layer->cols + t * channels + c];
    return out;
}

static enum lip_status serve(struct lip_layer *out,
                             const struct lip_trainable *layer,
                             struct lip_ctx *ctx)
{
    const size_t *kernel = layer->window.kernel;
    size_t shape[] = {layer->rows, layer->in.channels, kernel[0], kernel[1]};
    float *weight = reorder(layer, ctx);
    if (!weight)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    if (layer->in.axes == 1)
        shape[2] = kernel[1];
    out->kind = &lip_layer_conv;
    lip_windowed_serve(out, layer);
    enum lip_status status =
        lip_float_tensor(&out->weight, weight, shape, layer->in.axes + 2, ctx);
    if (status == LIP_OK)
        status = lip_float_tensor(&out->bias, layer->bias, shape, 1, ctx);
    lip_free(weight);
    return status;
}

const struct lip_trainable_kind lip_trainable_conv = {
    .name = "conv",
    .title = "Convolution of an image or a sequence",
    .matrix = true,
    .windowed = true,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .gradient = gradient,
    .parts = parts,
    .serve = serve,
};
