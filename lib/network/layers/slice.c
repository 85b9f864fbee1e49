/* SPDX-License-Identifier: MIT
 *
 * slice: along each axis the positions start, start + step, ... below stop. */
#include "network/layers/settings.h"

enum { START, STOP, STEP };

/* stop of axis a becomes the position after the last one taken. */
static enum lip_status cut(struct lip_layer *layer, size_t a, size_t length,
                           struct lip_ctx *ctx)
{
    long start = layer->setting[START].value[a];
    long *stop = &layer->setting[STOP].value[a];
    long step = layer->setting[STEP].value[a];
    if (start >= *stop || *stop > (long)length)
        return lip_fail(ctx, LIP_INVALID,
                        "it cuts %ld to %ld out of axis %zu, which is %zu "
                        "long: start must lie below stop, and stop at most at "
                        "the length.",
                        start, *stop, a, length);
    size_t taken = (size_t)((*stop - start - 1) / step) + 1;
    layer->out.dim[a] = taken;
    *stop = start + (long)(taken - 1) * step + 1;
    return LIP_OK;
}

static enum lip_status infer(struct lip_layer *layer,
                             const struct lip_shape *in, size_t count,
                             struct lip_ctx *ctx)
{
    struct lip_setting *stop = &layer->setting[STOP];
    (void)count;
    if (in->rank == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "one number comes in, of which nothing can be cut.");
    if (stop->count == 0) {
        stop->count = in->rank;
        for (size_t a = 0; a < in->rank; a++)
            stop->value[a] = (long)in->dim[a];
    }
    enum lip_status status = lip_layer_fill(layer, "start", in->rank, 0, ctx);
    if (status == LIP_OK)
        status = lip_layer_fill(layer, "stop", in->rank, 0, ctx);
    if (status == LIP_OK)
        status = lip_layer_fill(layer, "step", in->rank, 1, ctx);
    layer->out.rank = in->rank;
    for (size_t a = 0; a < in->rank && status == LIP_OK; a++)
        status = cut(layer, a, in->dim[a], ctx);
    layer->fan_in = 1;
    return status;
}

static size_t source(const struct lip_layer *layer, size_t k)
{
    size_t index[LIP_MAX_RANK];
    lip_shape_split(index, &layer->out, k);
    for (size_t a = 0; a < layer->out.rank; a++)
        index[a] = (size_t)layer->setting[START].value[a] +
                   index[a] * (size_t)layer->setting[STEP].value[a];
    return lip_shape_join(&layer->in, index);
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
    [START] = {"start", 0, LIP_MAX_RANK, 0, (long)LIP_MAX_WIDTH},
    [STOP] = {"stop", 0, LIP_MAX_RANK, 0, (long)LIP_MAX_WIDTH},
    [STEP] = {"step", 0, LIP_MAX_RANK, 1, (long)LIP_MAX_WIDTH},
    {0},
};

const struct lip_layer_kind lip_layer_slice = {
    .name = "slice",
    .title = "A part of the numbers along each axis",
    .role = LIP_ROLE_LINEAR,
    .infer_shape = infer,
    .eval = eval,
    .row = row,
    .setting = setting,
};
