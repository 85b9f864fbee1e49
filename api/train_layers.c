/* SPDX-License-Identifier: MIT
 *
 * "model" of a training request: layers to begin with, or a stored model to go
 * on from. */
#include "api/train_parts.h"

#include <string.h>

enum { MAX_UNITS = 65536 };

TRAIN_TABLE(kind_name, lip_trainable_kinds)

static enum lip_status read_kind(struct train_reader *r,
                                 const struct lip_trainable_kind **out,
                                 const json_t *value,
                                 const struct train_place *at)
{
    struct train_place place = train_at(at, "type");
    const json_t *type = json_object_get(value, "type");
    const char *text = json_string_value(type);
    size_t row;
    *out = text ? lip_trainable_find(text) : NULL; /* knows second names too */
    if (*out)
        return LIP_OK;
    return train_choose(r, &row, type, &place, "layer", kind_name);
}

/* A number, or "all" (0). */
static enum lip_status read_group(struct train_reader *r,
                                  struct lip_trainable *layer,
                                  const json_t *value,
                                  const struct train_place *at)
{
    const char *text = json_string_value(json_object_get(value, "group"));
    layer->group = 2;
    if (text && strcmp(text, "all") == 0)
        layer->group = 0;
    else
        return train_count(r, &layer->group, value, at, "group", 1, MAX_UNITS);
    return LIP_OK;
}

static enum lip_status read_units(struct train_reader *r,
                                  struct lip_trainable *layer,
                                  const json_t *value,
                                  const struct train_place *at)
{
    struct train_place place = train_at(at, "units");
    return train_count_value(r, &layer->units, json_object_get(value, "units"),
                             &place, "units", 1, MAX_UNITS);
}

static enum lip_status read_layer(struct train_reader *r,
                                  struct lip_trainable *layer,
                                  const json_t *value,
                                  const struct train_place *at)
{
    static const char *const plain[] = {"type", NULL};
    static const char *const matrix[] = {"type", "units", NULL};
    static const char *const grouped[] = {"type", "group", NULL};
    const char *known[TRAIN_NAMES];
    enum lip_status status = train_object(r, value, at, NULL);
    if (status == LIP_OK)
        status = read_kind(r, &layer->kind, value, at);
    if (status != LIP_OK)
        return status;
    const struct lip_trainable_kind *kind = layer->kind;
    train_names(known,
                kind->matrix    ? matrix
                : kind->grouped ? grouped
                                : plain,
                kind->parameter);
    status = train_object(r, value, at, known);
    if (status == LIP_OK && kind->matrix)
        status = read_units(r, layer, value, at);
    if (status == LIP_OK && kind->grouped)
        status = read_group(r, layer, value, at);
    if (status == LIP_OK)
        status =
            train_parameters(r, layer->parameter, kind->parameter, value, at);
    return status;
}

static enum lip_status read_layers(struct train_reader *r, const json_t *value,
                                   const struct train_place *at)
{
    size_t count = json_array_size(value);
    if (count == 0 || count > API_MAX_TRAIN_LAYERS)
        return train_refuse(r, at,
                            "\"layers\" is an array of 1 to %d layers, such as "
                            "{\"type\": \"dense\", \"units\": 64}.",
                            API_MAX_TRAIN_LAYERS);
    r->out->layer = lip_calloc(r->ctx, count, sizeof *r->out->layer);
    if (!r->out->layer)
        return train_failed(r, at);
    r->out->layers = count;
    enum lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < count; i++) {
        struct train_place place = train_at_index(at, i);
        status =
            read_layer(r, &r->out->layer[i], json_array_get(value, i), &place);
    }
    if (status == LIP_OK && train_matrices(r->out) == 0)
        return train_refuse(r, at,
                            "There is no dense layer: add one, its "
                            "\"units\" are the outputs.");
    return status;
}

size_t train_matrices(const struct api_train_request *request)
{
    size_t count = 0;
    for (size_t i = 0; i < request->layers; i++)
        count += request->layer[i].kind->matrix;
    return count;
}

enum lip_status train_read_model(struct train_reader *r, const json_t *value,
                                 const struct train_place *at)
{
    static const char *const by_layers[] = {"layers", NULL};
    static const char *const by_id[] = {"id", NULL};
    if (!value)
        return train_refuse(r, at,
                            "Say what to train: {\"layers\": [{\"type\": "
                            "\"dense\", \"units\": 64}, ...]}, or {\"id\": "
                            "\"sha256:...\"} to go on from a stored model.");
    const json_t *id = json_object_get(value, "id");
    struct train_place place = train_at(at, id ? "id" : "layers");
    enum lip_status status = train_object(r, value, at, id ? by_id : by_layers);
    if (status != LIP_OK)
        return status;
    if (id)
        return train_read_id(r, r->out->model_id, id, &place, "model");
    return read_layers(r, json_object_get(value, "layers"), &place);
}
