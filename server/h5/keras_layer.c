/* SPDX-License-Identifier: MIT
 *
 * What the kinds of layers share: settings, weights, and layers of ours. */
#include "server/h5/keras.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void lipd_keras_refuse(const struct lipd_keras_layer *layer,
                                 const char *format, ...)
{
    char text[240];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    lipd_h5_fail(LIPD_H5_UNSUPPORTED, "Keras layer \"%.60s\" (%.40s) %s",
                 layer->name, layer->kind, text);
}

/* --- settings */

static bool size_of(size_t *out, const json_t *value)
{
    json_int_t number = json_integer_value(value);
    *out = (size_t)number;
    return json_is_integer(value) && number >= 0 && number <= 1 << 24;
}

bool lipd_keras_sizes(size_t *out, size_t count,
                      const struct lipd_keras_layer *layer, const char *name)
{
    const json_t *value = json_object_get(layer->config, name);
    if (!value || json_is_null(value))
        return false;
    bool list = json_is_array(value);
    bool good = !list || json_array_size(value) == count;
    for (size_t i = 0; i < count && good; i++)
        good = size_of(&out[i], list ? json_array_get(value, i) : value);
    if (!good)
        lipd_keras_refuse(layer, "has a %s that is not understood.", name);
    return true;
}

double lipd_keras_number(const struct lipd_keras_layer *layer, const char *name,
                         double fallback)
{
    const json_t *value = json_object_get(layer->config, name);
    /* Keras 3 writes arrays as {"config": {"value": 0.3}}. */
    if (json_is_object(value))
        value = json_object_get(json_object_get(value, "config"), "value");
    if (!value || json_is_null(value))
        return fallback;
    if (!json_is_number(value))
        lipd_keras_refuse(layer, "has a %s that is no number.", name);
    return json_number_value(value);
}

const char *lipd_keras_string(const struct lipd_keras_layer *layer,
                              const char *name, const char *fallback)
{
    const char *text = json_string_value(json_object_get(layer->config, name));
    return text ? text : fallback;
}

bool lipd_keras_flag(const struct lipd_keras_layer *layer, const char *name,
                     bool fallback)
{
    const json_t *value = json_object_get(layer->config, name);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

/* --- weights */

/* "dense/kernel:0" -> whether it is the kernel. */
static bool is_called(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    const char *last = slash ? slash + 1 : path;
    size_t n = strcspn(last, ":");
    return n == strlen(name) && memcmp(last, name, n) == 0;
}

bool lipd_keras_weight(struct lipd_h5_data *out,
                       const struct lipd_keras_layer *layer, const char *name)
{
    const struct lipd_h5_document *document = layer->keras->document;
    const char *found = NULL;
    char **path;
    hid_t group = lipd_h5_find(layer->keras->weights, layer->name);
    if (group < 0)
        return false;
    size_t count = lipd_h5_texts(&path, group, "weight_names");
    for (size_t i = 0; i < count; i++) {
        if (!is_called(path[i], name))
            continue;
        if (found)
            lipd_keras_refuse(layer, "has two weights \"%s\".", name);
        found = path[i];
    }
    if (found)
        lipd_h5_look(out, lipd_h5_find(group, found), found, document->most);
    for (size_t i = 0; i < count; i++)
        free(path[i]);
    free(path);
    H5Oclose(group);
    return found;
}

/* --- layers of ours */

void lipd_keras_set(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, lipd_h5_json(value)) != 0)
        lipd_h5_json(NULL);
}

void lipd_keras_set_sizes(json_t *object, const char *name, const size_t *value,
                          size_t count)
{
    json_t *list = lipd_h5_json(json_array());
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list,
                              lipd_h5_json(json_integer((json_int_t)value[i])));
    lipd_keras_set(object, name, list);
}

static json_t *append(struct lipd_keras_layer *layer, const char *type,
                      const char *suffix, json_t *inputs)
{
    json_t *object = lipd_h5_json(json_object());
    int n = snprintf(layer->out.layer, sizeof layer->out.layer, "%s%s%s",
                     layer->name, *suffix ? "/" : "", suffix);
    if (n < 0 || (size_t)n >= sizeof layer->out.layer)
        lipd_keras_refuse(layer, "has a name that is too long.");
    lipd_keras_set(object, "type", json_string(type));
    lipd_keras_set(object, "name", json_string(layer->out.layer));
    if (json_array_size(inputs))
        lipd_keras_set(object, "inputs", inputs);
    else
        json_decref(inputs);
    if (json_array_append_new(layer->keras->document->layers, object) != 0)
        lipd_h5_json(NULL);
    return object;
}

json_t *lipd_keras_emit(struct lipd_keras_layer *layer, const char *type,
                        const char *suffix)
{
    json_t *inputs = lipd_h5_json(json_array());
    if (*layer->out.layer)
        json_array_append_new(inputs,
                              lipd_h5_json(json_string(layer->out.layer)));
    return append(layer, type, suffix, inputs);
}

json_t *lipd_keras_join(struct lipd_keras_layer *layer, const char *type)
{
    json_t *inputs = lipd_h5_json(json_array());
    for (size_t i = 0; i < layer->inputs; i++)
        json_array_append_new(inputs,
                              lipd_h5_json(json_string(layer->in[i].layer)));
    return append(layer, type, "", inputs);
}

/* Says under which name the layer's tensor stands. */
static void tensor_name(char out[256], struct lipd_keras_layer *layer,
                        json_t *object, const char *member, const char *suffix)
{
    snprintf(out, 256, "%s/%s", layer->name, suffix);
    lipd_keras_set(object, member, json_string(out));
}

struct lipd_h5_tensor *lipd_keras_tensor(struct lipd_keras_layer *layer,
                                         json_t *object, const char *member,
                                         const char *suffix,
                                         const struct lipd_h5_data *data)
{
    char name[256];
    tensor_name(name, layer, object, member, suffix);
    return lipd_h5_add(layer->keras->document, name, data);
}

void lipd_keras_constant(struct lipd_keras_layer *layer, json_t *object,
                         const char *member, const char *suffix,
                         const double *number, size_t count)
{
    char name[256];
    tensor_name(name, layer, object, member, suffix);
    lipd_h5_add_numbers(layer->keras->document, name, number, count);
}

/* --- the order of axes */

void lipd_keras_to_last(struct lipd_keras_layer *layer, const char *suffix)
{
    static const size_t axes[][LIPD_KERAS_RANK] = {{1, 0}, {1, 2, 0}};
    size_t rank = layer->out.rank, spots = 1;
    for (size_t k = 0; k + 1 < rank; k++)
        spots *= layer->out.dim[k];
    if (rank > 1 && spots > 1)
        lipd_keras_set_sizes(lipd_keras_emit(layer, "transpose", suffix),
                             "axes", axes[rank - 2], rank);
}

void lipd_keras_to_first(struct lipd_keras_layer *layer, const char *suffix)
{
    static const size_t axes[][LIPD_KERAS_RANK] = {{1, 0}, {2, 0, 1}};
    size_t rank = layer->out.rank;
    if (rank > 1)
        lipd_keras_set_sizes(lipd_keras_emit(layer, "transpose", suffix),
                             "axes", axes[rank - 2], rank);
}
