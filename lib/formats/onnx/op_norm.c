/* SPDX-License-Identifier: MIT
 *
 * Normalisations and softmax. */
#include "formats/onnx/operator.h"

#include <inttypes.h>
#include <string.h>

static enum lip_status check_mode(struct lip_onnx_reader *reader)
{
    int64_t spatial = 1, training = 0;
    enum lip_status status = lip_onnx_int(reader, "spatial", &spatial);
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "training_mode", &training);
    if (status != LIP_OK)
        return status;
    if (!spatial)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it normalises each position by itself "
                               "(spatial is 0), which is not read.");
    if (training)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it is in training mode, where the result "
                               "depends on the batch. Export the model in "
                               "evaluation mode (model.eval()).");
    return LIP_OK;
}

static enum lip_status check_reals(struct lip_onnx_reader *reader,
                                   const struct lip_onnx_constant *c)
{
    return c && c->whole
               ? lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                                 "its parameters are whole numbers: only real "
                                 "numbers are read.")
               : LIP_OK;
}

enum lip_status lip_onnx_batch_norm(struct lip_onnx_reader *reader,
                                    const void *detail)
{
    static const char *const what[] = {"scale", "bias", "mean", "variance"};
    const struct lip_onnx_constant *part[4] = {NULL};
    struct lip_onnx_value *x;
    struct lip_layer *layer;
    double epsilon = 1e-5f;
    size_t from;
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = check_mode(reader);
    if (status == LIP_OK)
        status = lip_onnx_float(reader, "epsilon", &epsilon);
    for (size_t k = 0; k < 4 && status == LIP_OK; k++) {
        status = lip_onnx_constant(&part[k], reader, k + 1, what[k]);
        if (status == LIP_OK)
            status = check_reals(reader, part[k]);
    }
    if (status == LIP_OK && (x->rank < 2 || x->dim[0] != 1))
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its input has %zu dimensions: a batch of "
                               "vectors, sequences or images is read.",
                               x->rank);
    if (status == LIP_OK)
        status = lip_onnx_enter_axes(&from, reader, x, 1);
    if (status == LIP_OK)
        status = lip_onnx_append(&layer, reader, &lip_layer_batch_norm, 1,
                                 &from, "");
    if (status != LIP_OK)
        return status;
    layer->weight = lip_onnx_hold(part[0]);
    layer->bias = lip_onnx_hold(part[1]);
    layer->mean = lip_onnx_hold(part[2]);
    layer->variance = lip_onnx_hold(part[3]);
    layer->parameter[0] = epsilon;
    status = lip_onnx_settle(reader);
    if (status == LIP_OK)
        lip_onnx_give_like(reader, lip_onnx_last(reader), x);
    return status;
}

enum lip_status lip_onnx_layer_norm(struct lip_onnx_reader *reader,
                                    const void *detail)
{
    const struct lip_onnx_constant *weight, *bias;
    struct lip_onnx_value *x;
    struct lip_layer *layer;
    double epsilon = 1e-5f;
    int64_t given = -1;
    size_t from, axis = 0;
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_constant(&weight, reader, 1, "scale");
    if (status == LIP_OK)
        status = lip_onnx_optional(&bias, reader, 2, "bias");
    if (status == LIP_OK)
        status = check_reals(reader, weight);
    if (status == LIP_OK)
        status = check_reals(reader, bias);
    if (status == LIP_OK)
        status = lip_onnx_float(reader, "epsilon", &epsilon);
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "axis", &given);
    if (status == LIP_OK)
        status = lip_onnx_axis(&axis, reader, given, x->rank);
    if (status != LIP_OK)
        return status;
    size_t lead = lip_onnx_lead(x);
    if (axis < lead && x->batch)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it normalises across the batch.");
    lead = axis < lead ? 0 : lead;
    status = lip_onnx_enter_axes(&from, reader, x, lead);
    if (status == LIP_OK)
        status = lip_onnx_append(&layer, reader, &lip_layer_layer_norm, 1,
                                 &from, "");
    if (status != LIP_OK)
        return status;
    layer->weight = lip_onnx_hold(weight);
    if (bias)
        layer->bias = lip_onnx_hold(bias);
    layer->parameter[0] = epsilon;
    *lip_layer_set(layer, "axis") =
        (struct lip_setting){1, {(long)(axis - lead)}};
    status = lip_onnx_settle(reader);
    if (status == LIP_OK)
        lip_onnx_give_like(reader, lip_onnx_last(reader), x);
    return status;
}

