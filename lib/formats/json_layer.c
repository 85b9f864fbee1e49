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
    struct lip_tensor_list *tensors; /* NULL: numbers stand in the text */
    bool has_name, has_inputs, has_weight, has_bias, has_group;
    bool has_parameter[LIP_MAX_PARAMETERS];
    bool has_dtype[2]; /* of weight and bias */
    enum lip_dtype dtype[2];
    size_t postponed;
    struct {
        struct lip_json_span key;
        const unsigned char *at;
    } member[POSTPONED];
};

static enum lip_status twice(struct lip_json *json)
{
    return lip_json_fail(json, LIP_INVALID, "This member is given twice.");
}

/* The tensor that the text calls by its name. */
static enum lip_status take_named(struct lip_tensor *out,
                                  struct layer_reader *reader)
{
    struct lip_json *json = reader->json;
    char name[LIP_TENSOR_NAME];
    enum lip_status status = lip_json_string(json, name, sizeof name);
    if (status != LIP_OK)
        return status;
    struct lip_named_tensor *named =
        lip_tensor_list_find(reader->tensors, name);
    if (!named)
        return lip_json_fail(json, LIP_INVALID,
                             "The file has no tensor \"%.80s\".", name);
    if (named->taken)
        return lip_json_fail(json, LIP_INVALID,
                             "Tensor \"%.80s\" is in two layers.", name);
    named->taken = true;
    *out = named->tensor;
    lip_buffer_hold(out->buffer);
    return LIP_OK;
}

static enum lip_status take_tensor(struct lip_tensor *out, size_t rank,
                                   struct layer_reader *reader)
{
    if (reader->tensors)
        return take_named(out, reader);
    return rank == 2 ? lip_json_matrix(out, reader->json)
                     : lip_json_vector(out, reader->json);
}

static enum lip_status read_weight(struct layer_reader *reader)
{
    if (reader->has_weight)
        return twice(reader->json);
    reader->has_weight = true;
    return take_tensor(&reader->layer->weight, reader->layer->kind->weight_rank,
                       reader);
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
    return status == LIP_OK ? take_tensor(&reader->layer->bias, 1, reader)
                            : status;
}

static enum lip_status read_group(struct layer_reader *reader)
{
    if (reader->has_group)
        return twice(reader->json);
    reader->has_group = true;
    return lip_json_size(reader->json, &reader->layer->group);
}

/* "dtype" (k = 0) says as what the weight, and the bias unless "bias_dtype"
 * (k = 1) speaks of that, is stored. */
static enum lip_status read_dtype(struct layer_reader *reader, size_t k)
{
    struct lip_json *json = reader->json;
    char name[TYPE_NAME];
    if (reader->has_dtype[k])
        return twice(json);
    reader->has_dtype[k] = true;
    enum lip_status status = lip_json_string(json, name, sizeof name);
    if (status == LIP_OK && !lip_dtype_find(&reader->dtype[k], name))
        return lip_json_fail(json, LIP_UNSUPPORTED,
                             "Element type \"%.30s\" is not known. Known: "
                             "float64, float32, float16, bfloat16.",
                             name);
    return status;
}

static enum lip_status read_parameter(struct layer_reader *reader, size_t k)
{
    struct lip_json *json = reader->json;
    struct lip_layer *layer = reader->layer;
    const struct lip_parameter *parameter = &layer->activation->parameter[k];
    enum lip_json_type type;
    enum lip_status status = lip_json_peek(json, &type);
    if (status == LIP_OK && k == 0 && layer->activation->per_neuron &&
        type == (reader->tensors ? LIP_JSON_STRING : LIP_JSON_ARRAY))
        return take_tensor(&layer->weight, 1, reader);
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

/* Takes a member that this kind of layer has, or sets *known to false. */
static enum lip_status kind_member(struct layer_reader *reader, bool *known)
{
    const struct lip_layer_kind *kind = reader->layer->kind;
    const struct lip_json *json = reader->json;
    *known = true;
    if (kind->weight_name && lip_json_key_is(json, kind->weight_name))
        return read_weight(reader);
    if (kind->bias_name && lip_json_key_is(json, kind->bias_name))
        return read_bias(reader);
    if (kind->group_name && lip_json_key_is(json, kind->group_name))
        return read_group(reader);
    if (reader->layer->activation)
        return activation_member(reader, known);
    *known = false;
    return LIP_OK;
}

static bool has_tensors(const struct lip_layer *layer)
{
    return layer->kind->weight_name ||
           (layer->activation && layer->activation->per_neuron);
}

static enum lip_status own_member(struct layer_reader *reader, bool *known)
{
    enum lip_status status = kind_member(reader, known);
    if (status != LIP_OK || *known || !has_tensors(reader->layer))
        return status;
    *known = true;
    if (lip_json_key_is(reader->json, "dtype"))
        return read_dtype(reader, 0);
    if (reader->layer->kind->bias_name &&
        lip_json_key_is(reader->json, "bias_dtype"))
        return read_dtype(reader, 1);
    *known = false;
    return LIP_OK;
}

static enum lip_status unknown_type(struct lip_json *json, const char *type)
{
    char list[320] = "";
    size_t used = 0;
    for (size_t i = 0; lip_layer_kinds[i] && used < sizeof list; i++)
        if (lip_layer_kinds[i]->role != LIP_ROLE_ELEMENTWISE)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s, ",
                                     lip_layer_kinds[i]->name);
    for (size_t i = 0; lip_activations[i] && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                 i ? ", " : "", lip_activations[i]->name);
    return lip_json_fail(json, LIP_UNSUPPORTED,
                         "Layer type \"%.30s\" is not known. Known: %s.", type,
                         list);
}

