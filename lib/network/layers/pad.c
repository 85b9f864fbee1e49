/* SPDX-License-Identifier: MIT
 *
 * pad: `before` and `after` positions more along each axis, filled with
 * `value`. */
#include "network/layers/settings.h"

#include <float.h>

enum { BEFORE, AFTER };

static enum lip_status infer(struct lip_layer *layer,
                             const struct lip_shape *in, size_t count,
                             struct lip_ctx *ctx)
{
    (void)count;
    if (in->rank == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "one number comes in, which has no axes to pad.");
    enum lip_status status = lip_layer_fill(layer, "before", in->rank, 0, ctx);
    if (status == LIP_OK)
        status = lip_layer_fill(layer, "after", in->rank, 0, ctx);
    if (status != LIP_OK)
        return status;
    layer->out.rank = in->rank;
    for (size_t a = 0; a < in->rank; a++)
        layer->out.dim[a] = (size_t)layer->setting[BEFORE].value[a] +
                            in->dim[a] + (size_t)layer->setting[AFTER].value[a];
    layer->fan_in = 1;
    return lip_layer_check_out(layer, ctx);
}

static size_t source(const struct lip_layer *layer, size_t k)
{
    size_t index[LIP_MAX_RANK];
    lip_shape_split(index, &layer->out, k);
    for (size_t a = 0; a < layer->out.rank; a++) {
        size_t before = (size_t)layer->setting[BEFORE].value[a];
        if (index[a] < before || index[a] - before >= layer->in.dim[a])
            return LIP_NO_SOURCE;
        index[a] -= before;
    }
    return lip_shape_join(&layer->in, index);
}

static size_t row(const struct lip_layer *layer, size_t k, size_t *column,
                  double *value)
{
    return lip_move_row(column, value, source(layer, k));
}

static double offset(const struct lip_layer *layer, size_t k)
{
    return source(layer, k) == LIP_NO_SOURCE ? layer->parameter[0] : 0;
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    lip_move_eval(y, layer, x, source, layer->parameter[0]);
}

static const struct lip_setting_kind setting[] = {
    [BEFORE] = {"before", 0, LIP_MAX_RANK, 0, (long)LIP_MAX_WIDTH},
    [AFTER] = {"after", 0, LIP_MAX_RANK, 0, (long)LIP_MAX_WIDTH},
    {0},
};

static const struct lip_parameter parameter[] = {
    {"value", 0, -DBL_MAX, DBL_MAX},
    {0},
};

const struct lip_layer_kind lip_layer_pad = {
    .name = "pad",
    .title = "More positions along each axis, filled with one number",
    .role = LIP_ROLE_LINEAR,
    .infer_shape = infer,
    .eval = eval,
    .row = row,
    .offset = offset,
    .parameter = parameter,
    .setting = setting,
};
