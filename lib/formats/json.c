/* SPDX-License-Identifier: MIT
 *
 * The model document as JSON. */
#include "formats/json.h"

#include "formats/json_parts.h"
#include "formats/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A model while it is read. */
struct chain {
    struct lip_layer *layer;
    const unsigned char **inputs; /* where those of each layer are written */
    size_t count, capacity, limit;
    bool has_input; /* the document gives the input's shape */
    struct lip_setting input;
    struct lip_tensor_list *tensors; /* NULL: numbers stand in the text */
    bool bare;                       /* an array of layers, no document */
    struct lip_metadata metadata;
};

static void clear(struct chain *chain)
{
    lip_free(chain->inputs);
    for (size_t i = 0; i < chain->count; i++)
        lip_layer_clear(&chain->layer[i]);
    lip_free(chain->layer);
    lip_metadata_clear(&chain->metadata);
}

/* Room for one more layer, all zero. */
static enum lip_status grow(struct chain *chain, struct lip_json *json)
{
    if (chain->count == chain->limit)
        return lip_json_fail(json, LIP_TOO_LARGE,
                             "The model has more than %zu layers.",
                             chain->limit);
    if (chain->count == chain->capacity) {
        size_t capacity = chain->capacity ? 2 * chain->capacity : 8;
        struct lip_layer *layer =
            lip_realloc(json->ctx, chain->layer, capacity, sizeof *layer);
        if (!layer)
            return lip_memory_status(json->ctx);
        chain->layer = layer;
        const unsigned char **inputs =
            lip_realloc(json->ctx, chain->inputs, capacity, sizeof *inputs);
        if (!inputs)
            return lip_memory_status(json->ctx);
        chain->inputs = inputs;
        chain->capacity = capacity;
    }
    chain->inputs[chain->count] = NULL;
    memset(&chain->layer[chain->count++], 0, sizeof *chain->layer);
    return LIP_OK;
}

static enum lip_status read_layers(struct chain *chain, struct lip_json *json)
{
    bool more;
    enum lip_status status = lip_json_open_array(json);
    while (status == LIP_OK &&
           (status = lip_json_next_element(json, &more)) == LIP_OK && more) {
        status = grow(chain, json);
        if (status != LIP_OK)
            break;
        size_t last = chain->count - 1;
        status = lip_json_layer(&chain->layer[last], &chain->inputs[last],
                                chain->tensors, json);
    }
    if (status == LIP_OK)
        status =
            lip_json_sources(chain->layer, chain->count, chain->inputs, json);
    return status;
}

/* "input": [1, 28, 28] */
static enum lip_status read_input(struct chain *chain, struct lip_json *json)
{
    const struct lip_setting_kind *kind = lip_layer_reshape.setting;
    while (strcmp(kind->name, "shape") != 0)
        kind++;
    return lip_json_setting(&chain->input, kind, json);
}

/* Puts a reshape to the input's shape in front of the layers, which then take
 * it in the place of the network's input. */
static enum lip_status put_input(struct chain *chain, struct lip_json *json)
{
    enum lip_status status = grow(chain, json);
    if (status != LIP_OK)
        return status;
    struct lip_layer *first = chain->layer;
    memmove(first + 1, first, (chain->count - 1) * sizeof *first);
    memset(first, 0, sizeof *first);
    first->kind = &lip_layer_reshape;
    *lip_layer_set(first, "shape") = chain->input;
    for (size_t i = 1; i < chain->count; i++)
        for (size_t k = 0; k < first[i].sources; k++) {
            size_t *source = &first[i].source[k];
            *source = *source == LIP_FROM_INPUT ? 0 : *source + 1;
        }
    return LIP_OK;
}

static enum lip_status unknown_member(struct lip_json *json, const char *known)
{
    char key[LIP_JSON_KEY];
    enum lip_status status = lip_json_key(json, key, sizeof key);
    if (status != LIP_OK)
        return status;
    return lip_json_fail(json, LIP_INVALID,
                         "There is no member \"%s\" here, only %s.", key,
                         known);
}

