/* SPDX-License-Identifier: MIT
 *
 * Convolutions and pools as ONNX operators. */
#include "formats/write_onnx.h"

#include "formats/reader.h"
#include "network/layers/pool.h"
#include "network/window.h"

enum { MOST_ATTRIBUTES = 8 };

/* The attributes of a window: sides before come before those after, as in our
 * settings. */
struct attributes {
    struct lip_onnx_put_attribute item[MOST_ATTRIBUTES];
    size_t count;
};

static void add_list(struct attributes *to, const char *name,
                     const struct lip_setting *setting)
{
    to->item[to->count++] =
        (struct lip_onnx_put_attribute){.name = name,
                                        .is_list = true,
                                        .list = setting->value,
                                        .count = setting->count};
}

static void add_number(struct attributes *to, const char *name, long value)
{
    to->item[to->count++] =
        (struct lip_onnx_put_attribute){.name = name, .whole = value};
}

static struct attributes window_of(const struct lip_layer *layer)
{
    struct attributes out = {.count = 0};
    add_list(&out, "strides", lip_layer_setting(layer, "stride"));
    add_list(&out, "pads", lip_layer_setting(layer, "padding"));
    return out;
}

static struct lip_onnx_result write_conv(struct lip_onnx_out *out,
                                         const struct lip_layer *layer,
                                         struct lip_onnx_result x,
                                         const char *op,
                                         struct attributes *attributes)
{
    struct lip_onnx_result input[] = {
        x, lip_onnx_put_tensor(out, LIP_PART_WEIGHT, NULL),
        lip_onnx_put_tensor(out, LIP_PART_BIAS, NULL)};
    struct lip_setting kernel = {.count = layer->weight.rank - 2};
    for (size_t k = 0; k < kernel.count; k++)
        kernel.value[k] = (long)layer->weight.dim[k + 2];
    add_list(attributes, "kernel_shape", &kernel);
    add_list(attributes, "dilations", lip_layer_setting(layer, "dilation"));
    add_number(attributes, "group",
               lip_layer_setting(layer, "groups")->value[0]);
    return lip_onnx_put_op(out, op, 3, input, attributes->count,
                           attributes->item);
}

struct lip_onnx_result lip_onnx_write_conv(struct lip_onnx_out *out,
                                           const struct lip_layer *layer,
                                           const struct lip_onnx_result *x,
                                           size_t count)
{
    struct attributes attributes = window_of(layer);
    (void)count;
    return write_conv(out, layer, *x, "Conv", &attributes);
}

struct lip_onnx_result
lip_onnx_write_conv_transpose(struct lip_onnx_out *out,
                              const struct lip_layer *layer,
                              const struct lip_onnx_result *x, size_t count)
{
    struct attributes attributes = window_of(layer);
    (void)count;
    add_list(&attributes, "output_padding",
             lip_layer_setting(layer, "output_padding"));
    return write_conv(out, layer, *x, "ConvTranspose", &attributes);
}

struct lip_onnx_result lip_onnx_write_max_pool(struct lip_onnx_out *out,
                                               const struct lip_layer *layer,
                                               const struct lip_onnx_result *x,
                                               size_t count)
{
    struct attributes attributes = window_of(layer);
    (void)count;
    add_list(&attributes, "kernel_shape", lip_layer_setting(layer, "kernel"));
    add_list(&attributes, "dilations", lip_layer_setting(layer, "dilation"));
    return lip_onnx_put_op(out, "MaxPool", 1, x, attributes.count,
                           attributes.item);
}

static bool is_dilated(const struct lip_layer *layer)
{
    const struct lip_setting *dilation = lip_layer_setting(layer, "dilation");
    const struct lip_setting *kernel = lip_layer_setting(layer, "kernel");
    for (size_t k = 0; k < dilation->count; k++)
        if (dilation->value[k] != 1 && kernel->value[k] != 1)
            return true;
    return false;
}

/* channels x 1 x kernel */
static struct lip_shape kernels(const struct lip_layer *layer)
{
    const struct lip_setting *kernel = lip_layer_setting(layer, "kernel");
    struct lip_shape shape = {2, {layer->in.dim[0], 1}};
    for (size_t k = 0; k < kernel->count; k++)
        shape.dim[shape.rank++] = (size_t)kernel->value[k];
    return shape;
}

bool lip_onnx_can_average_pool(const struct lip_layer *layer)
{
    struct lip_shape shape = kernels(layer);
    return !is_dilated(layer) || lip_shape_count(&shape) > 0;
}

/* The sum of each window: a convolution of each channel with ones. */
static struct lip_onnx_result sums(struct lip_onnx_out *out,
                                   const struct lip_layer *layer,
                                   struct lip_onnx_result x)
{
    const struct lip_setting *kernel = lip_layer_setting(layer, "kernel");
    struct attributes attributes = window_of(layer);
    struct lip_shape shape = kernels(layer);
    struct lip_onnx_result ones =
        lip_onnx_put_filled(out, lip_shape_count(&shape), 1);
    struct lip_onnx_result input[] = {x, lip_onnx_put_array(out, ones, &shape)};
    add_list(&attributes, "kernel_shape", kernel);
    add_list(&attributes, "dilations", lip_layer_setting(layer, "dilation"));
    add_number(&attributes, "group", (long)layer->in.dim[0]);
    return lip_onnx_put_op(out, "Conv", 2, input, attributes.count,
                           attributes.item);
}

/* x divided by how many positions the windows see along one axis (1: the last
 * one). */
static struct lip_onnx_result divide(struct lip_onnx_out *out,
                                     const struct lip_layer *layer, size_t axis,
                                     struct lip_onnx_result x)
{
    struct lip_window w = lip_layer_window(layer);
    bool all = lip_layer_setting(layer, "include_padding")->value[0];
    struct lip_shape column = {2, {w.out[axis], 1}};
    double *seen = lip_alloc(out->nodes.ctx, w.out[axis], sizeof *seen);
    if (!seen) {
        out->nodes.status = lip_memory_status(out->nodes.ctx);
        return x;
    }
    for (size_t t = 0; t < w.out[axis]; t++)
        seen[t] =
            (double)(all ? w.kernel[axis] : lip_pool_span(&w, axis, t).count);
    struct lip_onnx_result by = lip_onnx_put_reals(out, w.out[axis], seen);
    lip_free(seen);
    if (axis == 0)
        by = lip_onnx_put_array(out, by, &column);
    return lip_onnx_put_binary(out, "Div", x, by);
}

/* AveragePool has no dilation before opset 19. */
LIP_ONNX_WRITER(average_pool)
{
    struct attributes attributes = window_of(layer);
    (void)count;
    if (is_dilated(layer)) {
        struct lip_onnx_result y = divide(out, layer, 1, sums(out, layer, *x));
        return layer->in.rank == 3 ? divide(out, layer, 0, y) : y;
    }
    add_list(&attributes, "kernel_shape", lip_layer_setting(layer, "kernel"));
    add_number(&attributes, "count_include_pad",
               lip_layer_setting(layer, "include_padding")->value[0]);
    return lip_onnx_put_op(out, "AveragePool", 1, x, attributes.count,
                           attributes.item);
}
