/* SPDX-License-Identifier: MIT
 *
 * One layer object. Members come in any order, so that those before "type"
 * are passed over and taken once the type is known. */
#include "formats/json_parts.h"

#include <stdio.h>
#include <string.h>

enum { POSTPONED = 8, TYPE_NAME = 64 };

struct layer_reader {
    struct lip_json *json;
    struct lip_layer *layer;
    const struct lip_layer *before;
    const struct codec *codec; /* NULL: the type is not known yet */
    bool has_name, has_inputs, has_bias;
    bool has_parameter[LIP_MAX_PARAMETERS];
    size_t postponed;
    struct {
        struct lip_json_span key;
        const unsigned char *at;
    } member[POSTPONED];
};

/* How the members of one kind of layer are read: a new kind is one row. */
struct codec {
    const struct lip_layer_kind *kind;
    /* Takes the current member, or sets *known to false. */
    enum lip_status (*member)(struct layer_reader *reader, bool *known);
};

static enum lip_status twice(struct lip_json *json)
{
    return lip_json_fail(json, LIP_INVALID, "This member is given twice.");
}

/* "bias": null says that there is none. */
static enum lip_status read_bias(struct layer_reader *reader)
{
    struct lip_json *json = reader->json;
    enum lip_json_type type;
    if (reader->has_bias)
        return twice(json);
    reader->has_bias = true;
    enum lip_status status = lip_json_peek(json, &type);
    if (status == LIP_OK && type == LIP_JSON_NULL)
        return lip_json_skip(json, NULL);
    return status == LIP_OK ? lip_json_vector(&reader->layer->bias, json)
                            : status;
}

static enum lip_status dense_member(struct layer_reader *reader, bool *known)
{
    struct lip_json *json = reader->json;
    struct lip_tensor *weight = &reader->layer->weight;
    *known = true;
    if (lip_json_key_is(json, "bias"))
        return read_bias(reader);
    if (lip_json_key_is(json, "weight"))
        return weight->data ? twice(json) : lip_json_matrix(weight, json);
    *known = false;
    return LIP_OK;
}

static enum lip_status no_member(struct layer_reader *reader, bool *known)
{
    (void)reader;
    *known = false;
    return LIP_OK;
}

static enum lip_status read_parameter(struct layer_reader *reader, size_t k)
{
    struct lip_json *json = reader->json;
    struct lip_layer *layer = reader->layer;
    const struct lip_parameter *parameter = &layer->activation->parameter[k];
    enum lip_json_type type;
    enum lip_status status = lip_json_peek(json, &type);
    if (status == LIP_OK && k == 0 && layer->activation->per_neuron &&
        type == LIP_JSON_ARRAY)
        return lip_json_vector(&layer->weight, json);
    double value = 0;
    if (status == LIP_OK)
        status = lip_json_number(json, &value);
    if (status != LIP_OK)
        return status;
    if (!(value >= parameter->min && value <= parameter->max))
        return lip_json_fail(
            json, LIP_INVALID, "%s must lie between %g and %g, not be %g.",
            parameter->name, parameter->min, parameter->max, value);
    layer->parameter[k] = value;
    return LIP_OK;
}

static enum lip_status activation_member(struct layer_reader *reader,
                                         bool *known)
{
    const struct lip_parameter *parameter =
        reader->layer->activation->parameter;
    *known = true;
    for (size_t k = 0; parameter[k].name; k++) {
        if (!lip_json_key_is(reader->json, parameter[k].name))
            continue;
        if (reader->has_parameter[k])
            return twice(reader->json);
        reader->has_parameter[k] = true;
        return read_parameter(reader, k);
    }
    *known = false;
    return LIP_OK;
}

static const struct codec codecs[] = {
    {&lip_layer_dense, dense_member},
    {&lip_layer_flatten, no_member},
};
static const struct codec activation_codec = {&lip_layer_activation,
                                              activation_member};

enum { CODECS = sizeof codecs / sizeof *codecs };

static enum lip_status unknown_type(struct lip_json *json, const char *type)
{
    char list[320] = "";
    size_t used = 0;
    for (size_t i = 0; i < CODECS && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s, ",
                                 codecs[i].kind->name);
    for (size_t i = 0; lip_activations[i] && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                 i ? ", " : "", lip_activations[i]->name);
    return lip_json_fail(json, LIP_UNSUPPORTED,
                         "Layer type \"%.30s\" is not known. Known: %s.", type,
                         list);
}

static enum lip_status read_type(struct layer_reader *reader)
{
    char type[TYPE_NAME];
    struct lip_layer *layer = reader->layer;
    if (reader->codec)
        return twice(reader->json);
    enum lip_status status = lip_json_string(reader->json, type, sizeof type);
    if (status != LIP_OK)
        return status;
    for (size_t i = 0; i < CODECS; i++)
        if (strcmp(type, codecs[i].kind->name) == 0)
            reader->codec = &codecs[i];
    if (!reader->codec) {
        layer->activation = lip_activation_find(type);
        if (!layer->activation)
            return unknown_type(reader->json, type);
        reader->codec = &activation_codec;
        for (size_t k = 0; layer->activation->parameter[k].name; k++)
            layer->parameter[k] = layer->activation->parameter[k].fallback;
    }
    layer->kind = reader->codec->kind;
    return LIP_OK;
}

