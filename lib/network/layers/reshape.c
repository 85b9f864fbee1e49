/* SPDX-License-Identifier: MIT
 *
 * reshape: the same numbers in the same order, seen as an array of other
 * dimensions. In front of a model it says what its input is. One dimension may
 * be -1: what the others leave. */
#include "network/network.h"

#include <string.h>

/* Puts in the place of -1 what is left of `inputs`. */
static enum lip_status fill_in(struct lip_setting *shape, size_t open,
                               size_t others, size_t inputs,
                               struct lip_ctx *ctx)
{
    if (inputs == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "-1 stands for what is left of the numbers that come "
                        "in, but their count is not known here: give it.");
    if (others == 0 || inputs % others != 0)
        return lip_fail(ctx, LIP_INVALID,
                        "%zu numbers come in, which the other dimensions do "
                        "not divide.",
                        inputs);
    shape->value[open] = (long)(inputs / others);
    return LIP_OK;
}

/* -1 becomes a number; false where there are two. */
static enum lip_status complete(struct lip_setting *shape, size_t inputs,
                                struct lip_ctx *ctx)
{
    struct lip_shape others = {0};
    size_t open = shape->count;
    for (size_t k = 0; k < shape->count; k++) {
        if (shape->value[k] >= 0)
            others.dim[others.rank++] = (size_t)shape->value[k];
        else if (open < shape->count)
            return lip_fail(ctx, LIP_INVALID,
                            "only one dimension of the shape may be -1.");
        else
            open = k;
    }
    return open < shape->count
               ? fill_in(shape, open, lip_shape_count(&others), inputs, ctx)
               : LIP_OK;
}

static enum lip_status infer(struct lip_layer *layer, size_t inputs,
                             struct lip_ctx *ctx)
{
    struct lip_setting *setting = lip_layer_set(layer, "shape");
    char text[LIP_SHAPE_TEXT];
    enum lip_status status = complete(setting, inputs, ctx);
    if (status != LIP_OK)
        return status;
    struct lip_shape shape = {.rank = setting->count};
    for (size_t k = 0; k < shape.rank; k++)
        shape.dim[k] = (size_t)setting->value[k];
    size_t count = lip_shape_count(&shape);
    if (count == 0)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "the shape %s holds no numbers, or more than %zu.",
                        lip_shape_text(text, sizeof text, &shape),
                        LIP_MAX_WIDTH);
    if (inputs && inputs != count)
        return lip_fail(ctx, LIP_INVALID,
                        "%zu numbers come in, but the shape %s holds %zu.",
                        inputs, lip_shape_text(text, sizeof text, &shape),
                        count);
    layer->inputs = layer->outputs = count;
    layer->out = shape;
    return LIP_OK;
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    memcpy(y, x, layer->outputs * sizeof *y);
}

static const struct lip_setting_kind setting[] = {
    {"shape", 1, LIP_MAX_RANK, -1, 1L << 28},
    {NULL, 0, 0, 0, 0},
};

const struct lip_layer_kind lip_layer_reshape = {
    .name = "reshape",
    .title = "The same numbers as an array of another shape",
    .role = LIP_ROLE_RESHAPE,
    .infer = infer,
    .eval = eval,
    .setting = setting,
};
