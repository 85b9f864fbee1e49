/* SPDX-License-Identifier: MIT
 *
 * "model" of a training request: layers to begin with, or a stored model to go
 * on from. */
#include "api/train_parts.h"

#include <string.h>

enum { MAX_UNITS = 65536, MAX_SIDE = 65536 };

/* A setting of windows: one number, or a list of up to `most`. */
struct window_member {
    const char *name;
    size_t least, most;
};

static const struct window_member window_members[] = {
    [TRAIN_KERNEL] = {"kernel", 1, 2},
    [TRAIN_STRIDE] = {"stride", 1, 2},
    [TRAIN_PADDING] = {"padding", 0, 4},
    [TRAIN_DILATION] = {"dilation", 1, 2},
};

const char *train_window_name(enum train_window which)
{
    return window_members[which].name;
}

const struct lip_setting *
train_window_setting(const struct lip_trainable *layer, enum train_window which)
{
    const struct lip_setting *const setting[] = {
        [TRAIN_KERNEL] = &layer->kernel,
        [TRAIN_STRIDE] = &layer->stride,
        [TRAIN_PADDING] = &layer->padding,
        [TRAIN_DILATION] = &layer->dilation};
    return setting[which];
}

const char *train_units_name(const struct lip_trainable_kind *kind)
{
    if (!kind->matrix)
        return NULL;
    return kind->windowed ? "filters" : "units";
}

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
    const char *name = train_units_name(layer->kind);
    struct train_place place = train_at(at, name);
    return train_count_value(r, &layer->units, json_object_get(value, name),
                             &place, name, 1, MAX_UNITS);
}

/* Whole numbers, one or a list of up to `most`. */
static enum lip_status read_numbers(struct train_reader *r,
                                    struct lip_setting *out,
                                    const json_t *value,
                                    const struct train_place *at,
                                    const struct window_member *member)
{
    size_t n = 0;
    bool list = json_is_array(value);
    size_t count = list ? json_array_size(value) : 1;
    enum lip_status status = LIP_OK;
    if (list && (count == 0 || count > member->most))
        return train_refuse(r, at,
                            "\"%s\" is a whole number, or a list of up to %zu "
                            "of them.",
                            member->name, member->most);
    for (size_t k = 0; status == LIP_OK && k < count; k++) {
        struct train_place place = list ? train_at_index(at, k) : *at;
        status =
            train_count_value(r, &n, list ? json_array_get(value, k) : value,
                              &place, member->name, member->least, MAX_SIDE);
        out->value[k] = (long)n;
    }
    out->count = count;
    return status;
}

static enum lip_status read_window(struct train_reader *r,
                                   struct lip_trainable *layer,
                                   const json_t *value,
                                   const struct train_place *at)
{
    enum lip_status status = LIP_OK;
    for (int k = 0; status == LIP_OK && k < TRAIN_WINDOWS; k++) {
        const struct window_member *member = &window_members[k];
        const json_t *own = json_object_get(value, member->name);
        struct train_place place = train_at(at, member->name);
        if (own)
            status = read_numbers(
                r,
                (struct lip_setting *)(uintptr_t)train_window_setting(
                    layer, (enum train_window)k),
                own, &place, member);
    }
    return status;
}

/* The names of all members that a layer of this kind has. */
static void list_members(const char *known[TRAIN_NAMES],
                         const struct lip_trainable_kind *kind)
{
    const char *base[TRAIN_WINDOWS + 4] = {"type"};
    size_t n = 1;
    if (kind->matrix)
        base[n++] = train_units_name(kind);
    if (kind->grouped)
        base[n++] = "group";
    for (int k = 0; kind->windowed && k < TRAIN_WINDOWS; k++)
        base[n++] = window_members[k].name;
    base[n] = NULL;
    train_names(known, base, kind->parameter);
}

static enum lip_status read_layer(struct train_reader *r,
                                  struct lip_trainable *layer,
                                  const json_t *value,
                                  const struct train_place *at)
{
    const char *known[TRAIN_NAMES];
    enum lip_status status = train_object(r, value, at, NULL);
    if (status == LIP_OK)
        status = read_kind(r, &layer->kind, value, at);
    if (status != LIP_OK)
        return status;
    const struct lip_trainable_kind *kind = layer->kind;
    list_members(known, kind);
    status = train_object(r, value, at, known);
    if (status == LIP_OK && kind->matrix)
        status = read_units(r, layer, value, at);
    if (status == LIP_OK && kind->grouped)
        status = read_group(r, layer, value, at);
    if (status == LIP_OK && kind->windowed)
        status = read_window(r, layer, value, at);
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
                            "There is no layer with weights: add a dense one, "
                            "its \"units\" are the outputs.");
    return status;
}

size_t train_matrices(const struct api_train_request *request)
{
    size_t count = 0;
    for (size_t i = 0; i < request->layers; i++)
        count += request->layer[i].kind->matrix;
    return count;
}

/* [channels, length] or [channels, height, width]. */
static enum lip_status read_input(struct train_reader *r, const json_t *value,
                                  const struct train_place *at)
{
    struct lip_image *input = &r->out->input;
    size_t side[3] = {1, 1, 1}, count = json_array_size(value);
    enum lip_status status = LIP_OK;
    if (!value)
        return LIP_OK;
    if (count != 2 && count != 3)
        return train_refuse(r, at,
                            "\"input\" says what a row of the data is: "
                            "[channels, height, width] of an image, [channels, "
                            "length] of a sequence.");
    for (size_t k = 0; status == LIP_OK && k < count; k++) {
        struct train_place place = train_at_index(at, k);
        status = train_count_value(r, &side[k], json_array_get(value, k),
                                   &place, "input", 1, MAX_SIDE);
    }
    *input = (struct lip_image){count - 1, side[0], side[1], side[2]};
    if (count == 2)
        *input = (struct lip_image){1, side[0], 1, side[1]};
    return status;
}

enum lip_status train_read_model(struct train_reader *r, const json_t *value,
                                 const struct train_place *at)
{
    static const char *const by_layers[] = {"input", "layers", NULL};
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
    struct train_place input = train_at(at, "input");
    status = read_input(r, json_object_get(value, "input"), &input);
    return status == LIP_OK
               ? read_layers(r, json_object_get(value, "layers"), &place)
               : status;
}
