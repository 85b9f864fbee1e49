/* SPDX-License-Identifier: MIT
 *
 * gather: each number one of those that come in, or zero. The index has the
 * position of each, -1 for zero; repeated and left-out ones are fine. */
#include "network/layers/settings.h"

#include <math.h>

enum { SHAPE };

static enum lip_status check_index(const struct lip_tensor *index,
                                   size_t inputs, struct lip_ctx *ctx)
{
    size_t count = lip_tensor_count(index);
    for (size_t k = 0; k < count; k++) {
        double at = lip_tensor_at(index, k);
        if (!(at >= -1 && at < (double)inputs && floor(at) >= at))
            return lip_fail(ctx, LIP_INVALID,
                            "number %zu of the index is %g: it must be a whole "
                            "number from 0 to %zu, or -1 for a zero.",
                            k, at, inputs - 1);
    }
    return LIP_OK;
}

static enum lip_status set_shape(struct lip_layer *layer, size_t count,
                                 struct lip_ctx *ctx)
{
    struct lip_setting *shape = &layer->setting[SHAPE];
    if (shape->count == 0)
        *shape = (struct lip_setting){.count = 1, .value = {(long)count}};
    enum lip_status status =
        lip_layer_fill(layer, "shape", shape->count, 1, ctx);
    if (status != LIP_OK)
        return status;
    layer->out.rank = shape->count;
    for (size_t a = 0; a < shape->count; a++)
        layer->out.dim[a] = (size_t)shape->value[a];
    if (lip_shape_count(&layer->out) == count)
        return LIP_OK;
    char text[LIP_SHAPE_TEXT];
    return lip_fail(ctx, LIP_INVALID,
                    "the index has %zu numbers, which do not fill a shape of "
                    "%s.",
                    count, lip_shape_text(text, sizeof text, &layer->out));
}

static enum lip_status infer(struct lip_layer *layer,
                             const struct lip_shape *in, size_t count,
                             struct lip_ctx *ctx)
{
    struct lip_tensor *index = &layer->weight;
    (void)count;
    size_t numbers = index->data ? lip_tensor_count(index) : 0;
    if (numbers == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "the index is missing: give the position of the input "
                        "that each output is.");
    if (numbers > LIP_MAX_WIDTH)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "its output would be more than %zu numbers.",
                        LIP_MAX_WIDTH);
    enum lip_status status =
        lip_layer_list(index, "index", numbers, "output", ctx);
    if (status == LIP_OK)
        status = check_index(index, lip_shape_count(in), ctx);
    layer->fan_in = 1;
    return status == LIP_OK ? set_shape(layer, numbers, ctx) : status;
}

static size_t source(const struct lip_layer *layer, size_t k)
{
    double at = lip_tensor_at(&layer->weight, k);
    return at < 0 ? LIP_NO_SOURCE : (size_t)at;
}

static size_t row(const struct lip_layer *layer, size_t k, size_t *column,
                  double *value)
{
    return lip_move_row(column, value, source(layer, k));
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    lip_move_eval(y, layer, x, source, 0);
}

static const struct lip_setting_kind setting[] = {
    [SHAPE] = {"shape", 0, LIP_MAX_RANK, 1, (long)LIP_MAX_WIDTH},
    {0},
};

const struct lip_layer_kind lip_layer_gather = {
    .name = "gather",
    .title = "Numbers taken from given positions",
    .role = LIP_ROLE_LINEAR,
    .infer_shape = infer,
    .eval = eval,
    .row = row,
    .weight_name = "index",
    .weight_rank = 1,
    .setting = setting,
};
