/* SPDX-License-Identifier: MIT
 *
 * Convolutions and pools. Paddings that follow from a rule (auto_pad,
 * ceil_mode, output_shape) become numbers here. */
#include "formats/onnx/operator.h"

#include "formats/reader.h"

#include <inttypes.h>
#include <string.h>

enum { LARGEST = 1 << 24 };

/* Axes of a window: numbers of an attribute that has one an axis. */
static enum lip_status read_sizes(size_t *out, struct lip_onnx_reader *reader,
                                  const char *name, size_t axes, int64_t least)
{
    int64_t number[LIP_MAX_RANK];
    size_t count = 0;
    enum lip_status status = lip_onnx_ints(reader, name, number, &count);
    if (status != LIP_OK || count == 0)
        return status;
    if (count != axes)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its %s has %zu numbers for %zu axes.", name,
                               count, axes);
    for (size_t k = 0; k < axes; k++) {
        if (number[k] < least || number[k] > LARGEST)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "its %s is %" PRId64 ": from %" PRId64
                                   " to %d is possible.",
                                   name, number[k], least, (int)LARGEST);
        out[k] = (size_t)number[k];
    }
    return LIP_OK;
}

static size_t span_of(const struct lip_onnx_window *w, size_t k)
{
    return (w->kernel[k] - 1) * w->dilation[k] + 1;
}

static enum lip_status read_pads(struct lip_onnx_window *w,
                                 struct lip_onnx_reader *reader)
{
    size_t sides[2 * 2] = {0};
    enum lip_status status = read_sizes(sides, reader, "pads", 2 * w->axes, 0);
    for (size_t k = 0; k < w->axes; k++) {
        w->before[k] = sides[k];
        w->after[k] = sides[w->axes + k];
    }
    return status;
}

/* As many outputs as inputs / stride, rounded up. */
static void pad_same(struct lip_onnx_window *w, bool upper)
{
    for (size_t k = 0; k < w->axes; k++) {
        size_t s = w->stride[k], n = w->in[k];
        size_t out = n / s + (n % s != 0);
        size_t need = (out - 1) * s + span_of(w, k);
        size_t total = need > n ? need - n : 0;
        w->before[k] = upper ? total / 2 : total - total / 2;
        w->after[k] = total - w->before[k];
    }
}

/* How auto_pad says to pad: *same, *upper; NOTSET says that pads does. */
static enum lip_status read_auto_pad(struct lip_onnx_reader *reader, bool *set,
                                     bool *same, bool *upper)
{
    struct lip_span how = {0};
    char text[LIP_SPAN_TEXT];
    enum lip_status status =
        lip_onnx_attribute_text(&how, reader->node, "auto_pad", &reader->model);
    *upper = lip_span_is(how, "SAME_UPPER");
    *same = *upper || lip_span_is(how, "SAME_LOWER");
    *set = *same || lip_span_is(how, "VALID");
    if (status == LIP_OK && how.size && !*set && !lip_span_is(how, "NOTSET"))
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its auto_pad is \"%.30s\".",
                               lip_span_text(text, how));
    return status;
}

enum lip_status lip_onnx_window(struct lip_onnx_window *out,
                                struct lip_onnx_reader *reader,
                                const struct lip_onnx_value *value,
                                const size_t *kernel)
{
    bool set, same, upper;
    *out = (struct lip_onnx_window){.axes = value->rank - 2};
    if ((value->rank != 3 && value->rank != 4) || value->dim[0] != 1)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its input has %zu dimensions: a batch of "
                               "sequences (3) or images (4) is read.",
                               value->rank);
    for (size_t k = 0; k < out->axes; k++) {
        out->in[k] = value->dim[k + 2];
        out->stride[k] = out->dilation[k] = 1;
        out->kernel[k] = kernel ? kernel[k] : 0;
        if (out->in[k] > LARGEST || out->kernel[k] > LARGEST)
            return lip_onnx_refuse(reader, LIP_TOO_LARGE,
                                   "its image or kernel is longer than %d.",
                                   (int)LARGEST);
    }
    enum lip_status status =
        read_sizes(out->kernel, reader, "kernel_shape", out->axes, 1);
    if (status == LIP_OK)
        status = read_sizes(out->stride, reader, "strides", out->axes, 1);
    if (status == LIP_OK)
        status = read_sizes(out->dilation, reader, "dilations", out->axes, 1);
    for (size_t k = 0; status == LIP_OK && k < out->axes; k++)
        if (out->kernel[k] == 0 || (kernel && kernel[k] != out->kernel[k]))
            status = lip_onnx_refuse(reader, LIP_INVALID,
                                     "its kernel_shape is missing or not that "
                                     "of its weight.");
    if (status == LIP_OK)
        status = read_auto_pad(reader, &set, &same, &upper);
    if (status == LIP_OK && !set)
        status = read_pads(out, reader);
    else if (status == LIP_OK && same)
        pad_same(out, upper);
    return status;
}

