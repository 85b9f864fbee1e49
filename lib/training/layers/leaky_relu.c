/* SPDX-License-Identifier: MIT
 *
 * leaky-relu. */
#include "training/kernel.h"
#include "training/layers/elementwise.h"

static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    lip_kernel_leaky(y, x, (float)layer->parameter[0], rows * layer->inputs);
}

static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    (void)y;
    lip_kernel_leaky_back(dx, dy, x, (float)layer->parameter[0],
                          rows * layer->inputs);
}

const struct lip_trainable_kind lip_trainable_leaky_relu = {
    .name = "leaky-relu",
    .title = "x for x > 0, negative_slope x otherwise",
    .parameter = {{"negative_slope", 0.01, 0, 1}},
    LIP_ELEMENTWISE,
    LIP_BENT,
    .forward = forward,
    .backward = backward,
};
