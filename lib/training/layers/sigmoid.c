/* SPDX-License-Identifier: MIT
 *
 * sigmoid. */
#include "training/layers/elementwise.h"

#include <math.h>

static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    for (size_t i = 0; i < rows * layer->inputs; i++)
        y[i] = 1 / (1 + expf(-x[i]));
}

static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    (void)x;
    for (size_t i = 0; i < rows * layer->inputs; i++)
        dx[i] = dy[i] * (y[i] * (1 - y[i]));
}

const struct lip_trainable_kind lip_trainable_sigmoid = {
    .name = "sigmoid",
    .title = "1 / (1 + exp(-x))",
    LIP_ELEMENTWISE,
    .forward = forward,
    .backward = backward,
};
