/* SPDX-License-Identifier: MIT
 *
 * abs. */
#include "training/layers/elementwise.h"

#include <math.h>

static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    for (size_t i = 0; i < rows * layer->inputs; i++)
        y[i] = fabsf(x[i]);
}

static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    (void)y;
    for (size_t i = 0; i < rows * layer->inputs; i++)
        dx[i] = dy[i] * (x[i] < 0 ? -1.0F : 1.0F);
}

const struct lip_trainable_kind lip_trainable_abs = {
    .name = "abs",
    .title = "|x|: keeps the length of gradients",
    LIP_ELEMENTWISE,
    LIP_BENT,
    .forward = forward,
    .backward = backward,
};
