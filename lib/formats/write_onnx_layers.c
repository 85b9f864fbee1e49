/* SPDX-License-Identifier: MIT
 *
 * Dense layers and those that move, join and add numbers as ONNX operators, and
 * the table of all kinds. */
#include "formats/write_onnx.h"

#include <string.h>

static struct lip_onnx_result write_dense(struct lip_onnx_out *out,
                                          const struct lip_layer *layer,
                                          const struct lip_onnx_result *x,
                                          size_t count)
{
    (void)count;
    struct lip_onnx_result input[] = {
        lip_onnx_put_flat(out, layer, *x),
        lip_onnx_put_tensor(out, LIP_PART_WEIGHT, NULL),
        lip_onnx_put_tensor(out, LIP_PART_BIAS, NULL)};
    return lip_onnx_put_op(
        out, "Gemm", 3, input, 1,
        &(struct lip_onnx_put_attribute){.name = "transB", .whole = 1});
}

static struct lip_onnx_result write_flatten(struct lip_onnx_out *out,
                                            const struct lip_layer *layer,
                                            const struct lip_onnx_result *x,
                                            size_t count)
{
    (void)count;
    return lip_onnx_put_flat(out, layer, *x);
}

/* In front of a network that has that shape already there is nothing to do. */
static struct lip_onnx_result write_reshape(struct lip_onnx_out *out,
                                            const struct lip_layer *layer,
                                            const struct lip_onnx_result *x,
                                            size_t count)
{
    struct lip_shape input = lip_onnx_input_shape(out->network);
    (void)count;
    if (strcmp(x->name, "input") == 0 && lip_shape_equal(&input, &layer->out))
        return *x;
    return lip_onnx_put_reshape(out, *x, &layer->out);
}

static struct lip_onnx_result write_add(struct lip_onnx_out *out,
                                        const struct lip_layer *layer,
                                        const struct lip_onnx_result *x,
                                        size_t count)
{
    const struct lip_setting *sign = lip_layer_setting(layer, "sign");
    struct lip_onnx_result sum = x[0];
    if (sign->value[0] < 0)
        sum = lip_onnx_put_unary(out, "Neg", sum);
    for (size_t k = 1; k < count; k++)
        sum = lip_onnx_put_binary(out, sign->value[k] < 0 ? "Sub" : "Add", sum,
                                  x[k]);
    return sum;
}

static struct lip_onnx_result write_concat(struct lip_onnx_out *out,
                                           const struct lip_layer *layer,
                                           const struct lip_onnx_result *x,
                                           size_t count)
{
    long axis = lip_layer_setting(layer, "axis")->value[0] + 1;
    return lip_onnx_put_op(
        out, "Concat", count, x, 1,
        &(struct lip_onnx_put_attribute){.name = "axis", .whole = axis});
}

static struct lip_onnx_result write_transpose(struct lip_onnx_out *out,
                                              const struct lip_layer *layer,
                                              const struct lip_onnx_result *x,
                                              size_t count)
{
    const struct lip_setting *axes = lip_layer_setting(layer, "axes");
    long perm[LIP_MAX_RANK + 1] = {0};
    (void)count;
    for (size_t k = 0; k < axes->count; k++)
        perm[k + 1] = axes->value[k] + 1;
    return lip_onnx_put_op(
        out, "Transpose", 1, x, 1,
        &(struct lip_onnx_put_attribute){.name = "perm",
                                         .is_list = true,
                                         .list = perm,
                                         .count = axes->count + 1});
}

static struct lip_onnx_result write_slice(struct lip_onnx_out *out,
                                          const struct lip_layer *layer,
                                          const struct lip_onnx_result *x,
                                          size_t count)
{
    const struct lip_setting *start = lip_layer_setting(layer, "start");
    long axes[LIP_MAX_RANK];
    (void)count;
    for (size_t k = 0; k < start->count; k++)
        axes[k] = (long)k + 1;
    struct lip_onnx_result input[] = {
        *x, lip_onnx_put_list(out, start->count, start->value),
        lip_onnx_put_list(out, start->count,
                          lip_layer_setting(layer, "stop")->value),
        lip_onnx_put_list(out, start->count, axes),
        lip_onnx_put_list(out, start->count,
                          lip_layer_setting(layer, "step")->value)};
    return lip_onnx_put_op(out, "Slice", 5, input, 0, NULL);
}

