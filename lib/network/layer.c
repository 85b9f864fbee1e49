/* SPDX-License-Identifier: MIT
 *
 * What all layers have in common. */
#include "network/network.h"

#include <math.h>
#include <string.h>

const char *lip_layer_type(const struct lip_layer *layer)
{
    return layer->activation ? layer->activation->name : layer->kind->name;
}

const struct lip_parameter *lip_layer_parameters(const struct lip_layer *layer)
{
    return layer->activation ? layer->activation->parameter
                             : layer->kind->parameter;
}

struct lip_tensor *lip_layer_tensor(struct lip_layer *layer, enum lip_part part)
{
    struct lip_tensor *const tensor[LIP_PARTS] = {
        &layer->weight, &layer->bias, &layer->mean, &layer->variance};
    return tensor[part];
}

const struct lip_tensor *lip_layer_tensor_const(const struct lip_layer *layer,
                                                enum lip_part part)
{
    const struct lip_tensor *const tensor[LIP_PARTS] = {
        &layer->weight, &layer->bias, &layer->mean, &layer->variance};
    return tensor[part];
}

const char *lip_layer_tensor_name(const struct lip_layer *layer,
                                  enum lip_part part)
{
    const struct lip_layer_kind *kind = layer->kind;
    const char *const name[LIP_PARTS] = {kind->weight_name, kind->bias_name,
                                         kind->mean_name, kind->variance_name};
    if (!layer->activation)
        return name[part];
    return part == LIP_PART_WEIGHT ? layer->activation->parameter[0].name
                                   : NULL;
}

static size_t setting_of(const struct lip_layer *layer, const char *name)
{
    size_t k = 0;
    while (strcmp(layer->kind->setting[k].name, name) != 0)
        k++;
    return k;
}

const struct lip_setting *lip_layer_setting(const struct lip_layer *layer,
                                            const char *name)
{
    return &layer->setting[setting_of(layer, name)];
}

struct lip_setting *lip_layer_set(struct lip_layer *layer, const char *name)
{
    return &layer->setting[setting_of(layer, name)];
}

struct lip_slopes lip_layer_slopes(const struct lip_layer *layer, size_t k)
{
    double parameter[LIP_MAX_PARAMETERS];
    if (layer->kind->slopes)
        return layer->kind->slopes(layer, k);
    memcpy(parameter, layer->parameter, sizeof parameter);
    if (layer->weight.data)
        parameter[0] = lip_tensor_at(&layer->weight, k);
    return layer->activation->slopes(parameter);
}

void lip_layer_clear(struct lip_layer *layer)
{
    for (int part = 0; part < LIP_PARTS; part++)
        lip_tensor_clear(lip_layer_tensor(layer, (enum lip_part)part));
    lip_free(layer->source);
    layer->source = NULL;
    layer->sources = 0;
}

size_t lip_layer_steps(const struct lip_layer *layer)
{
    return layer->kind->steps ? layer->kind->steps(layer) : LIP_NO_STEPS;
}

bool lip_layer_changes_nothing(const struct lip_layer *layer)
{
    if (layer->kind->role == LIP_ROLE_JOINT)
        return lip_layer_steps(layer) == 0;
    if (layer->kind->role != LIP_ROLE_ELEMENTWISE || layer->weight.data)
        return layer->kind->role == LIP_ROLE_RESHAPE;
    struct lip_slopes s = lip_layer_slopes(layer, 0);
    return s.lo == 1 && s.hi == 1;
}

double lip_layer_constant(const struct lip_layer *layer, enum lip_norm p)
{
    if (layer->kind->role == LIP_ROLE_JOINT)
        return layer->kind->constant(layer, p);
    bool all_alike = layer->activation && !layer->weight.data;
    double most = 0;
    for (size_t k = 0; k < (all_alike ? 1 : layer->outputs); k++) {
        struct lip_slopes s = lip_layer_slopes(layer, k);
        most = fmax(most, fmax(fabs(s.lo), fabs(s.hi)));
    }
    return most;
}