static enum lip_status read_member(struct chain *chain, bool *layers,
                                   bool *metadata, struct lip_json *json)
{
    bool *given = lip_json_key_is(json, "layers")     ? layers
                  : lip_json_key_is(json, "metadata") ? metadata
                  : lip_json_key_is(json, "input")    ? &chain->has_input
                                                      : NULL;
    if (!given)
        return unknown_member(json, "\"layers\", \"input\" and \"metadata\"");
    if (*given)
        return lip_json_fail(json, LIP_INVALID, "This member is given twice.");
    *given = true;
    return given == layers     ? read_layers(chain, json)
           : given == metadata ? lip_json_metadata(&chain->metadata, json)
                               : read_input(chain, json);
}

static enum lip_status read_document(struct chain *chain, struct lip_json *json)
{
    bool more, layers = false, metadata = false;
    enum lip_status status = lip_json_open_object(json);
    while (status == LIP_OK &&
           (status = lip_json_next_member(json, &more)) == LIP_OK && more)
        status = read_member(chain, &layers, &metadata, json);
    if (status == LIP_OK && !layers)
        return lip_json_fail(json, LIP_INVALID,
                             "A model is an object with the member "
                             "\"layers\", an array; it is missing.");
    if (status == LIP_OK && chain->has_input)
        status = put_input(chain, json);
    return status == LIP_OK ? lip_json_end(json) : status;
}

/* "Layer 3 (conv): ..." counts the input's shape, which the document does not
 * list among its layers. */
static void renumber(struct lip_error *error, unsigned long i)
{
    char detail[sizeof error->detail], *rest;
    if (strncmp(error->detail, "Layer ", 6) != 0)
        return;
    strtoul(error->detail + 6, &rest, 10);
    if (i == 0)
        snprintf(detail, sizeof detail, "The input%s", rest);
    else
        snprintf(detail, sizeof detail, "Layer %lu%s", i - 1, rest);
    memcpy(error->detail, detail, sizeof detail);
}

/* A complaint about layer 3 becomes one about "/layers/3", or just "/3"; where
 * the input's shape is layer 0, that is "/input". */
static void point_at_layer(struct lip_ctx *ctx, const char *prefix,
                           const struct chain *chain)
{
    char where[sizeof ctx->error.where];
    if (!ctx || ctx->error.place != LIP_AT_LAYER)
        return;
    unsigned long i = strtoul(ctx->error.where, NULL, 10);
    if (chain->has_input)
        renumber(&ctx->error, i);
    if (chain->has_input && i == 0)
        snprintf(where, sizeof where, "%.100s/input", prefix);
    else
        snprintf(where, sizeof where, "%.100s%s/%lu", prefix,
                 chain->bare ? "" : "/layers", i - chain->has_input);
    memcpy(ctx->error.where, where, sizeof where);
    ctx->error.place = LIP_AT_POINTER;
}

/* Makes the network of what was read, or clears it where that failed. */
static enum lip_status finish(struct lip_network **out, struct chain *chain,
                              enum lip_status status, const char *prefix,
                              struct lip_ctx *ctx)
{
    *out = NULL;
    if (status != LIP_OK) {
        clear(chain);
        return status;
    }
    lip_free(chain->inputs);
    chain->inputs = NULL;
    status = lip_network_new(out, chain->layer, chain->count, ctx);
    if (status == LIP_OK) {
        (*out)->metadata = chain->metadata;
        return LIP_OK;
    }
    point_at_layer(ctx, prefix, chain);
    lip_metadata_clear(&chain->metadata);
    return status;
}

enum lip_status lip_json_read_model(struct lip_network **out,
                                    const unsigned char *text, size_t size,
                                    size_t offset, const char *prefix,
                                    const struct lip_read_options *options,
                                    struct lip_ctx *ctx)
{
    struct lip_read_options limits;
    lip_read_options_fill(&limits, options);
    struct lip_json json;
    struct chain chain = {.limit = limits.max_layers};
    lip_json_init(&json, text, size, offset, prefix, ctx);
    return finish(out, &chain, read_document(&chain, &json), prefix, ctx);
}

