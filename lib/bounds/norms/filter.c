/* SPDX-License-Identifier: MIT
 *
 * Kernels of layers, brought to order 1. */
#include "bounds/norms/filter.h"

#include <string.h>

/* Pools over larger windows are not looked at as kernels. */
enum { LARGEST_POOL = 1 << 22 };

bool lip_filter_of(const struct lip_layer *layer)
{
    return layer->kind == &lip_layer_conv ||
           layer->kind == &lip_layer_conv_transpose ||
           layer->kind == &lip_layer_average_pool;
}

size_t lip_filter_count(const struct lip_filter *filter)
{
    const struct lip_window *w = &filter->window;
    return w->channels[1] * (w->channels[0] / w->groups) * w->kernel[0] *
           w->kernel[1];
}

static enum lip_status room(struct lip_filter *filter, struct lip_ctx *ctx)
{
    filter->number =
        lip_alloc(ctx, lip_filter_count(filter), sizeof *filter->number);
    if (filter->number)
        return LIP_OK;
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

/* x 2^-exponent, which is zero for x = 0 alone: the largest numbers may lie
 * where no position of the image sees them. */
static double scaled(double x, int exponent)
{
    double y = ldexp(x, -exponent);
    return y == 0 && x != 0 ? copysign(0x1p-1074, x) : y;
}

/* Divides by a power of two: exact, but for numbers that become subnormal,
 * which LIP_TINY stands for wherever sums are inflated. */
static void scale(struct lip_filter *filter)
{
    double most = 0;
    size_t n = lip_filter_count(filter);
    for (size_t k = 0; k < n; k++)
        most = fmax(most, fabs(filter->number[k]));
    filter->exponent = most > 0 ? ilogb(most) + 1 : 0;
    for (size_t k = 0; k < n; k++)
        filter->number[k] = scaled(filter->number[k], (int)filter->exponent);
}

/* The numbers of a row of a pool are all equal: it is at most the pool that
 * has the largest of them everywhere. */
static enum lip_status pool(struct lip_filter *filter,
                            const struct lip_layer *layer, struct lip_ctx *ctx)
{
    double most = 0, least = INFINITY;
    size_t area = layer->outputs / filter->window.channels[1];
    size_t *column = lip_alloc(ctx, layer->fan_in, sizeof *column);
    double *value = lip_alloc(ctx, layer->fan_in, sizeof *value);
    for (size_t k = 0; k < area && column && value; k++)
        if (layer->kind->row(layer, k, column, value) > 0) {
            most = fmax(most, value[0]);
            least = fmin(least, value[0]);
        }
    for (size_t k = 0, n = lip_filter_count(filter); k < n; k++)
        filter->number[k] = most;
    filter->dominates = least < most;
    bool done = column && value;
    lip_free(column);
    lip_free(value);
    if (done)
        return LIP_OK;
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

enum lip_status lip_filter_new(struct lip_filter *out,
                               const struct lip_layer *layer,
                               struct lip_ctx *ctx)
{
    *out = (struct lip_filter){.window = lip_layer_window(layer),
                               .adjoint =
                                   layer->kind == &lip_layer_conv_transpose};
    if (layer->kind->uncertainty)
        out->error = layer->kind->uncertainty(layer);
    const size_t *kernel = out->window.kernel;
    if (!layer->weight.data && kernel[0] > LARGEST_POOL / kernel[1])
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "the pool's windows are too large "
                        "to be looked at as a kernel.");
    enum lip_status status = room(out, ctx);
    if (status == LIP_OK && layer->weight.data)
        lip_tensor_widen(out->number, &layer->weight);
    else if (status == LIP_OK)
        status = pool(out, layer, ctx);
    if (status == LIP_OK)
        scale(out);
    else
        lip_filter_clear(out);
    return status;
}

enum lip_status lip_filter_copy(struct lip_filter *out, const double *kernel,
                                double error, const struct lip_window *window,
                                struct lip_ctx *ctx)
{
    *out = (struct lip_filter){.window = *window, .error = error};
    enum lip_status status = room(out, ctx);
    if (status != LIP_OK)
        return status;
    memcpy(out->number, kernel, lip_filter_count(out) * sizeof *kernel);
    scale(out);
    return LIP_OK;
}

void lip_filter_clear(struct lip_filter *filter)
{
    lip_free(filter->number);
    filter->number = NULL;
}
