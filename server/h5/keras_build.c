/* SPDX-License-Identifier: MIT
 *
 * One layer of Keras, by its kind: those without windows and activations. */
#include "server/h5/keras.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* On arrays Dense works along the last axis: a convolution with windows of one
 * spot. */
static void dense(struct lipd_keras_layer *layer)
{
    struct lipd_h5_data kernel, bias;
    size_t rank = layer->out.rank;
    if (!lipd_keras_weight(&kernel, layer, "kernel"))
        lipd_keras_refuse(layer, "has no weight \"kernel\" in the file.");
    if (kernel.rank != 2 || kernel.dim[0] != layer->out.dim[rank - 1])
        lipd_keras_refuse(layer, "has a kernel that does not fit its input.");
    json_t *object = lipd_keras_emit(layer, rank == 1 ? "dense" : "conv", "");
    struct lipd_h5_tensor *weight =
        lipd_keras_tensor(layer, object, "weight", "kernel", &kernel);
    weight->axis[0] = 1;
    weight->axis[1] = 0;
    weight->dim[0] = kernel.dim[1];
    weight->dim[1] = kernel.dim[0];
    for (size_t k = 1; k < rank; k++)
        weight->dim[weight->rank++] = 1;
    if (lipd_keras_flag(layer, "use_bias", true) &&
        lipd_keras_weight(&bias, layer, "bias"))
        lipd_keras_tensor(layer, object, "bias", "bias", &bias);
    layer->out.dim[rank - 1] = kernel.dim[1];
    lipd_keras_activate(layer, "activation");
}

static size_t numbers(const struct lipd_keras_value *value)
{
    size_t count = 1;
    for (size_t k = 0; k < value->rank; k++)
        count *= value->dim[k];
    return count;
}

static void flatten(struct lipd_keras_layer *layer)
{
    if (layer->out.rank == 1)
        return;
    size_t count = numbers(&layer->out);
    lipd_keras_to_last(layer, "channels_last");
    lipd_keras_emit(layer, "flatten", "");
    layer->out.rank = 1;
    layer->out.dim[0] = count;
}

/* The target shape, one dimension of which may be -1. */
static size_t target_shape(size_t dim[LIPD_KERAS_RANK],
                           const struct lipd_keras_layer *layer)
{
    const json_t *shape = json_object_get(layer->config, "target_shape");
    size_t rank = json_array_size(shape), known = 1, open = SIZE_MAX;
    size_t all = numbers(&layer->out);
    bool good = rank > 0 && rank <= LIPD_KERAS_RANK;
    for (size_t k = 0; k < rank && good; k++) {
        json_int_t value = json_integer_value(json_array_get(shape, k));
        dim[k] = (size_t)value;
        if (value > 0 && value <= 1 << 24)
            known *= dim[k];
        else if (value == -1 && open == SIZE_MAX)
            open = k;
        else
            good = false;
    }
    if (good && open != SIZE_MAX)
        known *= dim[open] = all / known;
    if (!good || known != all)
        lipd_keras_refuse(layer,
                          "has a target_shape that does not fit its "
                          "input, or of more than %d dimensions.",
                          LIPD_KERAS_RANK);
    return rank;
}

static void reshape(struct lipd_keras_layer *layer)
{
    size_t dim[LIPD_KERAS_RANK] = {0};
    size_t rank = target_shape(dim, layer);
    lipd_keras_to_last(layer, "channels_last");
    lipd_keras_set_sizes(lipd_keras_emit(layer, "reshape", ""), "shape", dim,
                         rank);
    layer->out.rank = rank;
    memcpy(layer->out.dim, dim, sizeof dim);
    lipd_keras_to_first(layer, "channels_first");
}

/* The axis of a layer, counted from 0 without the batch. */
static size_t axis_of(const struct lipd_keras_layer *layer)
{
    const json_t *value = json_object_get(layer->config, "axis");
    json_int_t rank = (json_int_t)layer->out.rank;
    if (json_is_array(value) && json_array_size(value) == 1)
        value = json_array_get(value, 0);
    json_int_t axis = value ? json_integer_value(value) : -1;
    axis = axis < 0 ? axis + rank : axis - 1;
    if ((value && !json_is_integer(value)) || axis < 0 || axis >= rank)
        lipd_keras_refuse(layer, "has an axis that is not understood.");
    return (size_t)axis;
}

