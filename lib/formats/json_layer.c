/* SPDX-License-Identifier: MIT
 *
 * One layer object. Members come in any order, so that those before "type"
 * are passed over and taken once the type is known. */
#include "formats/json_parts.h"

#include <stdio.h>
#include <string.h>

enum { POSTPONED = 16, TYPE_NAME = 64 };

struct layer_reader {
    struct lip_json *json;
    struct lip_layer *layer;
    const unsigned char *inputs;     /* where they are written */
    struct lip_tensor_list *tensors; /* NULL: numbers stand in the text */
    bool has_name, has_part[LIP_PARTS], has_group;
    bool has_parameter[LIP_MAX_PARAMETERS], has_setting[LIP_MAX_SETTINGS];
    bool has_dtype[LIP_PARTS];
    enum lip_dtype dtype[LIP_PARTS];
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
    return rank == 1   ? lip_json_vector(out, reader->json)
           : rank == 2 ? lip_json_matrix(out, reader->json)
                       : lip_json_array(out, reader->json);
}

/* Kinds whose weight may have any rank take every tensor so. */
static size_t rank_of(const struct lip_layer_kind *kind, enum lip_part part)
{
    return part == LIP_PART_WEIGHT || kind->weight_rank == 0 ? kind->weight_rank
                                                             : 1;
}

/* "bias": null says that there is none. */
static enum lip_status read_part(struct layer_reader *reader,
                                 enum lip_part part)
{
    struct lip_json *json = reader->json;
    size_t rank = rank_of(reader->layer->kind, part);
    enum lip_json_type type;
    if (reader->has_part[part])
        return twice(json);
    reader->has_part[part] = true;
    enum lip_status status = lip_json_peek(json, &type);
    if (status == LIP_OK && type == LIP_JSON_NULL &&
        (part == LIP_PART_BIAS || rank == 0))
        return lip_json_skip(json, NULL);
    return status == LIP_OK ? take_tensor(lip_layer_tensor(reader->layer, part),
                                          rank, reader)
                            : status;
}

static enum lip_status read_group(struct layer_reader *reader)
{
    if (reader->has_group)
        return twice(reader->json);
    reader->has_group = true;
    return lip_json_size(reader->json, &reader->layer->group);
}

/* "dtype" says as what the tensors are stored, but for those of which their own
 * member speaks: "bias_dtype". */
