/* SPDX-License-Identifier: MIT
 *
 * average-pool: the mean of each window, a channel at a time. Positions outside
 * the image are left out of the mean, or, where include_padding is 1, count as
 * zeros. Without a kernel: one mean of each channel. */
#include "linalg/rounding.h"
#include "network/layers/pool.h"
#include "network/layers/settings.h"

enum { KERNEL, STRIDE, PADDING, DILATION, INCLUDE };

static enum lip_status infer(struct lip_layer *layer,
                             const struct lip_shape *in, size_t count,
                             struct lip_ctx *ctx)
{
    struct lip_window window;
    (void)count;
    enum lip_status status =
        lip_layer_fill(layer, "include_padding", 1, 0, ctx);
    return status == LIP_OK ? lip_pool_infer(&window, layer, in, ctx) : status;
}

/* What the sum of the numbers seen is divided by. */
static double divisor(const struct lip_layer *layer, size_t seen)
{
    const struct lip_setting *kernel = &layer->setting[KERNEL];
    if (!layer->setting[INCLUDE].value[0])
        return (double)seen;
    double all = 1;
    for (size_t k = 0; k < kernel->count; k++)
        all *= (double)kernel->value[k];
    return all;
}

static size_t row(const struct lip_layer *layer, size_t k, size_t *column,
                  double *value)
{
    size_t seen = lip_pool_columns(layer, k, column);
    for (size_t j = 0; j < seen; j++)
        value[j] = 1 / divisor(layer, seen);
    return seen;
}

/* One division. */
static double uncertainty(const struct lip_layer *layer)
{
    (void)layer;
    return LIP_UNIT;
}

static const struct lip_setting_kind setting[] = {
    [KERNEL] = {"kernel", 0, 2, 1, 1L << 24},
    [STRIDE] = {"stride", 0, 2, 1, 1L << 24},
    [PADDING] = {"padding", 0, 4, 0, 1L << 24},
    [DILATION] = {"dilation", 0, 2, 1, 1L << 24},
    [INCLUDE] = {"include_padding", 0, 1, 0, 1},
    {0},
};

const struct lip_layer_kind lip_layer_average_pool = {
    .name = "average-pool",
    .title = "The mean of each window, a channel at a time",
    .role = LIP_ROLE_LINEAR,
    .infer_shape = infer,
    .row = row,
    .uncertainty = uncertainty,
    .setting = setting,
};
