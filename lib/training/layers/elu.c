/* SPDX-License-Identifier: MIT
 *
 * elu. */
#include "training/layers/elementwise.h"

#include <math.h>

static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    float alpha = (float)layer->parameter[0];
    for (size_t i = 0; i < rows * layer->inputs; i++)
        y[i] = x[i] > 0 ? x[i] : alpha * expm1f(x[i]);
}

/* alpha exp(x) = y + alpha below 0. */
static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    float alpha = (float)layer->parameter[0];
    for (size_t i = 0; i < rows * layer->inputs; i++)
        dx[i] = dy[i] * (x[i] > 0 ? 1 : y[i] + alpha);
}

const struct lip_trainable_kind lip_trainable_elu = {
    .name = "elu",
    .title = "x for x > 0, alpha (exp(x) - 1) otherwise",
    .parameter = {{"alpha", 1, 0, 1e6}},
    LIP_ELEMENTWISE,
    .forward = forward,
    .backward = backward,
};