/* The bare array of layers that safetensors has, or a document. */
static enum lip_status read_either(struct chain *chain, struct lip_json *json)
{
    enum lip_json_type type;
    enum lip_status status = lip_json_peek(json, &type);
    if (status != LIP_OK || type != LIP_JSON_ARRAY)
        return status == LIP_OK ? read_document(chain, json) : status;
    chain->bare = true;
    status = read_layers(chain, json);
    return status == LIP_OK ? lip_json_end(json) : status;
}

static enum lip_status check_all_taken(const struct lip_tensor_list *tensors,
                                       struct lip_ctx *ctx)
{
    for (size_t i = 0; i < tensors->count; i++)
        if (!tensors->item[i].taken)
            return lip_fail_at(ctx, LIP_INVALID, LIP_AT_TENSOR,
                               tensors->item[i].name,
                               "Tensor \"%.80s\" is in none of the layers that "
                               "the file lists under " LIP_LAYERS_KEY ".",
                               tensors->item[i].name);
    return LIP_OK;
}

enum lip_status lip_json_read_named(struct lip_network **out,
                                    struct lip_tensor_list *tensors,
                                    const struct lip_read_options *options,
                                    struct lip_ctx *ctx)
{
    static const char prefix[] = "/" LIP_LAYERS_KEY;
    struct lip_read_options limits;
    lip_read_options_fill(&limits, options);
    struct lip_json json;
    struct chain chain = {.limit = limits.max_layers,
                          .tensors = tensors,
                          .metadata = tensors->metadata};
    tensors->metadata = (struct lip_metadata){0};
    lip_json_init(&json, lip_buffer_bytes(tensors->layers),
                  lip_buffer_size(tensors->layers), 0, prefix, ctx);
    enum lip_status status = read_either(&chain, &json);
    /* Bytes are counted within the text, which the pointer names. */
    if (ctx && ctx->error.place == LIP_AT_BYTE) {
        ctx->error.place = LIP_AT_POINTER;
        memcpy(ctx->error.where, prefix, sizeof prefix);
    }
    if (status == LIP_OK)
        status = check_all_taken(tensors, ctx);
    return finish(out, &chain, status, prefix, ctx);
}

static bool detect(const unsigned char *bytes, size_t size)
{
    size_t i = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (i < size && bytes[i] && strchr(" \t\r\n", bytes[i]))
        i++;
    return i < size && (bytes[i] == '{' || bytes[i] == '[');
}

/* Whether the document is {"model": ...}, which *model then is. */
static enum lip_status find_model(struct lip_json_span *model, bool *found,
                                  struct lip_json *json)
{
    bool more;
    *found = false;
    enum lip_status status = lip_json_open_object(json);
    if (status == LIP_OK)
        status = lip_json_next_member(json, &more);
    if (status != LIP_OK || !more || !lip_json_key_is(json, "model"))
        return status;
    *found = true;
    status = lip_json_skip(json, model);
    if (status == LIP_OK)
        status = lip_json_next_member(json, &more);
    if (status == LIP_OK && more)
        return unknown_member(json, "\"model\"");
    return status == LIP_OK ? lip_json_end(json) : status;
}

static enum lip_status read(struct lip_network **out, struct lip_buffer *bytes,
                            const struct lip_read_options *options,
                            struct lip_ctx *ctx)
{
    const unsigned char *text = lip_buffer_bytes(bytes);
    size_t size = lip_buffer_size(bytes);
    struct lip_json json;
    struct lip_json_span model;
    bool found;
    *out = NULL;
    lip_json_init(&json, text, size, 0, "", ctx);
    enum lip_status status = find_model(&model, &found, &json);
    if (status != LIP_OK)
        return status;
    if (found)
        return lip_json_read_model(out, model.data, model.size,
                                   (size_t)(model.data - text), "/model",
                                   options, ctx);
    return lip_json_read_model(out, text, size, 0, "", options, ctx);
}

const struct lip_format lip_format_json = {
    .name = "json",
    .title = "JSON: {\"layers\": [{\"type\": \"dense\", \"weight\": [[...]]}]}",
    .media_type = "application/json",
    .detect = detect,
    .read = read,
};
