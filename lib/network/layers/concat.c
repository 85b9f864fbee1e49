/* SPDX-License-Identifier: MIT
 *
 * concat: several layers' numbers side by side along one axis; axis 0 of
 * images stacks their channels. */
#include "network/network.h"

enum { AXIS, LENGTHS };

static bool fits(const struct lip_shape *a, const struct lip_shape *b,
                 size_t axis)
{
    if (a->rank != b->rank)
        return false;
    for (size_t k = 0; k < a->rank; k++)
        if (k != axis && a->dim[k] != b->dim[k])
            return false;
    return true;
}

static enum lip_status check_axis(struct lip_layer *layer,
                                  const struct lip_shape *in,
                                  struct lip_ctx *ctx)
{
    struct lip_setting *axis = lip_layer_set(layer, "axis");
    if (axis->count == 0)
        *axis = (struct lip_setting){1, {0}};
    if (axis->value[0] < 0)
        axis->value[0] += (long)in->rank;
    if (axis->value[0] >= 0 && (size_t)axis->value[0] < in->rank)
        return LIP_OK;
    return lip_fail(ctx, LIP_INVALID,
                    "the axis must be one of the %zu that its sources have, "
                    "counted from 0 without the batch.",
                    in->rank);
}

static enum lip_status infer_shape(struct lip_layer *layer,
                                   const struct lip_shape *in, size_t count,
                                   struct lip_ctx *ctx)
{
    char one[LIP_SHAPE_TEXT], other[LIP_SHAPE_TEXT];
    enum lip_status status = check_axis(layer, in, ctx);
    if (status != LIP_OK)
        return status;
    size_t axis = (size_t)layer->setting[AXIS].value[0];
    struct lip_setting *lengths = &layer->setting[LENGTHS];
    lengths->count = count;
    layer->out = in[0];
    lengths->value[0] = (long)in[0].dim[axis];
    for (size_t k = 1; k < count; k++) {
        if (!fits(&in[0], &in[k], axis))
            return lip_fail(ctx, LIP_INVALID,
                            "it joins numbers of shapes %s and %s along axis "
                            "%zu: the other axes must be the same.",
                            lip_shape_text(one, sizeof one, &in[0]),
                            lip_shape_text(other, sizeof other, &in[k]), axis);
        layer->out.dim[axis] += in[k].dim[axis];
        lengths->value[k] = (long)in[k].dim[axis];
    }
    layer->fan_in = 1;
    return LIP_OK;
}

/* Seen as before x axis x after, number (b, t, a) of the output is that number
 * of the source in whose stretch of the axis t lies. */
static size_t row(const struct lip_layer *layer, size_t k, size_t *column,
                  double *value)
{
    size_t axis = (size_t)layer->setting[AXIS].value[0];
    const struct lip_setting *lengths = &layer->setting[LENGTHS];
    size_t before = 1, after = 1, length = layer->out.dim[axis];
    for (size_t j = 0; j < layer->out.rank; j++)
        *(j < axis ? &before : &after) *= j == axis ? 1 : layer->out.dim[j];
    size_t b = k / (length * after), t = k / after % length, a = k % after;
    size_t first = 0, source = 0;
    while (t >= (size_t)lengths->value[source]) {
        t -= (size_t)lengths->value[source];
        first += before * (size_t)lengths->value[source++] * after;
    }
    size_t own = (size_t)lengths->value[source];
    column[0] = first + (b * own + t) * after + a;
    value[0] = 1;
    return 1;
}

static const struct lip_setting_kind setting[] = {
    {"axis", 0, 1, -LIP_MAX_RANK, LIP_MAX_RANK},
    {"lengths", 0, LIP_MAX_RANK, 1, 1L << 28},
    {NULL, 0, 0, 0, 0},
};

const struct lip_layer_kind lip_layer_concat = {
    .name = "concat",
    .title = "Several layers' numbers side by side along an axis",
    .role = LIP_ROLE_LINEAR,
    .infer_shape = infer_shape,
    .most_sources = LIP_MAX_RANK,
    .row = row,
    .setting = setting,
};
