/* SPDX-License-Identifier: MIT
 *
 * flatten: an image as a list of numbers, channel by channel, as the model that
 * is served has them. */
#include "training/layers/list.h"

#include <string.h>

static enum lip_status plan(struct lip_trainable *layer, struct lip_ctx *ctx)
{
    (void)ctx;
    layer->outputs = layer->inputs;
    layer->out = lip_image_vector(layer->inputs);
    return LIP_OK;
}

static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    size_t n = layer->in.channels, area = layer->inputs / n;
    for (size_t i = 0; i < rows * layer->inputs; i += layer->inputs)
        for (size_t c = 0; c < n; c++)
            for (size_t t = 0; t < area; t++)
                y[i + c * area + t] = x[i + t * n + c];
}

static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    (void)x;
    (void)y;
    size_t n = layer->in.channels, area = layer->inputs / n;
    for (size_t i = 0; i < rows * layer->inputs; i += layer->inputs)
        for (size_t t = 0; t < area; t++)
            for (size_t c = 0; c < n; c++)
                dx[i + t * n + c] = dy[i + c * area + t];
}

static bool contracts(double *slope, const struct lip_trainable *layer,
                      enum lip_norm norm)
{
    (void)layer;
    (void)norm;
    *slope = 1;
    return true;
}

static enum lip_status serve(struct lip_layer *out,
                             const struct lip_trainable *layer,
                             struct lip_ctx *ctx)
{
    (void)layer;
    (void)ctx;
    out->kind = &lip_layer_flatten;
    return LIP_OK;
}

const struct lip_trainable_kind lip_trainable_flatten = {
    .name = "flatten",
    .title = "An image as a list of numbers",
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .contracts = contracts,
    .serve = serve,
};
