/* SPDX-License-Identifier: MIT
 *
 * upsample: each position of an image or sequence repeated `factor` times along
 * each of its axes, the channels' axis left alone (nearest neighbour). */
#include "network/layers/settings.h"

enum { FACTOR };

static enum lip_status infer(struct lip_layer *layer,
                             const struct lip_shape *in, size_t count,
                             struct lip_ctx *ctx)
{
    char text[LIP_SHAPE_TEXT];
    (void)count;
    if (in->rank < 2)
        return lip_fail(ctx, LIP_INVALID,
                        "it takes an image [channels, height, width] or a "
                        "sequence [channels, length], but a shape of %s comes "
                        "in. Put a reshape before it.",
                        lip_shape_text(text, sizeof text, in));
    enum lip_status status =
        lip_layer_fill(layer, "factor", in->rank - 1, 1, ctx);
    if (status != LIP_OK)
        return status;
    layer->out = *in;
    for (size_t a = 1; a < in->rank; a++)
        layer->out.dim[a] *= (size_t)layer->setting[FACTOR].value[a - 1];
    layer->fan_in = 1;
    return lip_layer_check_out(layer, ctx);
}

static size_t source(const struct lip_layer *layer, size_t k)
{
    size_t index[LIP_MAX_RANK];
    lip_shape_split(index, &layer->out, k);
    for (size_t a = 1; a < layer->out.rank; a++)
        index[a] /= (size_t)layer->setting[FACTOR].value[a - 1];
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
    [FACTOR] = {"factor", 1, LIP_MAX_RANK - 1, 1, (long)LIP_MAX_WIDTH},
    {0},
};

const struct lip_layer_kind lip_layer_upsample = {
    .name = "upsample",
    .title = "Each position repeated along each axis",
    .role = LIP_ROLE_LINEAR,
    .infer_shape = infer,
    .eval = eval,
    .row = row,
    .setting = setting,
};