static struct lip_onnx_result write_pad(struct lip_onnx_out *out,
                                        const struct lip_layer *layer,
                                        const struct lip_onnx_result *x,
                                        size_t count)
{
    const struct lip_setting *before = lip_layer_setting(layer, "before");
    const struct lip_setting *after = lip_layer_setting(layer, "after");
    long pads[2 * (LIP_MAX_RANK + 1)] = {0};
    size_t rank = before->count;
    (void)count;
    for (size_t k = 0; k < rank; k++) {
        pads[k + 1] = before->value[k];
        pads[rank + 1 + k + 1] = after->value[k];
    }
    struct lip_onnx_result input[] = {
        *x, lip_onnx_put_list(out, 2 * (rank + 1), pads),
        lip_onnx_put_number(out, layer->parameter[0])};
    return lip_onnx_put_op(out, "Pad", 3, input, 0, NULL);
}

/* Position -1 is the last one, which is where a zero is put. */
static struct lip_onnx_result write_gather(struct lip_onnx_out *out,
                                           const struct lip_layer *layer,
                                           const struct lip_onnx_result *x,
                                           size_t count)
{
    static const long pads[] = {0, 0, 0, 1};
    bool zeros = false;
    (void)count;
    for (size_t k = 0; k < lip_tensor_count(&layer->weight) && !zeros; k++)
        zeros = lip_tensor_at(&layer->weight, k) < 0;
    struct lip_onnx_result from = lip_onnx_put_flat(out, layer, *x);
    if (zeros)
        from = lip_onnx_put_binary(out, "Pad", from,
                                   lip_onnx_put_list(out, 4, pads));
    struct lip_onnx_result index = lip_onnx_put_cast(
        out, lip_onnx_put_stored(out, LIP_PART_WEIGHT), LIP_ONNX_INT64);
    from = lip_onnx_put_op(
        out, "Gather", 2, (struct lip_onnx_result[]){from, index}, 1,
        &(struct lip_onnx_put_attribute){.name = "axis", .whole = 1});
    return lip_onnx_put_unflat(out, layer, from);
}

static struct lip_onnx_result write_upsample(struct lip_onnx_out *out,
                                             const struct lip_layer *layer,
                                             const struct lip_onnx_result *x,
                                             size_t count)
{
    const struct lip_setting *factor = lip_layer_setting(layer, "factor");
    static const struct lip_onnx_put_attribute attribute[] = {
        {.name = "coordinate_transformation_mode", .text = "asymmetric"},
        {.name = "mode", .text = "nearest"},
        {.name = "nearest_mode", .text = "floor"}};
    long scale[LIP_MAX_RANK + 1] = {1, 1};
    (void)count;
    for (size_t k = 0; k < factor->count; k++)
        scale[k + 2] = factor->value[k];
    struct lip_onnx_result list =
        lip_onnx_put_list(out, factor->count + 2, scale);
    struct lip_onnx_result input[] = {
        *x, {""}, lip_onnx_put_cast(out, list, LIP_ONNX_FLOAT)};
    return lip_onnx_put_op(out, "Resize", 3, input, 3, attribute);
}

static const struct lip_onnx_row table[] = {
    {&lip_layer_dense, write_dense, NULL},
    {&lip_layer_flatten, write_flatten, NULL},
    {&lip_layer_activation, lip_onnx_write_activation, lip_onnx_can_activation},
    {&lip_layer_group_sort, lip_onnx_write_group_sort, NULL},
    {&lip_layer_householder, lip_onnx_write_householder, NULL},
    {&lip_layer_spline, lip_onnx_write_spline, NULL},
    {&lip_layer_reshape, write_reshape, NULL},
    {&lip_layer_conv, lip_onnx_write_conv, NULL},
    {&lip_layer_conv_transpose, lip_onnx_write_conv_transpose, NULL},
    {&lip_layer_average_pool, lip_onnx_write_average_pool,
     lip_onnx_can_average_pool},
    {&lip_layer_max_pool, lip_onnx_write_max_pool, NULL},
    {&lip_layer_batch_norm, lip_onnx_write_batch_norm, NULL},
    {&lip_layer_affine, lip_onnx_write_affine, NULL},
    {&lip_layer_add, write_add, NULL},
    {&lip_layer_concat, write_concat, NULL},
    {&lip_layer_transpose, write_transpose, NULL},
    {&lip_layer_slice, write_slice, NULL},
    {&lip_layer_pad, write_pad, NULL},
    {&lip_layer_gather, write_gather, NULL},
    {&lip_layer_upsample, write_upsample, NULL},
    {&lip_layer_softmax, lip_onnx_write_softmax, NULL},
    {&lip_layer_layer_norm, lip_onnx_write_layer_norm, NULL},
};

const struct lip_onnx_row *lip_onnx_row_of(const struct lip_layer *layer)
{
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (table[k].kind == layer->kind &&
            (!table[k].can || table[k].can(layer)))
            return &table[k];
    return NULL;
}
