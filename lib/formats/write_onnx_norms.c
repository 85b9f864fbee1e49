/* SPDX-License-Identifier: MIT
 *
 * Scaling and normalising layers as ONNX operators. Epsilon is a float32
 * attribute, and LayerNormalization computes in float32: where that would
 * change a float64 network the formula is spelled out. */
#include "formats/write_onnx.h"

/* [channels, 1, 1] for [channels, height, width]. */
static struct lip_shape of_channels(const struct lip_layer *layer, size_t count)
{
    struct lip_shape shape = layer->in;
    for (size_t k = 0; k < shape.rank; k++)
        shape.dim[k] = k == 0 ? count : 1;
    return shape;
}

static struct lip_onnx_result channels(struct lip_onnx_out *out,
                                       const struct lip_layer *layer,
                                       enum lip_part part)
{
    struct lip_shape shape = of_channels(
        layer, lip_tensor_count(lip_layer_tensor_const(layer, part)));
    return lip_onnx_put_tensor(out, part, &shape);
}

/* weight x + bias, either of which may be absent. */
static struct lip_onnx_result scale(struct lip_onnx_out *out,
                                    struct lip_onnx_result x,
                                    struct lip_onnx_result weight,
                                    struct lip_onnx_result bias)
{
    if (*weight.name)
        x = lip_onnx_put_binary(out, "Mul", x, weight);
    return *bias.name ? lip_onnx_put_binary(out, "Add", x, bias) : x;
}

/* x / sqrt(variance + epsilon) */
static struct lip_onnx_result deviate(struct lip_onnx_out *out,
                                      const struct lip_layer *layer,
                                      struct lip_onnx_result x,
                                      struct lip_onnx_result variance)
{
    struct lip_onnx_result epsilon =
        lip_onnx_put_number(out, layer->parameter[0]);
    variance = lip_onnx_put_binary(out, "Add", variance, epsilon);
    return lip_onnx_put_binary(out, "Div", x,
                               lip_onnx_put_unary(out, "Sqrt", variance));
}

/* A list for all channels, or for each number that comes in. */
static struct lip_onnx_result spread(struct lip_onnx_out *out,
                                     const struct lip_layer *layer,
                                     enum lip_part part)
{
    const struct lip_tensor *tensor = lip_layer_tensor_const(layer, part);
    if (!tensor->data)
        return (struct lip_onnx_result){""};
    return tensor->rank == 1 ? channels(out, layer, part)
                             : lip_onnx_put_tensor(out, part, &layer->in);
}

struct lip_onnx_result lip_onnx_write_affine(struct lip_onnx_out *out,
                                             const struct lip_layer *layer,
                                             const struct lip_onnx_result *x,
                                             size_t count)
{
    (void)count;
    struct lip_onnx_result weight = spread(out, layer, LIP_PART_WEIGHT);
    return scale(out, *x, weight, spread(out, layer, LIP_PART_BIAS));
}

static struct lip_onnx_result spelled_out(struct lip_onnx_out *out,
                                          const struct lip_layer *layer,
                                          struct lip_onnx_result x)
{
    x = lip_onnx_put_binary(out, "Sub", x, channels(out, layer, LIP_PART_MEAN));
    x = deviate(out, layer, x, channels(out, layer, LIP_PART_VARIANCE));
    struct lip_onnx_result weight = spread(out, layer, LIP_PART_WEIGHT);
    return scale(out, x, weight, spread(out, layer, LIP_PART_BIAS));
}

struct lip_onnx_result
lip_onnx_write_batch_norm(struct lip_onnx_out *out,
                          const struct lip_layer *layer,
                          const struct lip_onnx_result *x, size_t count)
{
    size_t all = lip_tensor_count(&layer->mean);
    (void)count;
    if (!lip_onnx_says(out, layer->parameter[0]) || layer->in.rank == 0)
        return spelled_out(out, layer, *x);
    struct lip_onnx_result input[] = {
        *x,
        layer->weight.data ? lip_onnx_put_tensor(out, LIP_PART_WEIGHT, NULL)
                           : lip_onnx_put_filled(out, all, 1),
        layer->bias.data ? lip_onnx_put_tensor(out, LIP_PART_BIAS, NULL)
                         : lip_onnx_put_filled(out, all, 0),
        lip_onnx_put_tensor(out, LIP_PART_MEAN, NULL),
        lip_onnx_put_tensor(out, LIP_PART_VARIANCE, NULL)};
    return lip_onnx_put_op(
        out, "BatchNormalization", 5, input, 1,
        &(struct lip_onnx_put_attribute){
            .name = "epsilon", .is_real = true, .real = layer->parameter[0]});
}

static struct lip_onnx_result mean(struct lip_onnx_out *out,
                                   const struct lip_layer *layer, size_t axis,
                                   struct lip_onnx_result x)
{
    long axes[LIP_MAX_RANK];
    size_t count = 0;
    for (size_t k = axis; k < layer->in.rank; k++)
        axes[count++] = (long)k + 1;
    return lip_onnx_put_op(
        out, "ReduceMean", 1, &x, 1,
        &(struct lip_onnx_put_attribute){
            .name = "axes", .is_list = true, .list = axes, .count = count});
}

static struct lip_onnx_result normalise(struct lip_onnx_out *out,
                                        const struct lip_layer *layer,
                                        size_t axis, struct lip_onnx_result x)
{
    x = lip_onnx_put_binary(out, "Sub", x, mean(out, layer, axis, x));
    struct lip_onnx_result square = lip_onnx_put_binary(out, "Mul", x, x);
    x = deviate(out, layer, x, mean(out, layer, axis, square));
    struct lip_onnx_result weight =
        lip_onnx_put_tensor(out, LIP_PART_WEIGHT, NULL);
    return scale(out, x, weight, lip_onnx_put_tensor(out, LIP_PART_BIAS, NULL));
}

/* The operator wants a weight. */
struct lip_onnx_result
lip_onnx_write_layer_norm(struct lip_onnx_out *out,
                          const struct lip_layer *layer,
                          const struct lip_onnx_result *x, size_t count)
{
    size_t axis = (size_t)lip_layer_setting(layer, "axis")->value[0];
    (void)count;
    if (out->wide || !layer->weight.data)
        return normalise(out, layer, axis, *x);
    const struct lip_onnx_put_attribute attribute[] = {
        {.name = "axis", .whole = (int64_t)axis + 1},
        {.name = "epsilon", .is_real = true, .real = layer->parameter[0]}};
    struct lip_onnx_result input[] = {
        *x, lip_onnx_put_tensor(out, LIP_PART_WEIGHT, NULL),
        lip_onnx_put_tensor(out, LIP_PART_BIAS, NULL)};
    return lip_onnx_put_op(out, "LayerNormalization", 3, input, 2, attribute);
}

struct lip_onnx_result lip_onnx_write_softmax(struct lip_onnx_out *out,
                                              const struct lip_layer *layer,
                                              const struct lip_onnx_result *x,
                                              size_t count)
{
    (void)layer;
    (void)count;
    return lip_onnx_put_op(
        out, "Softmax", 1, x, 1,
        &(struct lip_onnx_put_attribute){.name = "axis", .whole = -1});
}
