/* SPDX-License-Identifier: MIT
 *
 * From what layers say of their inputs to the numbers of their sources. Names
 * are looked up once all layers are known, so that one that comes later is told
 * from one that is nowhere. */
#include "formats/json_parts.h"
#include "formats/layer_names.h"
#include "formats/reader.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SOURCES = 64 };

struct resolver {
    struct lip_json json; /* at the inputs of layer i */
    const struct lip_layer *layer;
    size_t i;
    const struct lip_layer_names *names;
    size_t source[MOST_SOURCES], sources;
};

static enum lip_status refuse(struct resolver *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum lip_status refuse(struct resolver *r, const char *format, ...)
{
    char text[400];
    const struct lip_layer *layer = &r->layer[r->i];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return lip_json_fail(&r->json, LIP_INVALID, "Layer %zu (\"%s\"): %s", r->i,
                         *layer->name ? layer->name : lip_layer_type(layer),
                         text);
}

static enum lip_status check_order(struct resolver *r, size_t from)
{
    if (from < r->i)
        return LIP_OK;
    if (from == r->i)
        return refuse(r, "it takes its numbers from itself.");
    return refuse(r,
                  "it takes numbers from layer %zu, which comes later. Put "
                  "each layer after those that it takes its numbers from; they "
                  "may not go in a circle.",
                  from);
}

static enum lip_status resolve_name(size_t *from, struct resolver *r)
{
    char name[LIP_LAYER_NAME];
    enum lip_status status = lip_json_string(&r->json, name, sizeof name);
    if (status != LIP_OK)
        return status;
    size_t found = lip_layer_names_find(from, r->names, name);
    bool input = strcmp(name, LIP_INPUT_NAME) == 0;
    if (found + input > 1)
        return refuse(
            r, "its input \"%s\" is the name of %s. Rename one.", name,
            input ? "a layer and of the model's input" : "several layers");
    if (input) {
        *from = LIP_FROM_INPUT;
        return LIP_OK;
    }
    if (!found)
        return refuse(
            r,
            "its input \"%s\" is the name of no layer. \"" LIP_INPUT_NAME
            "\" is the model's input.",
            name);
    return check_order(r, *from);
}

static enum lip_status resolve_number(size_t *from, struct resolver *r)
{
    double value = 0;
    enum lip_status status = lip_json_number(&r->json, &value);
    if (status != LIP_OK)
        return status;
    if (!(value >= 0 && value < 0x1p53) || floor(value) < value)
        return refuse(r, "its input %g is not the number of a layer.", value);
    *from = (size_t)value;
    return check_order(r, *from);
}

static enum lip_status add_source(struct resolver *r)
{
    enum lip_json_type type;
    size_t from = 0;
    enum lip_status status = lip_json_peek(&r->json, &type);
    if (status == LIP_OK)
        status = type == LIP_JSON_NUMBER ? resolve_number(&from, r)
                                         : resolve_name(&from, r);
    if (status != LIP_OK)
        return status;
    if (r->sources == MOST_SOURCES)
        return refuse(r, "it has more than %d inputs.", MOST_SOURCES);
    r->source[r->sources++] = from;
    return LIP_OK;
}

static enum lip_status read_list(struct resolver *r)
{
    enum lip_json_type type;
    bool more;
    enum lip_status status = lip_json_peek(&r->json, &type);
    if (status == LIP_OK && type == LIP_JSON_STRING)
        return add_source(r);
    if (status == LIP_OK)
        status = lip_json_open_array(&r->json);
    while (status == LIP_OK &&
           (status = lip_json_next_element(&r->json, &more)) == LIP_OK && more)
        status = add_source(r);
    if (status == LIP_OK && r->sources == 0)
        return refuse(r,
                      "it has an empty list of inputs. Leave it out: the layer "
                      "then takes its numbers from the one before it.");
    return status;
}

/* A layer that takes its numbers from the one just before need not say so. */
static enum lip_status put(struct lip_layer *layer, const struct resolver *r)
{
    size_t before = r->i > 0 ? r->i - 1 : LIP_FROM_INPUT;
    if (r->sources == 1 && r->source[0] == before)
        return LIP_OK;
    layer->source = lip_alloc(r->json.ctx, r->sources, sizeof *layer->source);
    if (!layer->source)
        return lip_memory_status(r->json.ctx);
    memcpy(layer->source, r->source, r->sources * sizeof *r->source);
    layer->sources = r->sources;
    return LIP_OK;
}

/* Goes back to the inputs of layer i. */
static void go_to(struct resolver *r, size_t i, const unsigned char *at,
                  const struct lip_json *json)
{
    static const unsigned char key[] = "inputs";
    struct lip_json_level *level = &r->json.level[json->depth];
    level[0] = (struct lip_json_level){.started = true, .index = i};
    level[1] = (struct lip_json_level){
        .object = true, .started = true, .key = {key, sizeof key - 1}};
    r->json.depth = json->depth + 2;
    r->json.at = r->json.tick = at;
    r->i = i;
    r->sources = 0;
}

enum lip_status lip_json_sources(struct lip_layer *layer, size_t count,
                                 const unsigned char *const *inputs,
                                 const struct lip_json *json)
{
    size_t first = 0;
    while (first < count && !inputs[first])
        first++;
    if (first == count)
        return LIP_OK;
    struct lip_layer_names names;
    struct resolver r = {.json = *json, .layer = layer, .names = &names};
    enum lip_status status =
        lip_layer_names_new(&names, layer, count, json->ctx);
    for (size_t i = first; i < count && status == LIP_OK; i++) {
        if (!inputs[i])
            continue;
        go_to(&r, i, inputs[i], json);
        status = read_list(&r);
        if (status == LIP_OK)
            status = put(&layer[i], &r);
    }
    lip_layer_names_clear(&names);
    return status;
}