/* The kind of this name. Activations go by their own names. */
static const struct lip_layer_kind *find_kind(const char *name)
{
    for (size_t i = 0; lip_layer_kinds[i]; i++)
        if (lip_layer_kinds[i] != &lip_layer_activation &&
            strcmp(name, lip_layer_kinds[i]->name) == 0)
            return lip_layer_kinds[i];
    return NULL;
}

static enum lip_status read_type(struct layer_reader *reader)
{
    char type[TYPE_NAME];
    struct lip_layer *layer = reader->layer;
    if (layer->kind)
        return twice(reader->json);
    enum lip_status status = lip_json_string(reader->json, type, sizeof type);
    if (status != LIP_OK)
        return status;
    layer->kind = find_kind(type);
    if (strcmp(type, "max-min") == 0) {
        layer->kind = &lip_layer_group_sort;
        layer->group = 2;
        reader->has_group = true;
    }
    if (layer->kind)
        return LIP_OK;
    layer->activation = lip_activation_find(type);
    if (!layer->activation)
        return unknown_type(reader->json, type);
    layer->kind = &lip_layer_activation;
    for (size_t k = 0; layer->activation->parameter[k].name; k++)
        layer->parameter[k] = layer->activation->parameter[k].fallback;
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
    enum lip_status status = own_member(reader, &known);
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
    return reader->layer->kind ? read_own_member(reader) : postpone(reader);
}

/* Stores the tensors as the types that the members named. */
static enum lip_status convert(struct layer_reader *reader)
{
    struct lip_tensor *tensor[] = {&reader->layer->weight,
                                   &reader->layer->bias};
    if (reader->has_dtype[0] && !reader->has_dtype[1]) {
        reader->has_dtype[1] = true;
        reader->dtype[1] = reader->dtype[0];
    }
    enum lip_status status = LIP_OK;
    for (size_t k = 0; k < 2 && status == LIP_OK; k++)
        if (reader->has_dtype[k] && tensor[k]->data &&
            tensor[k]->dtype != reader->dtype[k])
            status = lip_tensor_convert(tensor[k], reader->dtype[k],
                                        reader->json->ctx);
    return status;
}

enum lip_status lip_json_layer(struct lip_layer *layer,
                               const struct lip_layer *before,
                               struct lip_tensor_list *tensors,
                               struct lip_json *json)
{
    struct layer_reader reader = {
        .json = json, .layer = layer, .before = before, .tensors = tensors};
    bool more;
    enum lip_status status = lip_json_open_object(json);
    while (status == LIP_OK &&
           (status = lip_json_next_member(json, &more)) == LIP_OK && more)
        status = read_member(&reader);
    if (status != LIP_OK)
        return status;
    if (!layer->kind)
        return lip_json_fail(json, LIP_INVALID,
                             "This layer has no \"type\". Add one, as in "
                             "{\"type\": \"relu\"}.");
    status = read_postponed(&reader);
    if (status == LIP_OK && layer->kind->weight_name && !layer->weight.data)
        return lip_json_fail(
            json, LIP_INVALID, "This %s layer has no \"%s\". Add %s.",
            layer->kind->name, layer->kind->weight_name,
            layer->kind->weight_rank == 2 ? "a matrix, outputs x inputs"
                                          : "a list of numbers");
    return status == LIP_OK ? convert(&reader) : status;
}
