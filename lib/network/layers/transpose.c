/* SPDX-License-Identifier: MIT
 *
 * transpose: the axes in another order; axis a of what comes out is axis
 * axes[a] of what comes in. */
#include "network/layers/settings.h"

enum { AXES };

static enum lip_status check_axes(const struct lip_setting *axes, size_t rank,
                                  struct lip_ctx *ctx)
{
    bool seen[LIP_MAX_RANK] = {false};
    if (axes->count != rank)
        return lip_fail(ctx, LIP_INVALID,
                        "axes has %zu numbers, but what comes in has %zu axes: "
                        "give each of 0 to %zu once.",
                        axes->count, rank, rank - 1);
    for (size_t a = 0; a < rank; a++) {
        long axis = axes->value[a];
        if (axis < 0 || (size_t)axis >= rank || seen[axis])
            return lip_fail(ctx, LIP_INVALID,
                            "axes names %ld %s: give each of 0 to %zu once, "
                            "counted without the batch.",
                            axis,
                            axis >= 0 && (size_t)axis < rank
                                ? "twice"
                                : "as an axis, which there is not",
                            rank - 1);
        seen[axis] = true;
    }
    return LIP_OK;
}

static enum lip_status infer(struct lip_layer *layer,
                             const struct lip_shape *in, size_t count,
                             struct lip_ctx *ctx)
{
    const struct lip_setting *axes = &layer->setting[AXES];
    (void)count;
    if (in->rank == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "one number comes in, which has no axes.");
    enum lip_status status = check_axes(axes, in->rank, ctx);
    if (status != LIP_OK)
        return status;
    layer->out.rank = in->rank;
    for (size_t a = 0; a < in->rank; a++)
        layer->out.dim[a] = in->dim[axes->value[a]];
    layer->fan_in = 1;
    return LIP_OK;
}

static size_t source(const struct lip_layer *layer, size_t k)
{
    size_t to[LIP_MAX_RANK], from[LIP_MAX_RANK] = {0};
    lip_shape_split(to, &layer->out, k);
    for (size_t a = 0; a < layer->out.rank; a++)
        from[layer->setting[AXES].value[a]] = to[a];
    return lip_shape_join(&layer->in, from);
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
    [AXES] = {"axes", 1, LIP_MAX_RANK, 0, LIP_MAX_RANK - 1},
    {0},
};

const struct lip_layer_kind lip_layer_transpose = {
    .name = "transpose",
    .title = "The axes in another order",
    .role = LIP_ROLE_LINEAR,
    .infer_shape = infer,
    .eval = eval,
    .row = row,
    .setting = setting,
};
