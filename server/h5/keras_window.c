/* SPDX-License-Identifier: MIT
 *
 * Layers of Keras that slide windows over images and sequences. A kernel is
 * kept as axes x channels in x channels out; padding "same" puts the odd zero
 * behind. */
#include "server/h5/keras.h"

#include <stdio.h>
#include <string.h>

enum { AXES = LIPD_KERAS_RANK - 1 };

struct window {
    size_t axes;
    size_t kernel[AXES], stride[AXES], dilation[AXES];
    size_t padding[2 * AXES]; /* all before, then all after */
    size_t out[AXES];
};

/* How many zeros an axis gets, and what comes out of it. */
static void pad(struct window *w, const struct lipd_keras_layer *layer,
                size_t k, const char *padding)
{
    size_t in = layer->out.dim[k];
    size_t reach = (w->kernel[k] - 1) * w->dilation[k] + 1, total = 0;
    if (!strcmp(padding, "same")) {
        w->out[k] = (in + w->stride[k] - 1) / w->stride[k];
        size_t needed = (w->out[k] - 1) * w->stride[k] + reach;
        total = needed > in ? needed - in : 0;
        w->padding[k] = total / 2;
    } else if (!strcmp(padding, "causal")) {
        w->padding[k] = total = reach - 1;
    } else if (strcmp(padding, "valid") != 0) {
        lipd_keras_refuse(layer,
                          "has the padding \"%.20s\", which is not "
                          "known.",
                          padding);
    }
    w->padding[k + w->axes] = total - w->padding[k];
    if (in + total < reach)
        lipd_keras_refuse(layer, "has a window larger than its input.");
    w->out[k] = (in + total - reach) / w->stride[k] + 1;
}