static enum lip_status read_dtype(struct layer_reader *reader,
                                  enum lip_part part)
{
    struct lip_json *json = reader->json;
    char name[TYPE_NAME];
    if (reader->has_dtype[part])
        return twice(json);
    reader->has_dtype[part] = true;
    enum lip_status status = lip_json_string(json, name, sizeof name);
    if (status == LIP_OK && !lip_dtype_find(&reader->dtype[part], name))
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
    const struct lip_parameter *parameter = &lip_layer_parameters(layer)[k];
    enum lip_json_type type;
    enum lip_status status = lip_json_peek(json, &type);
    if (status == LIP_OK && k == 0 && layer->activation &&
        layer->activation->per_neuron &&
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

static enum lip_status parameter_member(struct layer_reader *reader,
                                        bool *known)
{
    const struct lip_parameter *parameter = lip_layer_parameters(reader->layer);
    *known = true;
    for (size_t k = 0; parameter && parameter[k].name; k++) {
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

static enum lip_status setting_member(struct layer_reader *reader, bool *known)
{
    const struct lip_setting_kind *kind = reader->layer->kind->setting;
    *known = true;
    for (size_t k = 0; kind && kind[k].name; k++) {
        if (!lip_json_key_is(reader->json, kind[k].name))
            continue;
        if (reader->has_setting[k])
            return twice(reader->json);
        reader->has_setting[k] = true;
        return lip_json_setting(&reader->layer->setting[k], &kind[k],
                                reader->json);
    }
    *known = false;
    return LIP_OK;
}

/* Takes a member that this kind of layer has, or sets *known to false. */
static enum lip_status kind_member(struct layer_reader *reader, bool *known)
{
    const struct lip_layer *layer = reader->layer;
    const struct lip_json *json = reader->json;
    *known = true;
    for (int part = 0; !layer->activation && part < LIP_PARTS; part++) {
        const char *name = lip_layer_tensor_name(layer, (enum lip_part)part);
        if (name && lip_json_key_is(json, name))
            return read_part(reader, (enum lip_part)part);
    }
    if (layer->kind->group_name &&
        lip_json_key_is(json, layer->kind->group_name))
        return read_group(reader);
    enum lip_status status = parameter_member(reader, known);
    return status == LIP_OK && !*known ? setting_member(reader, known) : status;
}

static bool has_tensors(const struct lip_layer *layer)
{
    return layer->kind->weight_name ||
           (layer->activation && layer->activation->per_neuron);
}

static enum lip_status own_member(struct layer_reader *reader, bool *known)
{
    static const char *const dtype[LIP_PARTS] = {
        "dtype", "bias_dtype", "mean_dtype", "variance_dtype"};
    enum lip_status status = kind_member(reader, known);
    if (status != LIP_OK || *known || !has_tensors(reader->layer))
        return status;
    *known = true;
    for (int part = 0; part < LIP_PARTS; part++)
        if (lip_json_key_is(reader->json, dtype[part]) &&
            lip_layer_tensor_name(reader->layer, (enum lip_part)part))
            return read_dtype(reader, (enum lip_part)part);
    *known = false;
    return LIP_OK;
}

/* What the name of a type says counts as given. */
static void mark_fixed(struct layer_reader *reader)
{
    const struct lip_setting_kind *kind = reader->layer->kind->setting;
    reader->has_group = true;
    for (size_t k = 0; kind && kind[k].name; k++)
        if (strcmp(kind[k].name, "kernel") == 0)
            reader->has_setting[k] = true;
}

static enum lip_status read_type(struct layer_reader *reader)
{
    bool fixed;
    if (reader->layer->kind)
        return twice(reader->json);
    enum lip_status status =
        lip_json_layer_type(reader->layer, &fixed, reader->json);
    if (status == LIP_OK && fixed)
        mark_fixed(reader);
    return status;
}

static enum lip_status read_inputs(struct layer_reader *reader)
{
    if (reader->inputs)
        return twice(reader->json);
    reader->inputs = reader->json->at;
    return lip_json_skip(reader->json, NULL);
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
    enum lip_status status = LIP_OK;
    for (int part = 0; part < LIP_PARTS && status == LIP_OK; part++) {
        struct lip_tensor *tensor =
            lip_layer_tensor(reader->layer, (enum lip_part)part);
        int says = reader->has_dtype[part] ? part : LIP_PART_WEIGHT;
        if (reader->has_dtype[says] && tensor->data &&
            tensor->dtype != reader->dtype[says])
            status = lip_tensor_convert(tensor, reader->dtype[says],
                                        reader->json->ctx);
    }
    return status;
}

enum lip_status lip_json_layer(struct lip_layer *layer,
                               const unsigned char **inputs,
                               struct lip_tensor_list *tensors,
                               struct lip_json *json)
{
    struct layer_reader reader = {
        .json = json, .layer = layer, .tensors = tensors};
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
    *inputs = reader.inputs;
    status = read_postponed(&reader);
    if (status == LIP_OK && layer->kind->weight_rank && !layer->weight.data)
        return lip_json_fail(
            json, LIP_INVALID, "This %s layer has no \"%s\". Add %s.",
            layer->kind->name, layer->kind->weight_name,
            layer->kind->weight_rank == 2 ? "a matrix, outputs x inputs"
                                          : "a list of numbers");
    return status == LIP_OK ? convert(&reader) : status;
}
