/* SPDX-License-Identifier: MIT
 *
 * softplus. */
#include "training/layers/elementwise.h"

#include <math.h>

/* log(1 + exp(b x)) / b, without overflow: max(x, 0) + the rest. */
static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    float beta = (float)layer->parameter[0];
    for (size_t i = 0; i < rows * layer->inputs; i++)
        y[i] = fmaxf(x[i], 0) + log1pf(expf(-fabsf(beta * x[i]))) / beta;
}

static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    (void)y;
    float beta = (float)layer->parameter[0];
    for (size_t i = 0; i < rows * layer->inputs; i++)
        dx[i] = dy[i] / (1 + expf(-beta * x[i]));
}

const struct lip_trainable_kind lip_trainable_softplus = {
    .name = "softplus",
    .title = "log(1 + exp(beta x)) / beta",
    .parameter = {{"beta", 1, 1e-3, 1e3}},
    LIP_ELEMENTWISE,
    .forward = forward,
    .backward = backward,
};
