/* SPDX-License-Identifier: MIT
 *
 * What layers are called in JSON. */
#include "formats/json_parts.h"

#include <stdio.h>
#include <string.h>

enum { TYPE_NAME = 64 };

/* Other names of kinds, and those that stand for a special case. */
static const struct alias {
    const char *name;
    const struct lip_layer_kind *kind;
    bool fixed;   /* its group is `group`, or its kernel all there is */
    size_t group; /* 0: none */
} aliases[] = {
    {"max-min", &lip_layer_group_sort, true, 2},
    {"conv1d", &lip_layer_conv, false, 0},
    {"conv2d", &lip_layer_conv, false, 0},
    {"convolution", &lip_layer_conv, false, 0},
    {"conv-transpose1d", &lip_layer_conv_transpose, false, 0},
    {"conv-transpose2d", &lip_layer_conv_transpose, false, 0},
    {"max-pool1d", &lip_layer_max_pool, false, 0},
    {"max-pool2d", &lip_layer_max_pool, false, 0},
    {"max-pooling", &lip_layer_max_pool, false, 0},
    {"global-max-pool", &lip_layer_max_pool, true, 0},
    {"avg-pool", &lip_layer_average_pool, false, 0},
    {"avg-pool1d", &lip_layer_average_pool, false, 0},
    {"avg-pool2d", &lip_layer_average_pool, false, 0},
    {"average-pool1d", &lip_layer_average_pool, false, 0},
    {"average-pool2d", &lip_layer_average_pool, false, 0},
    {"average-pooling", &lip_layer_average_pool, false, 0},
    {"global-average-pool", &lip_layer_average_pool, true, 0},
    {"global-avg-pool", &lip_layer_average_pool, true, 0},
    {"batch-norm1d", &lip_layer_batch_norm, false, 0},
    {"batch-norm2d", &lip_layer_batch_norm, false, 0},
    {"batch-normalization", &lip_layer_batch_norm, false, 0},
    {"layer-normalization", &lip_layer_layer_norm, false, 0},
    {"concatenate", &lip_layer_concat, false, 0},
};

static enum lip_status unknown_type(struct lip_json *json, const char *type)
{
    char list[sizeof((struct lip_error *)0)->detail - 80] = "";
    size_t used = 0;
    for (size_t i = 0; lip_layer_kinds[i] && used < sizeof list; i++)
        if (lip_layer_kinds[i] != &lip_layer_activation)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s, ",
                                     lip_layer_kinds[i]->name);
    for (size_t i = 0; lip_activations[i] && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                 i ? ", " : "", lip_activations[i]->name);
    return lip_json_fail(json, LIP_UNSUPPORTED,
                         "Layer type \"%.30s\" is not known. Known: %s.", type,
                         list);
}

/* Activations go by their own names. */
static const struct lip_layer_kind *find_kind(const char *name)
{
    for (size_t i = 0; lip_layer_kinds[i]; i++)
        if (lip_layer_kinds[i] != &lip_layer_activation &&
            lip_same_name(name, lip_layer_kinds[i]->name))
            return lip_layer_kinds[i];
    return NULL;
}

enum lip_status lip_json_layer_type(struct lip_layer *layer, bool *fixed,
                                    struct lip_json *json)
{
    char type[TYPE_NAME];
    enum lip_status status = lip_json_string(json, type, sizeof type);
    if (status != LIP_OK)
        return status;
    layer->kind = find_kind(type);
    *fixed = false;
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (lip_same_name(type, aliases[i].name)) {
            layer->kind = aliases[i].kind;
            layer->group = aliases[i].group;
            *fixed = aliases[i].fixed;
        }
    if (!layer->kind) {
        layer->activation = lip_activation_find(type);
        if (!layer->activation)
            return unknown_type(json, type);
        layer->kind = &lip_layer_activation;
    }
    const struct lip_parameter *parameter = lip_layer_parameters(layer);
    for (size_t k = 0; parameter && parameter[k].name; k++)
        layer->parameter[k] = parameter[k].fallback;
    return LIP_OK;
}
