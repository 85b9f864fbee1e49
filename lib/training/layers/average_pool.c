/* SPDX-License-Identifier: MIT
 *
 * average-pool: the mean of what a window sees, channel by channel; without a
 * kernel, of the whole image. With n numbers in a window and each number in at
 * most m windows, its norm is at most 1 for inf, m / n for 1 and sqrt(m / n)
 * for 2 (all exact where no windows overlap and all have a whole one). */
#include "linalg/rounding.h"
#include "training/layers/list.h"
#include "training/layers/windowed.h"

#include <string.h>

static void add(float *restrict to, const float *restrict from, size_t n)
{
    for (size_t c = 0; c < n; c++)
        to[c] += from[c];
}

/* Pixel (p, q) of window t of a batch, in the images. */
static size_t pixel(const struct lip_window *w, size_t t, size_t p, size_t q)
{
    size_t area = w->out[0] * w->out[1], image = t / area;
    size_t y = t % area / w->out[1], x = t % w->out[1];
    size_t row = y * w->stride[0] + p * w->dilation[0];
    size_t column = x * w->stride[1] + q * w->dilation[1];
    return (image * w->in[0] + row) * w->in[1] + column;
}

static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    const struct lip_window *w = &layer->window;
    size_t n = layer->in.channels, total = rows * layer->outputs / n;
    float share = 1 / (float)(w->kernel[0] * w->kernel[1]);
    memset(y, 0, rows * layer->outputs * sizeof *y);
    for (size_t t = 0; t < total; t++, y += n) {
        for (size_t p = 0; p < w->kernel[0]; p++)
            for (size_t q = 0; q < w->kernel[1]; q++)
                add(y, x + pixel(w, t, p, q) * n, n);
        for (size_t c = 0; c < n; c++)
            y[c] *= share;
    }
}

static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    (void)x;
    (void)y;
    const struct lip_window *w = &layer->window;
    size_t n = layer->in.channels, total = rows * layer->outputs / n;
    float share = 1 / (float)(w->kernel[0] * w->kernel[1]);
    memset(dx, 0, rows * layer->inputs * sizeof *dx);
    for (size_t t = 0; t < total; t++, dy += n)
        for (size_t p = 0; p < w->kernel[0]; p++)
            for (size_t q = 0; q < w->kernel[1]; q++) {
                float *to = dx + pixel(w, t, p, q) * n;
                for (size_t c = 0; c < n; c++)
                    to[c] += share * dy[c];
            }
}

static bool contracts(double *slope, const struct lip_trainable *layer,
                      enum lip_norm norm)
{
    const struct lip_window *w = &layer->window;
    double share = lip_div_up((double)lip_window_overlap(w),
                              (double)(w->kernel[0] * w->kernel[1]));
    *slope = norm == LIP_NORM_INF ? 1
             : norm == LIP_NORM_1 ? share
                                  : lip_sqrt_up(share);
    return true;
}

static enum lip_status serve(struct lip_layer *out,
                             const struct lip_trainable *layer,
                             struct lip_ctx *ctx)
{
    (void)ctx;
    out->kind = &lip_layer_average_pool;
    lip_windowed_serve(out, layer);
    return LIP_OK;
}

const struct lip_trainable_kind lip_trainable_average_pool = {
    .name = "average-pool",
    .title = "The mean of each window; without a kernel, of the whole image",
    .windowed = true,
    .plan = lip_pool_plan,
    .forward = forward,
    .backward = backward,
    .contracts = contracts,
    .serve = serve,
};
