/* SPDX-License-Identifier: MIT
 *
 * dense: y = W x + b. */
#include "training/kernel.h"
#include "training/layers/list.h"
#include "training/layers/serve.h"
#include "training/product.h"

#include <limits.h>

static enum lip_status plan(struct lip_trainable *layer, struct lip_ctx *ctx)
{
    if (layer->units == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "the layer has no units: give at least 1.");
    if (layer->units > INT_MAX / 64 || layer->inputs > INT_MAX / 64)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "the layer has %zu units on %zu inputs: at most %d of "
                        "each are taken.",
                        layer->units, layer->inputs, INT_MAX / 64);
    layer->outputs = layer->units;
    layer->weights = layer->outputs * layer->inputs;
    layer->biases = layer->outputs;
    return LIP_OK;
}

static void forward_some(const struct lip_trainable *layer, float *y,
                         const float *x, size_t first, size_t count,
                         size_t rows)
{
    lip_product_forward(y + first, x, layer->weight + first * layer->inputs,
                        rows, layer->inputs, count, layer->outputs);
    lip_kernel_add_row(y + first, layer->bias + first, rows, count,
                       layer->outputs);
}

static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    forward_some(layer, y, x, 0, layer->outputs, rows);
}

static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    (void)x;
    (void)y;
    lip_product_backward(dx, dy, layer->weight, rows, layer->inputs,
                         layer->outputs);
}

static void gradient(const struct lip_trainable *layer, size_t first,
                     size_t count, const float *dy, const float *x, size_t rows)
{
    lip_product_gradient(layer->weight_gradient + first * layer->inputs, dy, x,
                         first, count, rows, layer->inputs, layer->outputs);
    lip_kernel_sum_rows(layer->bias_gradient + first, dy + first, rows, count,
                        layer->outputs);
}

static enum lip_status serve(struct lip_layer *out,
                             const struct lip_trainable *layer,
                             struct lip_ctx *ctx)
{
    size_t shape[] = {layer->outputs, layer->inputs};
    out->kind = &lip_layer_dense;
    enum lip_status status =
        lip_float_tensor(&out->weight, layer->weight, shape, 2, ctx);
    if (status == LIP_OK)
        status = lip_float_tensor(&out->bias, layer->bias, shape, 1, ctx);
    return status;
}

const struct lip_trainable_kind lip_trainable_dense = {
    .name = "dense",
    .title = "Fully connected layer, W x + b",
    .matrix = true,
    .flat = true,
    .plan = plan,
    .forward = forward,
    .forward_some = forward_some,
    .backward = backward,
    .gradient = gradient,
    .serve = serve,
};