static void set_window(struct lip_layer *layer, const struct lip_onnx_window *w)
{
    struct lip_setting *stride = lip_layer_set(layer, "stride");
    struct lip_setting *dilation = lip_layer_set(layer, "dilation");
    struct lip_setting *padding = lip_layer_set(layer, "padding");
    stride->count = dilation->count = w->axes;
    padding->count = 2 * w->axes;
    for (size_t k = 0; k < w->axes; k++) {
        stride->value[k] = (long)w->stride[k];
        dilation->value[k] = (long)w->dilation[k];
        padding->value[k] = (long)w->before[k];
        padding->value[w->axes + k] = (long)w->after[k];
    }
}

/* --- convolutions */

struct convolution {
    struct lip_onnx_value *x;
    const struct lip_onnx_constant *weight, *bias;
    int64_t groups;
};

static enum lip_status read_convolution(struct convolution *conv,
                                        struct lip_onnx_reader *reader)
{
    conv->groups = 1;
    enum lip_status status = lip_onnx_numbers(&conv->x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_constant(&conv->weight, reader, 1, "weight");
    if (status == LIP_OK)
        status = lip_onnx_optional(&conv->bias, reader, 2, "bias");
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "group", &conv->groups);
    if (status != LIP_OK)
        return status;
    const struct lip_tensor *w = &conv->weight->real;
    if (conv->weight->whole || (conv->bias && conv->bias->whole))
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its weight holds whole numbers: only real "
                               "numbers are read.");
    if (w->rank != conv->x->rank || w->rank < 3)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its weight has %zu dimensions and its input "
                               "%zu: both must have 3 (sequences) or 4 "
                               "(images).",
                               w->rank, conv->x->rank);
    if (w->rank > 4)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it convolves along %zu axes: 1 and 2 are read.",
                               w->rank - 2);
    if (conv->groups < 1 || conv->groups > LARGEST)
        return lip_onnx_refuse(reader, LIP_INVALID, "its group is %" PRId64 ".",
                               conv->groups);
    return LIP_OK;
}

static enum lip_status append_convolution(struct lip_layer **layer,
                                          struct lip_onnx_reader *reader,
                                          const struct lip_layer_kind *kind,
                                          const struct convolution *conv,
                                          const struct lip_onnx_window *w)
{
    size_t from;
    enum lip_status status = lip_onnx_enter_axes(&from, reader, conv->x, 1);
    if (status == LIP_OK)
        status = lip_onnx_append(layer, reader, kind, 1, &from, "");
    if (status != LIP_OK)
        return status;
    (*layer)->weight = lip_onnx_hold(conv->weight);
    if (conv->bias)
        (*layer)->bias = lip_onnx_hold(conv->bias);
    set_window(*layer, w);
    *lip_layer_set(*layer, "groups") =
        (struct lip_setting){1, {(long)conv->groups}};
    return LIP_OK;
}

static enum lip_status give_window(struct lip_onnx_reader *reader,
                                   const struct lip_onnx_value *x)
{
    enum lip_status status = lip_onnx_settle(reader);
    if (status == LIP_OK)
        lip_onnx_give_last(reader, true, x->batch);
    return status;
}

enum lip_status lip_onnx_conv(struct lip_onnx_reader *reader,
                              const void *detail)
{
    struct convolution conv;
    struct lip_onnx_window window;
    struct lip_layer *layer;
    (void)detail;
    enum lip_status status = read_convolution(&conv, reader);
    if (status == LIP_OK)
        status =
            lip_onnx_window(&window, reader, conv.x, conv.weight->real.dim + 2);
    if (status == LIP_OK)
        status =
            append_convolution(&layer, reader, &lip_layer_conv, &conv, &window);
    return status == LIP_OK ? give_window(reader, conv.x) : status;
}

/* Paddings that a wanted shape asks for: of stride (n - 1) + more + span
 * positions that many are cut off. */