static enum lip_status graph(struct lip_json *json)
{
    return lip_json_fail(json, LIP_UNSUPPORTED,
                         "Graphs are not read yet: \"inputs\" may only be a "
                         "list of one string, the name of the layer just "
                         "before. Send a chain of layers.");
}

/* "inputs" of a chain: ["name of the layer before"]. */
static enum lip_status read_inputs(struct layer_reader *reader)
{
    struct lip_json *json = reader->json;
    char name[LIP_LAYER_NAME];
    bool more = false;
    if (reader->has_inputs)
        return twice(json);
    reader->has_inputs = true;
    enum lip_status status = lip_json_open_array(json);
    if (status == LIP_OK)
        status = lip_json_next_element(json, &more);
    if (status == LIP_OK && !more)
        return graph(json);
    if (status == LIP_OK)
        status = lip_json_string(json, name, sizeof name);
    if (status == LIP_OK && (!reader->before || !*reader->before->name ||
                             strcmp(name, reader->before->name) != 0))
        return graph(json);
    if (status == LIP_OK)
        status = lip_json_next_element(json, &more);
    return status == LIP_OK && more ? graph(json) : status;
}

static enum lip_status read_name(struct layer_reader *reader)
{
    if (reader->has_name)
        return twice(reader->json);
    reader->has_name = true;
    return lip_json_string(reader->json, reader->layer->name,
                           sizeof reader->layer->name);
}

static enum lip_status unknown_member(struct layer_reader *reader)
{
    char key[LIP_JSON_KEY];
    enum lip_status status = lip_json_key(reader->json, key, sizeof key);
    if (status != LIP_OK)
        return status;
    return lip_json_fail(reader->json, LIP_INVALID,
                         "A layer of type %s has no member \"%s\".",
                         lip_layer_type(reader->layer), key);
}

static enum lip_status read_own_member(struct layer_reader *reader)
{
    bool known;
    enum lip_status status = reader->codec->member(reader, &known);
    return status == LIP_OK && !known ? unknown_member(reader) : status;
}

static enum lip_status postpone(struct layer_reader *reader)
{
    struct lip_json *json = reader->json;
    size_t n = reader->postponed;
    if (n == POSTPONED)
        return lip_json_fail(json, LIP_INVALID,
                             "This layer has many members but no \"type\" "
                             "among the first: put \"type\" first.");
    reader->member[n].key = json->level[json->depth - 1].key;
    reader->member[n].at = json->at;
    reader->postponed++;
    return lip_json_skip(json, NULL);
}

/* Goes back to the postponed members, inside the object just left. */
static enum lip_status read_postponed(struct layer_reader *reader)
{
    struct lip_json again = *reader->json, *ahead = reader->json;
    struct lip_json_level *level = &again.level[again.depth++];
    enum lip_status status = LIP_OK;
    reader->json = &again;
    for (size_t i = 0; i < reader->postponed && status == LIP_OK; i++) {
        *level = (struct lip_json_level){
            .object = true, .started = true, .key = reader->member[i].key};
        again.at = again.tick = reader->member[i].at;
        status = read_own_member(reader);
    }
    reader->json = ahead;
    return status;
}

static enum lip_status read_member(struct layer_reader *reader)
{
    if (lip_json_key_is(reader->json, "type"))
        return read_type(reader);
    if (lip_json_key_is(reader->json, "name"))
        return read_name(reader);
    if (lip_json_key_is(reader->json, "inputs"))
        return read_inputs(reader);
    return reader->codec ? read_own_member(reader) : postpone(reader);
}

enum lip_status lip_json_layer(struct lip_layer *layer,
                               const struct lip_layer *before,
                               struct lip_json *json)
{
    struct layer_reader reader = {
        .json = json, .layer = layer, .before = before};
    bool more;
    enum lip_status status = lip_json_open_object(json);
    while (status == LIP_OK &&
           (status = lip_json_next_member(json, &more)) == LIP_OK && more)
        status = read_member(&reader);
    if (status != LIP_OK)
        return status;
    if (!reader.codec)
        return lip_json_fail(json, LIP_INVALID,
                             "This layer has no \"type\". Add one, as in "
                             "{\"type\": \"relu\"}.");
    status = read_postponed(&reader);
    if (status == LIP_OK && layer->kind == &lip_layer_dense &&
        !layer->weight.data)
        return lip_json_fail(json, LIP_INVALID,
                             "This dense layer has no \"weight\". Add a "
                             "matrix, outputs x inputs.");
    return status;
}
