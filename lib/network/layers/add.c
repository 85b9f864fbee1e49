/* SPDX-License-Identifier: MIT
 *
 * add: the sum of several layers' numbers, each with its sign. Sources of one
 * shape; the same layer may be several of them. */
#include "network/network.h"

static enum lip_status check_signs(struct lip_layer *layer, size_t count,
                                   struct lip_ctx *ctx)
{
    struct lip_setting *sign = lip_layer_set(layer, "sign");
    if (sign->count == 0) {
        sign->count = count;
        for (size_t k = 0; k < count; k++)
            sign->value[k] = 1;
    }
    if (sign->count != count)
        return lip_fail(ctx, LIP_INVALID,
                        "it has %zu signs for %zu sources: give one for each.",
                        sign->count, count);
    for (size_t k = 0; k < count; k++)
        if (sign->value[k] == 0)
            return lip_fail(ctx, LIP_INVALID, "a sign must be 1 or -1.");
    return LIP_OK;
}

static enum lip_status infer_shape(struct lip_layer *layer,
                                   const struct lip_shape *in, size_t count,
                                   struct lip_ctx *ctx)
{
    char one[LIP_SHAPE_TEXT], other[LIP_SHAPE_TEXT];
    for (size_t k = 1; k < count; k++)
        if (!lip_shape_equal(&in[0], &in[k]))
            return lip_fail(ctx, LIP_INVALID,
                            "it adds numbers of shapes %s and %s, which must "
                            "be the same.",
                            lip_shape_text(one, sizeof one, &in[0]),
                            lip_shape_text(other, sizeof other, &in[k]));
    layer->out = in[0];
    layer->fan_in = count;
    return check_signs(layer, count, ctx);
}

static size_t row(const struct lip_layer *layer, size_t k, size_t *column,
                  double *value)
{
    for (size_t j = 0; j < layer->fan_in; j++) {
        column[j] = j * layer->outputs + k;
        value[j] = layer->setting[0].value[j] > 0 ? 1 : -1;
    }
    return layer->fan_in;
}

static const struct lip_setting_kind setting[] = {
    {"sign", 0, LIP_MAX_RANK, -1, 1},
    {NULL, 0, 0, 0, 0},
};

const struct lip_layer_kind lip_layer_add = {
    .name = "add",
    .title = "Sum of several layers' numbers, each with its sign",
    .role = LIP_ROLE_LINEAR,
    .infer_shape = infer_shape,
    .most_sources = LIP_MAX_RANK,
    .row = row,
    .setting = setting,
};