/* Exchanges axis `axis` and the last one. */
static enum lip_status exchange(size_t *layer, struct lip_onnx_reader *reader,
                                size_t axis, size_t rank, const char *suffix)
{
    struct lip_layer *moved;
    struct lip_setting axes = {.count = rank};
    enum lip_status status =
        lip_onnx_append(&moved, reader, &lip_layer_transpose, 1, layer, suffix);
    if (status != LIP_OK)
        return status;
    for (size_t k = 0; k < rank; k++)
        axes.value[k] = (long)(k == axis ? rank - 1 : k == rank - 1 ? axis : k);
    *lip_layer_set(moved, "axes") = axes;
    *layer = lip_onnx_last(reader);
    return lip_onnx_settle(reader);
}

static enum lip_status append_softmax(size_t *layer,
                                      struct lip_onnx_reader *reader)
{
    struct lip_layer *made;
    enum lip_status status =
        lip_onnx_append(&made, reader, &lip_layer_softmax, 1, layer, "");
    *layer = lip_onnx_last(reader);
    return status == LIP_OK ? lip_onnx_settle(reader) : status;
}

/* Before opset 13: along all axes from this one on. */
static enum lip_status softmax_flat(size_t *layer,
                                    struct lip_onnx_reader *reader,
                                    const struct lip_onnx_value *x, size_t axis)
{
    struct lip_shape two = {2, {1, 1}};
    for (size_t k = 0; k < x->rank; k++)
        two.dim[k >= axis] *= x->dim[k];
    if (two.dim[0] == 1)
        two = lip_shape_vector(two.dim[1]);
    enum lip_status status = lip_onnx_enter_as(layer, reader, x->operand, &two);
    return status == LIP_OK ? append_softmax(layer, reader) : status;
}

static enum lip_status softmax_axis(size_t *layer,
                                    struct lip_onnx_reader *reader,
                                    const struct lip_onnx_value *x, size_t axis)
{
    size_t lead = axis ? lip_onnx_lead(x) : 0, rank = x->rank - lead;
    bool last = axis == x->rank - 1;
    enum lip_status status = lip_onnx_enter_axes(layer, reader, x, lead);
    if (status == LIP_OK && !last)
        status = exchange(layer, reader, axis - lead, rank, ":before");
    if (status == LIP_OK)
        status = append_softmax(layer, reader);
    if (status == LIP_OK && !last)
        status = exchange(layer, reader, axis - lead, rank, ":after");
    return status;
}

enum lip_status lip_onnx_softmax(struct lip_onnx_reader *reader,
                                 const void *detail)
{
    bool flat = reader->model.opset < 13;
    struct lip_onnx_value *x;
    int64_t given = flat ? 1 : -1;
    size_t axis = 0, layer;
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "axis", &given);
    if (status == LIP_OK)
        status = lip_onnx_axis(&axis, reader, given, x->rank);
    if (status != LIP_OK)
        return status;
    if (axis == 0 && x->batch)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it works along the batch (axis 0), whose "
                               "samples must stay apart.");
    status = flat ? softmax_flat(&layer, reader, x, axis)
                  : softmax_axis(&layer, reader, x, axis);
    if (status == LIP_OK)
        lip_onnx_give_like(reader, layer, x);
    return status;
}