static enum lip_status crop(struct lip_onnx_window *w, const size_t *more,
                            const size_t *shape, bool upper,
                            struct lip_onnx_reader *reader)
{
    for (size_t k = 0; k < w->axes; k++) {
        if (w->in[k] == 0)
            return lip_onnx_refuse(reader, LIP_INVALID, "its input is empty.");
        size_t full = w->stride[k] * (w->in[k] - 1) + more[k] + span_of(w, k);
        if (shape[k] > full)
            return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                                   "its output would be %zu long, of which "
                                   "only %zu positions are filled.",
                                   shape[k], full);
        size_t total = full - shape[k];
        w->before[k] = upper ? total / 2 : total - total / 2;
        w->after[k] = total - w->before[k];
    }
    return LIP_OK;
}

static enum lip_status transposed_pads(struct lip_onnx_window *w, size_t *more,
                                       struct lip_onnx_reader *reader)
{
    size_t shape[2] = {0};
    bool set, same, upper;
    enum lip_status status = read_auto_pad(reader, &set, &same, &upper);
    if (status == LIP_OK)
        status = read_sizes(more, reader, "output_padding", w->axes, 0);
    if (status == LIP_OK)
        status = read_sizes(shape, reader, "output_shape", w->axes, 1);
    if (status != LIP_OK || (!shape[0] && !same))
        return status;
    bool given = shape[0] != 0;
    for (size_t k = 0; k < w->axes && !given; k++)
        shape[k] = w->in[k] * w->stride[k];
    return crop(w, more, shape, upper, reader);
}

enum lip_status lip_onnx_conv_transpose(struct lip_onnx_reader *reader,
                                        const void *detail)
{
    struct convolution conv;
    struct lip_onnx_window window;
    struct lip_layer *layer;
    size_t more[2] = {0};
    (void)detail;
    enum lip_status status = read_convolution(&conv, reader);
    if (status == LIP_OK)
        status =
            lip_onnx_window(&window, reader, conv.x, conv.weight->real.dim + 2);
    if (status == LIP_OK)
        status = transposed_pads(&window, more, reader);
    if (status == LIP_OK)
        status = append_convolution(&layer, reader, &lip_layer_conv_transpose,
                                    &conv, &window);
    if (status != LIP_OK)
        return status;
    struct lip_setting *output = lip_layer_set(layer, "output_padding");
    output->count = window.axes;
    for (size_t k = 0; k < window.axes; k++)
        output->value[k] = (long)more[k];
    return give_window(reader, conv.x);
}

/* --- pools */

/* ceil_mode: a last window that begins within the image or the padding before
 * it is kept, though it ends beyond. */
static enum lip_status round_up(struct lip_onnx_window *w, bool include,
                                struct lip_onnx_reader *reader)
{
    for (size_t k = 0; k < w->axes; k++) {
        size_t all = w->in[k] + w->before[k] + w->after[k];
        size_t span = span_of(w, k), s = w->stride[k];
        if (span > all || (all - span) % s == 0)
            continue;
        size_t last = ((all - span) / s + 1) * s;
        if (last >= w->in[k] + w->before[k])
            continue;
        if (include)
            return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                                   "it has ceil_mode and count_include_pad "
                                   "and windows beyond the padding, of which "
                                   "the means are not clear.");
        w->after[k] += last + span - all;
    }
    return LIP_OK;
}

enum lip_status lip_onnx_pool(struct lip_onnx_reader *reader,
                              const void *detail)
{
    const struct lip_layer_kind *kind = detail;
    bool mean = kind == &lip_layer_average_pool;
    struct lip_onnx_value *x;
    struct lip_onnx_window w;
    struct lip_layer *layer;
    int64_t include = 0, up = 0;
    size_t from;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_window(&w, reader, x, NULL);
    if (status == LIP_OK && mean)
        status = lip_onnx_int(reader, "count_include_pad", &include);
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "ceil_mode", &up);
    if (status == LIP_OK && up)
        status = round_up(&w, include != 0, reader);
    if (status == LIP_OK)
        status = lip_onnx_enter_axes(&from, reader, x, 1);
    if (status == LIP_OK)
        status = lip_onnx_append(&layer, reader, kind, 1, &from, "");
    if (status != LIP_OK)
        return status;
    set_window(layer, &w);
    struct lip_setting *kernel = lip_layer_set(layer, "kernel");
    kernel->count = w.axes;
    for (size_t k = 0; k < w.axes; k++)
        kernel->value[k] = (long)w.kernel[k];
    if (mean)
        *lip_layer_set(layer, "include_padding") =
            (struct lip_setting){1, {include != 0}};
    return give_window(reader, x);
}
