/* SPDX-License-Identifier: MIT
 *
 * max-pool: the largest number that a window sees, channel by channel; without
 * a kernel, of the whole image. Of equal ones the first learns. Where each
 * number is in at most m windows, no two images move apart by more than 1, m
 * and sqrt(m) times as much in the norms inf, 1 and 2. */
#include "linalg/rounding.h"
#include "training/layers/list.h"
#include "training/layers/windowed.h"

#include <string.h>

/* Where the largest number of channel c in window t is. */
static size_t find(const struct lip_trainable *layer, const float *x, size_t t,
                   size_t c)
{
    const struct lip_window *w = &layer->window;
    size_t area = w->out[0] * w->out[1], n = layer->in.channels;
    size_t row = t % area / w->out[1] * w->stride[0];
    size_t column = t % w->out[1] * w->stride[1];
    size_t corner = ((t / area * w->in[0] + row) * w->in[1] + column) * n + c;
    size_t best = corner;
    for (size_t p = 0; p < w->kernel[0]; p++)
        for (size_t q = 0; q < w->kernel[1]; q++) {
            size_t at =
                corner +
                (p * w->dilation[0] * w->in[1] + q * w->dilation[1]) * n;
            best = x[at] > x[best] ? at : best;
        }
    return best;
}

static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    size_t n = layer->in.channels;
    for (size_t i = 0; i < rows * layer->outputs; i++)
        y[i] = x[find(layer, x, i / n, i % n)];
}

static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    (void)y;
    size_t n = layer->in.channels;
    memset(dx, 0, rows * layer->inputs * sizeof *dx);
    for (size_t i = 0; i < rows * layer->outputs; i++)
        dx[find(layer, x, i / n, i % n)] += dy[i];
}

static bool contracts(double *slope, const struct lip_trainable *layer,
                      enum lip_norm norm)
{
    double most = (double)lip_window_overlap(&layer->window);
    *slope = norm == LIP_NORM_INF || most <= 1 ? 1
             : norm == LIP_NORM_1              ? most
                                               : lip_sqrt_up(most);
    return true;
}

static enum lip_status serve(struct lip_layer *out,
                             const struct lip_trainable *layer,
                             struct lip_ctx *ctx)
{
    (void)ctx;
    out->kind = &lip_layer_max_pool;
    lip_windowed_serve(out, layer);
    return LIP_OK;
}

const struct lip_trainable_kind lip_trainable_max_pool = {
    .name = "max-pool",
    .title = "The largest number of each window; without a kernel, of the "
             "whole image",
    .windowed = true,
    .plan = lip_pool_plan,
    .forward = forward,
    .backward = backward,
    .contracts = contracts,
    .serve = serve,
};
