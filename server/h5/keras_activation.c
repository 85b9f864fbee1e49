/* SPDX-License-Identifier: MIT
 *
 * Activations of Keras: functions named in other layers, and layers of their
 * own. */
#include "server/h5/keras.h"

#include <math.h>
#include <string.h>

/* What names mean that say it all; ours is NULL where nothing is done. */
static const struct {
    const char *keras, *ours, *parameter;
    double value;
} functions[] = {
    {"linear", NULL, NULL, 0},
    {"relu", "relu", NULL, 0},
    {"relu6", "relu6", NULL, 0},
    {"leaky_relu", "leaky-relu", "negative_slope", 0.2},
    {"tanh", "tanh", NULL, 0},
    {"sigmoid", "sigmoid", NULL, 0},
    {"elu", "elu", "alpha", 1},
    {"selu", "selu", NULL, 0},
    {"softplus", "softplus", NULL, 0},
    {"softsign", "softsign", NULL, 0},
    {"swish", "silu", NULL, 0},
    {"silu", "silu", NULL, 0},
    {"gelu", "gelu", NULL, 0},
    {"mish", "mish", NULL, 0},
    {"hard_tanh", "hard-tanh", NULL, 0},
    {"log_sigmoid", "log-sigmoid", NULL, 0},
    {"tanh_shrink", "tanh-shrink", NULL, 0},
};

static void set_number(json_t *object, const char *name, double value)
{
    lipd_keras_set(object, name, json_real(value));
}

/* Keras 2: max(0, min(1, 0.2 x + 0.5)); Keras 3: relu6(x + 3) / 6. */
static void hard_sigmoid(struct lipd_keras_layer *layer)
{
    static const double slope = 0.2, offset = 0.5;
    if (layer->keras->keras3) {
        lipd_keras_emit(layer, "hard-sigmoid", "activation");
        return;
    }
    json_t *object = lipd_keras_emit(layer, "affine", "scaled");
    lipd_keras_constant(layer, object, "weight", "hard_sigmoid.weight", &slope,
                        1);
    lipd_keras_constant(layer, object, "bias", "hard_sigmoid.bias", &offset, 1);
    object = lipd_keras_emit(layer, "hard-tanh", "activation");
    set_number(object, "min_val", 0);
    set_number(object, "max_val", 1);
}

/* Along the last axis, which of vectors only is ours, too. */
static void softmax(struct lipd_keras_layer *layer)
{
    if (layer->out.rank > 1)
        lipd_keras_refuse(layer, "is a softmax of an image, which is not "
                                 "read; only of vectors.");
    lipd_keras_emit(layer, "softmax", "activation");
}

static void apply(struct lipd_keras_layer *layer, const char *name)
{
    if (!strcmp(name, "softmax")) {
        softmax(layer);
        return;
    }
    if (!strcmp(name, "hard_sigmoid")) {
        hard_sigmoid(layer);
        return;
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(functions[i].keras, name) != 0)
            continue;
        if (!functions[i].ours)
            return;
        json_t *object =
            lipd_keras_emit(layer, functions[i].ours, "activation");
        if (functions[i].parameter)
            set_number(object, functions[i].parameter, functions[i].value);
        return;
    }
    lipd_keras_refuse(layer,
                      "has the activation \"%.40s\", which is not "
                      "known.",
                      name);
}

void lipd_keras_activate(struct lipd_keras_layer *layer, const char *name)
{
    const json_t *value = json_object_get(layer->config, name);
    if (!value || json_is_null(value))
        return;
    /* Keras 3: {"class_name": "function", "config": "relu"}. */
    if (json_is_object(value)) {
        const char *kind =
            json_string_value(json_object_get(value, "class_name"));
        const json_t *config = json_object_get(value, "config");
        if (kind && lipd_keras_is_activation(kind)) {
            struct lipd_keras_layer inner = *layer;
            inner.kind = kind;
            inner.config = config;
            lipd_keras_activation_layer(&inner);
            layer->out = inner.out;
            return;
        }
        value = config;
    }
    const char *function = json_string_value(value);
    if (!function)
        lipd_keras_refuse(layer, "has an activation that is not understood.");
    apply(layer, function);
}

/* --- layers */

/* max(0, x) up to max_value, with a slope below the threshold. */
static void relu(struct lipd_keras_layer *layer)
{
    double slope = lipd_keras_number(layer, "negative_slope", 0);
    double most = lipd_keras_number(layer, "max_value", INFINITY);
    if (lipd_keras_number(layer, "threshold", 0) != 0 ||
        (slope != 0 && isfinite(most)) || !(most > 0))
        lipd_keras_refuse(layer, "has a threshold, or a largest value and a "
                                 "slope at once, which is not read.");
    if (isfinite(most)) {
        json_t *object = lipd_keras_emit(layer, "hard-tanh", "");
        set_number(object, "min_val", 0);
        set_number(object, "max_val", most);
    } else if (slope != 0) {
        set_number(lipd_keras_emit(layer, "leaky-relu", ""), "negative_slope",
                   slope);
    } else {
        lipd_keras_emit(layer, "relu", "");
    }
}

/* Keras 2 calls it alpha. */
static void leaky_relu(struct lipd_keras_layer *layer)
{
    double slope = lipd_keras_number(layer, "alpha", 0.3);
    slope = lipd_keras_number(layer, "negative_slope", slope);
    set_number(lipd_keras_emit(layer, "leaky-relu", ""), "negative_slope",
               slope);
}

static void elu(struct lipd_keras_layer *layer)
{
    set_number(lipd_keras_emit(layer, "elu", ""), "alpha",
               lipd_keras_number(layer, "alpha", 1));
}

static void prelu(struct lipd_keras_layer *layer)
{
    struct lipd_h5_data alpha;
    if (layer->out.rank != 1 || !lipd_keras_weight(&alpha, layer, "alpha"))
        lipd_keras_refuse(layer, "is read for vectors only.");
    lipd_keras_tensor(layer, lipd_keras_emit(layer, "prelu", ""), "slope",
                      "alpha", &alpha);
}

static void softmax_layer(struct lipd_keras_layer *layer)
{
    softmax(layer);
}

static void activation(struct lipd_keras_layer *layer)
{
    lipd_keras_activate(layer, "activation");
}

static const struct {
    const char *kind;
    void (*build)(struct lipd_keras_layer *layer);
} layers[] = {
    {"Activation", activation}, {"ReLU", relu},
    {"LeakyReLU", leaky_relu},  {"ELU", elu},
    {"PReLU", prelu},           {"Softmax", softmax_layer},
};

bool lipd_keras_is_activation(const char *kind)
{
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if (!strcmp(layers[i].kind, kind))
            return true;
    return false;
}

void lipd_keras_activation_layer(struct lipd_keras_layer *layer)
{
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if (!strcmp(layers[i].kind, layer->kind)) {
            layers[i].build(layer);
            return;
        }
}
