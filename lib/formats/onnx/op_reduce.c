/* SPDX-License-Identifier: MIT
 *
 * Means, sums and extremes along axes: pools over all positions, once the axes
 * that are kept come first. */
#include "formats/onnx/reduce.h"

#include "formats/onnx/operator.h"

#include <string.h>

/* The axes of a node, as a mask. */
static enum lip_status read_axes(bool *along, struct lip_onnx_reader *reader,
                                 const struct lip_onnx_value *x,
                                 const struct lip_onnx_reduction *row)
{
    int64_t axes[LIP_MAX_RANK], keep_all = 0;
    size_t count = 0;
    enum lip_status status =
        lip_onnx_ints_since(reader, row->since, "axes", 1, axes, &count);
    if (status == LIP_OK && count == 0)
        status = lip_onnx_int(reader, "noop_with_empty_axes", &keep_all);
    for (size_t k = 0; k < x->rank; k++)
        along[k] = count == 0 && !keep_all;
    for (size_t k = 0; k < count && status == LIP_OK; k++) {
        size_t axis;
        status = lip_onnx_axis(&axis, reader, axes[k], x->rank);
        if (status == LIP_OK)
            along[axis] = true;
    }
    if (status == LIP_OK && x->batch && along[0])
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it reduces along the batch (axis 0), whose "
                               "samples must stay apart.");
    return status;
}

/* Kept axes first: the layer that has x so, [kept, reduced]. */
static enum lip_status sort_axes(size_t *layer, struct lip_onnx_reader *reader,
                                 const struct lip_onnx_value *x,
                                 const bool *along)
{
    size_t lead = lip_onnx_lead(x), n = 0;
    struct lip_shape two = {2, {1, 1}};
    struct lip_setting axes = {.count = x->rank - lead};
    struct lip_layer *moved;
    bool sorted = true;
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = lead; k < x->rank; k++) {
            if (along[k] != (pass == 1))
                continue;
            sorted &= n == k - lead;
            axes.value[n++] = (long)(k - lead);
            two.dim[pass] *= x->dim[k];
        }
    enum lip_status status;
    struct lip_onnx_operand operand = x->operand;
    if (!sorted) {
        status = lip_onnx_enter_axes(layer, reader, x, lead);
        if (status == LIP_OK)
            status = lip_onnx_append(&moved, reader, &lip_layer_transpose, 1,
                                     layer, ":transpose");
        if (status != LIP_OK)
            return status;
        *lip_layer_set(moved, "axes") = axes;
        status = lip_onnx_settle(reader);
        if (status != LIP_OK)
            return status;
        operand = lip_onnx_plain(lip_onnx_last(reader));
    }
    return lip_onnx_enter_as(layer, reader, operand, &two);
}

static void give_reduced(struct lip_onnx_reader *reader,
                         struct lip_onnx_operand operand,
                         const struct lip_onnx_value *x, const bool *along,
                         bool keep)
{
    size_t rank = 0, dim[LIP_MAX_RANK];
    for (size_t k = 0; k < x->rank; k++)
        if (!along[k] || keep)
            dim[rank++] = along[k] ? 1 : x->dim[k];
    lip_onnx_give(reader, 0, operand, rank, dim, x->batch);
}

static enum lip_status append_pool(struct lip_onnx_operand *result,
                                   struct lip_onnx_reader *reader,
                                   const struct lip_onnx_value *x,
                                   const bool *along,
                                   const struct lip_onnx_reduction *row)
{
    struct lip_onnx_value from = *x;
    struct lip_layer *layer;
    size_t source, count = 1;
    enum lip_status status = LIP_OK;
    for (size_t k = 0; k < x->rank; k++)
        count *= along[k] ? x->dim[k] : 1;
    if (row->least)
        status = lip_onnx_scale(&from.operand, -1, reader);
    if (status == LIP_OK)
        status = sort_axes(&source, reader, &from, along);
    if (status == LIP_OK)
        status = lip_onnx_append(&layer, reader, row->kind, 1, &source, "");
    if (status == LIP_OK)
        status = lip_onnx_settle(reader);
    *result = lip_onnx_plain(lip_onnx_last(reader));
    if (status == LIP_OK && row->least)
        status = lip_onnx_scale(result, -1, reader);
    if (status == LIP_OK && row->sum)
        status = lip_onnx_scale(result, (double)count, reader);
    return status;
}

enum lip_status lip_onnx_reduce(struct lip_onnx_reader *reader,
                                const void *detail)
{
    const struct lip_onnx_reduction *row = detail;
    struct lip_onnx_value *x;
    struct lip_onnx_operand result;
    int64_t keep = 1;
    bool along[LIP_MAX_RANK];
    size_t count = 1, reduced = 0;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = read_axes(along, reader, x, row);
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "keepdims", &keep);
    if (status != LIP_OK)
        return status;
    for (size_t k = 0; k < x->rank; k++) {
        count *= along[k] ? x->dim[k] : 1;
        reduced += along[k];
    }
    result = x->operand;
    if (count > 1)
        status = append_pool(&result, reader, x, along, row);
    if (status != LIP_OK)
        return status;
    if (count > 1 && reduced == 1 && along[x->rank - 1] && !row->sum &&
        row->kind == &lip_layer_average_pool) {
        struct lip_onnx_origin *origin = &reader->origin[result.layer];
        origin->mean = true;
        origin->from[0] = x->operand;
    }
    give_reduced(reader, result, x, along, keep != 0);
    return LIP_OK;
}

enum lip_status lip_onnx_global_pool(struct lip_onnx_reader *reader,
                                     const void *detail)
{
    const struct lip_onnx_reduction *row = detail;
    struct lip_onnx_value *x;
    struct lip_onnx_operand result;
    bool along[LIP_MAX_RANK] = {false};
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status != LIP_OK)
        return status;
    if (x->rank < 3 || x->dim[0] != 1)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its input has %zu dimensions: a batch of "
                               "sequences or images is read.",
                               x->rank);
    for (size_t k = 2; k < x->rank; k++)
        along[k] = true;
    status = append_pool(&result, reader, x, along, row);
    if (status == LIP_OK)
        give_reduced(reader, result, x, along, true);
    return status;
}
