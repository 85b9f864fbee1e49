/* SPDX-License-Identifier: MIT
 *
 * max-pool: the largest number of each window, a channel at a time; positions
 * outside the image are left out. Without a kernel: the largest of each
 * channel. */
#include "linalg/rounding.h"
#include "network/layers/pool.h"
#include "network/layers/settings.h"

#include <math.h>

static enum lip_status infer(struct lip_layer *layer,
                             const struct lip_shape *in, size_t count,
                             struct lip_ctx *ctx)
{
    struct lip_window window;
    (void)count;
    return lip_pool_infer(&window, layer, in, ctx);
}

/* The largest of one window, in place: no room is needed for its columns. */
static double largest(const struct lip_window *w, const double *channel,
                      size_t y, size_t x)
{
    struct lip_pool_span rows = lip_pool_span(w, 0, y);
    struct lip_pool_span cols = lip_pool_span(w, 1, x);
    double most = -INFINITY;
    for (size_t i = 0; i < rows.count; i++) {
        const double *line =
            channel + (rows.first + i * w->dilation[0]) * w->in[1];
        for (size_t j = 0; j < cols.count; j++)
            most = fmax(most, line[cols.first + j * w->dilation[1]]);
    }
    return most;
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    struct lip_window w = lip_layer_window(layer);
    for (size_t c = 0; c < w.channels[0]; c++)
        for (size_t i = 0; i < w.out[0]; i++)
            for (size_t j = 0; j < w.out[1]; j++)
                *y++ = largest(&w, x + c * w.in[0] * w.in[1], i, j);
}

/* At most so many windows see the same position along one axis: they begin
 * within (kernel - 1) dilation before it, at multiples of the stride, a
 * multiple of the dilation away from it. */
static size_t windows_at_once(const struct lip_window *w, size_t axis)
{
    size_t s = w->stride[axis], d = w->dilation[axis], a = s, b = d;
    while (b) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    size_t most = (w->kernel[axis] - 1) * d / (s / a * d) + 1;
    return most < w->out[axis] ? most : w->out[axis];
}

/* |max_S a - max_S b| <= max_S |a - b|, so that the p-th power of what comes
 * out counts each |a_i - b_i|^p at most as often as there are windows with i.
 */
static double constant(const struct lip_layer *layer, enum lip_norm norm)
{
    struct lip_window w = lip_layer_window(layer);
    double often =
        (double)windows_at_once(&w, 0) * (double)windows_at_once(&w, 1);
    if (norm == LIP_NORM_INF || often <= 1)
        return 1;
    return norm == LIP_NORM_1 ? often : lip_sqrt_up(often);
}

static const struct lip_setting_kind setting[] = {
    {"kernel", 0, 2, 1, 1L << 24},
    {"stride", 0, 2, 1, 1L << 24},
    {"padding", 0, 4, 0, 1L << 24},
    {"dilation", 0, 2, 1, 1L << 24},
    {0},
};

const struct lip_layer_kind lip_layer_max_pool = {
    .name = "max-pool",
    .title = "The largest number of each window, a channel at a time",
    .role = LIP_ROLE_JOINT,
    .infer_shape = infer,
    .eval = eval,
    .constant = constant,
    .accurate = true,
    .largest_of = lip_pool_columns,
    .setting = setting,
};