static void batch_norm(struct lipd_keras_layer *layer)
{
    static const struct {
        const char *keras, *ours;
        bool needed;
    } parts[] = {{"gamma", "weight", false},
                 {"beta", "bias", false},
                 {"moving_mean", "mean", true},
                 {"moving_variance", "variance", true}};
    struct lipd_h5_data data;
    if (axis_of(layer) + 1 != layer->out.rank)
        lipd_keras_refuse(layer, "does not run along the last axis.");
    json_t *object = lipd_keras_emit(layer, "batch-norm", "");
    lipd_keras_set(object, "epsilon",
                   json_real(lipd_keras_number(layer, "epsilon", 1e-3)));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (lipd_keras_weight(&data, layer, parts[i].keras))
            lipd_keras_tensor(layer, object, parts[i].ours, parts[i].keras,
                              &data);
        else if (parts[i].needed)
            lipd_keras_refuse(layer, "has no weight \"%s\" in the file.",
                              parts[i].keras);
    }
}

static void check_same_shape(const struct lipd_keras_layer *layer)
{
    for (size_t i = 1; i < layer->inputs; i++)
        if (layer->in[i].rank != layer->in[0].rank ||
            memcmp(layer->in[i].dim, layer->in[0].dim,
                   layer->in[0].rank * sizeof *layer->in[0].dim) != 0)
            lipd_keras_refuse(layer, "has inputs of different shapes.");
}

static void add(struct lipd_keras_layer *layer)
{
    check_same_shape(layer);
    lipd_keras_join(layer, "add");
}

static void subtract(struct lipd_keras_layer *layer)
{
    check_same_shape(layer);
    lipd_keras_set(lipd_keras_join(layer, "add"), "sign",
                   json_pack("[i, i]", 1, -1));
}

static void concatenate(struct lipd_keras_layer *layer)
{
    size_t axis = axis_of(layer), rank = layer->out.rank;
    for (size_t i = 1; i < layer->inputs; i++) {
        if (layer->in[i].rank != rank)
            lipd_keras_refuse(layer, "has inputs of different shapes.");
        layer->out.dim[axis] += layer->in[i].dim[axis];
    }
    lipd_keras_set(lipd_keras_join(layer, "concat"), "axis",
                   json_integer(axis + 1 == rank ? 0 : (json_int_t)axis + 1));
}

static void rescaling(struct lipd_keras_layer *layer)
{
    double scale = lipd_keras_number(layer, "scale", 1);
    double offset = lipd_keras_number(layer, "offset", 0);
    json_t *object = lipd_keras_emit(layer, "affine", "");
    lipd_keras_constant(layer, object, "weight", "scale", &scale, 1);
    lipd_keras_constant(layer, object, "bias", "offset", &offset, 1);
}

static void nothing(struct lipd_keras_layer *layer)
{
    (void)layer;
}

/* Kinds that take one input, or `most` of them. */
static const struct {
    const char *kind;
    void (*build)(struct lipd_keras_layer *layer);
    size_t most;
} kinds[] = {
    {"Dense", dense, 1},
    {"Flatten", flatten, 1},
    {"Reshape", reshape, 1},
    {"BatchNormalization", batch_norm, 1},
    {"BatchNormalizationV1", batch_norm, 1},
    {"Rescaling", rescaling, 1},
    {"Add", add, 1024},
    {"Subtract", subtract, 2},
    {"Concatenate", concatenate, 1024},
    {"InputLayer", nothing, 1},
    {"Dropout", nothing, 1}, /* these only do something in training */
    {"SpatialDropout1D", nothing, 1},
    {"SpatialDropout2D", nothing, 1},
    {"AlphaDropout", nothing, 1},
    {"GaussianDropout", nothing, 1},
    {"GaussianNoise", nothing, 1},
    {"ActivityRegularization", nothing, 1},
};

/* Without a word Keras has the channels last. */
static void check_order(const struct lipd_keras_layer *layer)
{
    const char *format =
        lipd_keras_string(layer, "data_format", "channels_last");
    if (strcmp(format, "channels_last") != 0)
        lipd_keras_refuse(layer,
                          "has the data format \"%.20s\"; only "
                          "channels_last is read.",
                          format);
}

void lipd_keras_build(struct lipd_keras_layer *layer)
{
    layer->out = layer->in[0];
    check_order(layer);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].kind, layer->kind) != 0)
            continue;
        if (layer->inputs > kinds[i].most)
            break;
        kinds[i].build(layer);
        return;
    }
    if (layer->inputs > 1)
        lipd_keras_refuse(layer, "has %zu inputs, which is not read.",
                          layer->inputs);
    if (lipd_keras_is_activation(layer->kind)) {
        lipd_keras_activation_layer(layer);
        return;
    }
    if (!lipd_keras_window(layer))
        lipd_keras_refuse(layer, "is of a kind that is not read. Export the "
                                 "model as ONNX, or leave the layer out.");
}