static void read_window(struct window *w, const struct lipd_keras_layer *layer,
                        size_t axes, const char *kernel)
{
    *w = (struct window){
        .axes = axes, .kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    if (layer->out.rank != axes + 1)
        lipd_keras_refuse(layer, "does not get an array of %zu axes.",
                          axes + 1);
    if (!lipd_keras_sizes(w->kernel, axes, layer, kernel))
        lipd_keras_refuse(layer, "has no %s.", kernel);
    bool pool = !strcmp(kernel, "pool_size");
    if (!lipd_keras_sizes(w->stride, axes, layer, "strides") && pool)
        memcpy(w->stride, w->kernel, sizeof w->stride);
    if (!pool)
        lipd_keras_sizes(w->dilation, axes, layer, "dilation_rate");
    for (size_t k = 0; k < axes; k++)
        if (!w->kernel[k] || !w->stride[k] || !w->dilation[k])
            lipd_keras_refuse(layer, "has a setting that is zero.");
}

static void pad_all(struct window *w, const struct lipd_keras_layer *layer)
{
    const char *padding = lipd_keras_string(layer, "padding", "valid");
    for (size_t k = 0; k < w->axes; k++)
        pad(w, layer, k, padding);
}

static void set_window(json_t *object, const struct window *w)
{
    lipd_keras_set_sizes(object, "stride", w->stride, w->axes);
    lipd_keras_set_sizes(object, "padding", w->padding, 2 * w->axes);
}

/* The kernel under its name, which must have as many axes as it should. */
static void take_kernel(struct lipd_h5_data *out,
                        const struct lipd_keras_layer *layer, const char *name,
                        const struct window *w)
{
    bool good = lipd_keras_weight(out, layer, name);
    if (!good)
        lipd_keras_refuse(layer, "has no weight \"%s\" in the file.", name);
    good = out->rank == w->axes + 2;
    for (size_t k = 0; k < w->axes && good; k++)
        good = out->dim[k] == w->kernel[k];
    if (!good)
        lipd_keras_refuse(layer,
                          "has a %s of another shape than its "
                          "settings say.",
                          name);
}

static void add_bias(struct lipd_keras_layer *layer, json_t *object)
{
    struct lipd_h5_data bias;
    if (lipd_keras_flag(layer, "use_bias", true) &&
        lipd_keras_weight(&bias, layer, "bias"))
        lipd_keras_tensor(layer, object, "bias", "bias", &bias);
}

/* Puts the kernel's axes in front of its channels in the order [first, second,
 * axes...] of the axes that it has in the file. */
static void turn(struct lipd_h5_tensor *tensor, size_t axes, size_t first,
                 size_t second)
{
    const size_t *dim = tensor->data.dim;
    tensor->axis[0] = first;
    tensor->axis[1] = second;
    for (size_t k = 0; k < axes; k++)
        tensor->axis[2 + k] = k;
    for (size_t k = 0; k < axes + 2; k++)
        tensor->dim[k] = dim[tensor->axis[k]];
}

/* Sets what comes out. */
static void come_out(struct lipd_keras_layer *layer, const struct window *w,
                     size_t channels)
{
    memcpy(layer->out.dim, w->out, w->axes * sizeof *w->out);
    layer->out.dim[w->axes] = channels;
}

static void conv(struct lipd_keras_layer *layer, size_t axes)
{
    struct window w;
    struct lipd_h5_data kernel;
    size_t groups = 1;
    read_window(&w, layer, axes, "kernel_size");
    pad_all(&w, layer);
    take_kernel(&kernel, layer, "kernel", &w);
    lipd_keras_sizes(&groups, 1, layer, "groups");
    json_t *object = lipd_keras_emit(layer, "conv", "");
    set_window(object, &w);
    lipd_keras_set_sizes(object, "dilation", w.dilation, axes);
    lipd_keras_set(object, "groups", json_integer((json_int_t)groups));
    turn(lipd_keras_tensor(layer, object, "weight", "kernel", &kernel), axes,
         axes + 1, axes);
    add_bias(layer, object);
    come_out(layer, &w, kernel.dim[axes + 1]);
    lipd_keras_activate(layer, "activation");
}

/* Each channel has kernels of its own: axes x channels x multiplier. */
static void depthwise(struct lipd_keras_layer *layer, const char *name,
                      size_t axes, const char *suffix)
{
    struct window w;
    struct lipd_h5_data kernel;
    read_window(&w, layer, axes, "kernel_size");
    pad_all(&w, layer);
    take_kernel(&kernel, layer, name, &w);
    size_t channels = kernel.dim[axes], times = kernel.dim[axes + 1];
    json_t *object = lipd_keras_emit(layer, "conv", suffix);
    set_window(object, &w);
    lipd_keras_set_sizes(object, "dilation", w.dilation, axes);
    lipd_keras_set(object, "groups", json_integer((json_int_t)channels));
    struct lipd_h5_tensor *tensor =
        lipd_keras_tensor(layer, object, "weight", name, &kernel);
    turn(tensor, axes, axes, axes + 1);
    tensor->dim[0] = channels * times;
    tensor->dim[1] = 1;
    if (!*suffix)
        add_bias(layer, object);
    come_out(layer, &w, channels * times);
}

/* Keras 3 calls the kernel just that. */
static void depthwise_alone(struct lipd_keras_layer *layer, size_t axes)
{
    struct lipd_h5_data kernel;
    bool old = lipd_keras_weight(&kernel, layer, "depthwise_kernel");
    depthwise(layer, old ? "depthwise_kernel" : "kernel", axes, "");
    lipd_keras_activate(layer, "activation");
}

/* A depthwise convolution, then one of windows of one spot. */
static void separable(struct lipd_keras_layer *layer, size_t axes)
{
    struct window point = {.axes = axes, .kernel = {1, 1}};
    struct lipd_h5_data kernel;
    depthwise(layer, "depthwise_kernel", axes, "depthwise");
    take_kernel(&kernel, layer, "pointwise_kernel", &point);
    json_t *object = lipd_keras_emit(layer, "conv", "");
    turn(
        lipd_keras_tensor(layer, object, "weight", "pointwise_kernel", &kernel),
        axes, axes + 1, axes);
    add_bias(layer, object);
    layer->out.dim[axes] = kernel.dim[axes + 1];
    lipd_keras_activate(layer, "activation");
}

/* The adjoint of a convolution: `same` makes in * stride out of in, `valid` as
 * much as the windows reach, at least in * stride. */
static void transposed(struct lipd_keras_layer *layer, size_t axes)
{
    struct window w;
    struct lipd_h5_data kernel;
    size_t more[AXES] = {0};
    const char *padding = lipd_keras_string(layer, "padding", "valid");
    const json_t *odd = json_object_get(layer->config, "output_padding");
    read_window(&w, layer, axes, "kernel_size");
    if ((odd && !json_is_null(odd)) || w.dilation[0] > 1 || w.dilation[1] > 1)
        lipd_keras_refuse(layer, "has an output_padding or a dilation, which "
                                 "is not read.");
    for (size_t k = 0; k < axes; k++) {
        size_t overlap =
            w.kernel[k] > w.stride[k] ? w.kernel[k] - w.stride[k] : 0;
        bool same = !strcmp(padding, "same");
        w.padding[k] = same ? overlap / 2 : 0;
        w.padding[axes + k] = same ? overlap - overlap / 2 : 0;
        more[k] = w.kernel[k] < w.stride[k] ? w.stride[k] - w.kernel[k] : 0;
        w.out[k] = layer->out.dim[k] * w.stride[k] + (same ? 0 : overlap);
    }
    take_kernel(&kernel, layer, "kernel", &w);
    json_t *object = lipd_keras_emit(layer, "conv-transpose", "");
    set_window(object, &w);
    lipd_keras_set_sizes(object, "output_padding", more, axes);
    turn(lipd_keras_tensor(layer, object, "weight", "kernel", &kernel), axes,
         axes + 1, axes);
    add_bias(layer, object);
    come_out(layer, &w, kernel.dim[axes]);
    lipd_keras_activate(layer, "activation");
}

static void pool(struct lipd_keras_layer *layer, size_t axes, const char *type)
{
    struct window w;
    read_window(&w, layer, axes, "pool_size");
    pad_all(&w, layer);
    json_t *object = lipd_keras_emit(layer, type, "");
    lipd_keras_set_sizes(object, "kernel", w.kernel, axes);
    set_window(object, &w);
    come_out(layer, &w, layer->out.dim[axes]);
}

static void max_pool(struct lipd_keras_layer *layer, size_t axes)
{
    pool(layer, axes, "max-pool");
}

static void average_pool(struct lipd_keras_layer *layer, size_t axes)
{
    pool(layer, axes, "average-pool");
}

static void global(struct lipd_keras_layer *layer, size_t axes,
                   const char *type)
{
    if (layer->out.rank != axes + 1)
        lipd_keras_refuse(layer, "does not get an array of %zu axes.",
                          axes + 1);
    lipd_keras_set_sizes(lipd_keras_emit(layer, type, ""), "kernel",
                         layer->out.dim, axes);
    size_t channels = layer->out.dim[axes];
    for (size_t k = 0; k < axes; k++)
        layer->out.dim[k] = 1;
    if (lipd_keras_flag(layer, "keepdims", false))
        return;
    lipd_keras_emit(layer, "flatten", "flat");
    layer->out.rank = 1;
    layer->out.dim[0] = channels;
}

static void global_max(struct lipd_keras_layer *layer, size_t axes)
{
    global(layer, axes, "max-pool");
}

static void global_average(struct lipd_keras_layer *layer, size_t axes)
{
    global(layer, axes, "average-pool");
}

/* Two numbers an axis: [[1, 1], [2, 2]], [1, 2] or 1; of sequences [1, 2] are
 * the two ends. */
static void read_ends(size_t *before, size_t *after,
                      const struct lipd_keras_layer *layer, const char *name,
                      size_t axes)
{
    const json_t *value = json_object_get(layer->config, name);
    struct lipd_keras_layer inner = *layer;
    for (size_t k = 0; k < axes; k++) {
        size_t ends[2] = {0, 0};
        const json_t *own =
            json_is_array(value) && axes > 1 ? json_array_get(value, k) : value;
        json_t *one = lipd_h5_json(json_pack("{s:O}", name, own));
        inner.config = one;
        if (!lipd_keras_sizes(ends, 2, &inner, name))
            lipd_keras_refuse(layer, "has no %s.", name);
        before[k] = ends[0];
        after[k] = ends[1];
        json_decref(one);
    }
}

static void zero_padding(struct lipd_keras_layer *layer, size_t axes)
{
    size_t before[LIPD_KERAS_RANK] = {0}, after[LIPD_KERAS_RANK] = {0};
    if (layer->out.rank != axes + 1)
        lipd_keras_refuse(layer, "does not get an array of %zu axes.",
                          axes + 1);
    read_ends(before + 1, after + 1, layer, "padding", axes);
    json_t *object = lipd_keras_emit(layer, "pad", "");
    lipd_keras_set_sizes(object, "before", before, axes + 1);
    lipd_keras_set_sizes(object, "after", after, axes + 1);
    for (size_t k = 0; k < axes; k++)
        layer->out.dim[k] += before[k + 1] + after[k + 1];
}

static void cropping(struct lipd_keras_layer *layer, size_t axes)
{
    size_t start[LIPD_KERAS_RANK] = {0}, stop[LIPD_KERAS_RANK] = {0};
    if (layer->out.rank != axes + 1)
        lipd_keras_refuse(layer, "does not get an array of %zu axes.",
                          axes + 1);
    read_ends(start + 1, stop + 1, layer, "cropping", axes);
    stop[0] = layer->out.dim[axes];
    for (size_t k = 0; k < axes; k++) {
        if (start[k + 1] + stop[k + 1] >= layer->out.dim[k])
            lipd_keras_refuse(layer, "leaves nothing of its input.");
        stop[k + 1] = layer->out.dim[k] - stop[k + 1];
        layer->out.dim[k] = stop[k + 1] - start[k + 1];
    }
    json_t *object = lipd_keras_emit(layer, "slice", "");
    lipd_keras_set_sizes(object, "start", start, axes + 1);
    lipd_keras_set_sizes(object, "stop", stop, axes + 1);
}

static void up_sampling(struct lipd_keras_layer *layer, size_t axes)
{
    size_t factor[AXES] = {2, 2};
    if (layer->out.rank != axes + 1 ||
        strcmp(lipd_keras_string(layer, "interpolation", "nearest"), "nearest"))
        lipd_keras_refuse(layer, "is read for interpolation \"nearest\" "
                                 "only.");
    lipd_keras_sizes(factor, axes, layer, "size");
    lipd_keras_set_sizes(lipd_keras_emit(layer, "upsample", ""), "factor",
                         factor, axes);
    for (size_t k = 0; k < axes; k++)
        layer->out.dim[k] *= factor[k];
}

/* Kinds by their name without the number of axes. */
static const struct {
    const char *kind;
    void (*build)(struct lipd_keras_layer *layer, size_t axes);
} kinds[] = {
    {"Conv", conv},
    {"Convolution", conv},
    {"DepthwiseConv", depthwise_alone},
    {"SeparableConv", separable},
    {"MaxPooling", max_pool},
    {"AveragePooling", average_pool},
    {"GlobalMaxPooling", global_max},
    {"GlobalAveragePooling", global_average},
    {"ZeroPadding", zero_padding},
    {"Cropping", cropping},
    {"UpSampling", up_sampling},
};

bool lipd_keras_window(struct lipd_keras_layer *layer)
{
    char name[64];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t axes = 1; axes <= AXES; axes++) {
            snprintf(name, sizeof name, "%s%zuD", kinds[i].kind, axes);
            if (!strcmp(name, layer->kind)) {
                kinds[i].build(layer, axes);
                return true;
            }
        }
    for (size_t axes = 1; axes <= AXES; axes++) {
        snprintf(name, sizeof name, "Conv%zuDTranspose", axes);
        if (!strcmp(name, layer->kind)) {
            transposed(layer, axes);
            return true;
        }
    }
    return false;
}
