/* SPDX-License-Identifier: MIT
 *
 * Keras files as a whole: the graph in model_config, or weights alone. */
#include "server/h5/keras.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NODES = 4096, MOST_SOURCES = 64, MAX_DEPTH = 8 };

/* A layer of the model's graph. */
struct node {
    const char *kind, *name;
    const json_t *config;
    size_t source[MOST_SOURCES], sources;
    bool is_input, done;
    struct lipd_keras_value value;
};

struct graph {
    struct lipd_keras keras;
    struct node *node;
    size_t count, input, output;
};

static _Noreturn void odd(const char *what)
{
    lipd_h5_fail(LIPD_H5_UNSUPPORTED,
                 "The Keras model cannot be read: %.200s. A model with one "
                 "input and one output, without models inside, can.",
                 what);
}

/* --- names */

static size_t find_node(const struct graph *g, const char *name)
{
    for (size_t i = 0; name && i < g->count; i++)
        if (!strcmp(g->node[i].name, name))
            return i;
    odd("a layer takes its input from one that is not there");
}

/* The layer in ["input_1", 0, 0], or [["input_1", 0, 0]] of one. */
static size_t only_layer(const struct graph *g, const json_t *list)
{
    if (json_is_array(json_array_get(list, 0))) {
        if (json_array_size(list) != 1)
            odd("it has several inputs or outputs");
        list = json_array_get(list, 0);
    }
    return find_node(g, json_string_value(json_array_get(list, 0)));
}

static void add_source(const struct graph *g, struct node *node,
                       const json_t *history)
{
    if (node->sources == MOST_SOURCES)
        odd("a layer has too many inputs");
    if (json_integer_value(json_array_get(history, 1)) != 0 ||
        json_integer_value(json_array_get(history, 2)) != 0)
        odd("a layer is used twice");
    node->source[node->sources++] =
        find_node(g, json_string_value(json_array_get(history, 0)));
}

/* Keras 3: the tensors anywhere in the arguments of a call. */
static void find_tensors(const struct graph *g, struct node *node,
                         const json_t *value, int depth)
{
    const char *kind = json_string_value(json_object_get(value, "class_name"));
    if (depth == MAX_DEPTH)
        odd("the arguments of a layer are nested too deeply");
    if (kind && !strcmp(kind, "__keras_tensor__"))
        add_source(
            g, node,
            json_object_get(json_object_get(value, "config"), "keras_history"));
    for (size_t i = 0; i < json_array_size(value); i++)
        find_tensors(g, node, json_array_get(value, i), depth + 1);
}

/* Keras 2: [[["dense", 0, 0, {}], ...]]; Keras 3: [{"args": [...]}]. */
static void read_sources(const struct graph *g, struct node *node,
                         const json_t *calls)
{
    if (json_array_size(calls) > 1)
        odd("a layer is used twice");
    const json_t *call = json_array_get(calls, 0);
    if (json_is_object(call))
        find_tensors(g, node, json_object_get(call, "args"), 0);
    for (size_t i = 0; i < json_array_size(call); i++)
        add_source(g, node, json_array_get(call, i));
}

/* --- the graph */

static void read_node(struct node *node, const json_t *layer)
{
    node->kind = json_string_value(json_object_get(layer, "class_name"));
    node->config = json_object_get(layer, "config");
    node->name = json_string_value(json_object_get(layer, "name"));
    if (!node->name)
        node->name = json_string_value(json_object_get(node->config, "name"));
    if (!node->kind || !node->name)
        odd("a layer has no kind or no name");
    if (strlen(node->name) >= LIPD_KERAS_NAME)
        odd("a layer's name is too long");
    if (json_object_get(node->config, "layers"))
        odd("there is a model inside of it");
    node->is_input = !strcmp(node->kind, "InputLayer");
}

static void read_nodes(struct graph *g, const json_t *layers)
{
    g->count = json_array_size(layers);
    if (g->count == 0 || g->count > MAX_NODES)
        odd("it has no layers, or more than 4096");
    g->node = lipd_h5_alloc(g->count + 1, sizeof *g->node);
    for (size_t i = 0; i < g->count; i++)
        read_node(&g->node[i], json_array_get(layers, i));
}

/* A chain; in front of it an input, where it does not say so itself. */
static void chain(struct graph *g)
{
    if (!g->node[0].is_input) {
        memmove(&g->node[1], &g->node[0], g->count * sizeof *g->node);
        g->node[0].is_input = true;
        g->node[0].kind = "InputLayer";
        g->node[0].name = "input";
        g->node[0].sources = 0;
        g->count++;
    }
    for (size_t i = 1; i < g->count; i++) {
        g->node[i].source[0] = i - 1;
        g->node[i].sources = 1;
    }
    g->output = g->count - 1;
}

static void read_graph(struct graph *g, const json_t *model)
{
    const char *kind = json_string_value(json_object_get(model, "class_name"));
    const json_t *config = json_object_get(model, "config");
    const json_t *layers =
        json_is_array(config) ? config : json_object_get(config, "layers");
    read_nodes(g, layers);
    if (kind && !strcmp(kind, "Sequential")) {
        chain(g);
        return;
    }
    for (size_t i = 0; i < g->count; i++)
        read_sources(
            g, &g->node[i],
            json_object_get(json_array_get(layers, i), "inbound_nodes"));
    g->input = only_layer(g, json_object_get(config, "input_layers"));
    g->output = only_layer(g, json_object_get(config, "output_layers"));
}

/* --- the input */

/* [null, 28, 28, 1] without the batch. */
static bool take_shape(struct lipd_keras_value *out, const json_t *shape)
{
    size_t rank = json_array_size(shape);
    if (rank < 2 || rank > LIPD_KERAS_RANK + 1)
        return false;
    out->rank = rank - 1;
    for (size_t k = 1; k < rank; k++) {
        json_int_t length = json_integer_value(json_array_get(shape, k));
        if (length < 1 || length > 1 << 24)
            odd("the size of its input is open. Make it with "
                "Input(shape=(height, width, channels))");
        out->dim[k - 1] = (size_t)length;
    }
    return true;
}

/* Keras 3: shape, Keras 2: batch_input_shape, here or in the layer after; or
 * what the first kernel takes. */
static void find_shape(struct graph *g, struct node *input,
                       const json_t *config)
{
    static const char *const names[] = {"batch_shape", "batch_input_shape"};
    struct lipd_keras_value *value = &input->value;
    struct lipd_h5_data kernel;
    const struct node *first = g->count > 1 ? &g->node[1] : input;
    for (size_t i = 0; i < 2; i++)
        if (take_shape(value, json_object_get(input->config, names[i])) ||
            take_shape(value, json_object_get(first->config, names[i])))
            return;
    if (take_shape(value, json_object_get(config, "build_input_shape")))
        return;
    struct lipd_keras_layer layer = {.keras = &g->keras,
                                     .kind = first->kind,
                                     .name = first->name,
                                     .config = first->config};
    if (strcmp(first->kind, "Dense") != 0 ||
        !lipd_keras_weight(&kernel, &layer, "kernel") || kernel.rank != 2)
        odd("the size of its input is not in the file");
    value->rank = 1;
    value->dim[0] = kernel.dim[0];
}

/* Images come as Keras has them and are turned at once. */
static void begin(struct graph *g, const json_t *config)
{
    struct node *input = &g->node[g->input];
    find_shape(g, input, config);
    struct lipd_keras_layer layer = {.keras = &g->keras,
                                     .kind = input->kind,
                                     .name = input->name,
                                     .config = input->config,
                                     .out = input->value};
    lipd_keras_set_sizes(lipd_keras_emit(&layer, "reshape", ""), "shape",
                         layer.out.dim, layer.out.rank);
    lipd_keras_to_first(&layer, "channels_first");
    input->value = layer.out;
    input->done = true;
}

/* --- all layers, each after those it takes its numbers from */

static bool is_ready(const struct graph *g, const struct node *node)
{
    for (size_t i = 0; i < node->sources; i++)
        if (!g->node[node->source[i]].done)
            return false;
    return node->sources > 0;
}

static void build(struct graph *g, struct node *node)
{
    struct lipd_keras_value in[MOST_SOURCES];
    for (size_t i = 0; i < node->sources; i++)
        in[i] = g->node[node->source[i]].value;
    struct lipd_keras_layer layer = {.keras = &g->keras,
                                     .kind = node->kind,
                                     .name = node->name,
                                     .config = node->config,
                                     .inputs = node->sources,
                                     .in = in};
    lipd_keras_build(&layer);
    node->value = layer.out;
    node->done = true;
}

static void build_all(struct graph *g)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < g->count; i++)
            if (!g->node[i].done && is_ready(g, &g->node[i])) {
                build(g, &g->node[i]);
                more = true;
            }
    }
    for (size_t i = 0; i < g->count; i++)
        if (!g->node[i].done)
            odd("its layers take their inputs from each other in a circle, or "
                "from a second input");
}

/* The first layer only names the shape of vectors: nobody needs to be told,
 * unless several layers refer to it. */
static void drop_needless_input(json_t *layers, const char *name)
{
    size_t uses = 0;
    for (size_t i = 1; i < json_array_size(layers); i++) {
        json_t *inputs = json_object_get(json_array_get(layers, i), "inputs");
        for (size_t k = 0; k < json_array_size(inputs); k++) {
            const char *input = json_string_value(json_array_get(inputs, k));
            uses += i > 1 && !strcmp(input, name) ? 2 : 0;
        }
    }
    json_t *next = json_array_get(layers, 1);
    if (uses || json_array_size(json_object_get(next, "inputs")) > 1)
        return;
    json_object_del(next, "inputs");
    json_array_remove(layers, 0);
}

static void read_model(struct lipd_h5_document *document, hid_t root,
                       char *text)
{
    json_error_t error;
    struct graph g = {.keras.document = document};
    json_t *model = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!model)
        lipd_h5_fail(LIPD_H5_MALFORMED,
                     "The model_config of the Keras file is no JSON: %.100s.",
                     error.text);
    char *version = lipd_h5_text(root, "keras_version");
    g.keras.keras3 = version && *version >= '3' && *version <= '9';
    g.keras.weights = lipd_h5_find(root, "model_weights");
    if (g.keras.weights < 0)
        lipd_h5_fail(LIPD_H5_MALFORMED,
                     "The Keras file has no group \"model_weights\".");
    document->layers = lipd_h5_json(json_array());
    read_graph(&g, model);
    begin(&g, json_object_get(model, "config"));
    build_all(&g);
    const struct node *input = &g.node[g.input];
    if (input->value.rank == 1)
        drop_needless_input(document->layers, input->value.layer);
    (void)g.output; /* a layer behind it would be refused as one not used */
}

/* --- weights alone */

static void add_weight(struct lipd_h5_document *document, size_t number,
                       const char *layer, hid_t group, const char *path)
{
    char name[256];
    struct lipd_h5_data data;
    lipd_h5_look(&data, lipd_h5_find(group, path), path, document->most);
    const char *slash = strrchr(path, '/');
    const char *last = slash ? slash + 1 : path;
    int n = (int)strcspn(last, ":");
    bool kernel = n == 6 && !memcmp(last, "kernel", 6) && data.rank == 2;
    if (!kernel && !(n == 4 && !memcmp(last, "bias", 4) && data.rank == 1))
        lipd_h5_fail(LIPD_H5_UNSUPPORTED,
                     "The file holds weights only, and \"%.80s\" of layer "
                     "\"%.60s\" is not one of a dense layer. Save the whole "
                     "model: model.save(\"model.h5\").",
                     path, layer);
    snprintf(name, sizeof name, "%zu.%.100s.%.*s", number, layer, n, last);
    struct lipd_h5_tensor *tensor = lipd_h5_add(document, name, &data);
    if (kernel) { /* inputs x outputs; ours is outputs x inputs */
        tensor->axis[0] = 1;
        tensor->axis[1] = 0;
        tensor->dim[0] = data.dim[1];
        tensor->dim[1] = data.dim[0];
    }
}

/* The layers in the order of their list; those without weights count. */
static void read_weights(struct lipd_h5_document *document, hid_t root,
                         char **layer, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char **path;
        hid_t group = lipd_h5_find(root, layer[i]);
        if (group < 0)
            lipd_h5_fail(LIPD_H5_MALFORMED,
                         "The Keras file has no group \"%.80s\".", layer[i]);
        size_t weights = lipd_h5_texts(&path, group, "weight_names");
        for (size_t k = 0; k < weights; k++)
            add_weight(document, i, layer[i], group, path[k]);
    }
}

void lipd_keras_read(struct lipd_h5_document *document, hid_t root)
{
    char **layer;
    char *model = lipd_h5_text(root, "model_config");
    if (model) {
        read_model(document, root, model);
        return;
    }
    size_t count = lipd_h5_texts(&layer, root, "layer_names");
    if (count == 0)
        lipd_h5_fail(LIPD_H5_UNSUPPORTED,
                     "The HDF5 file is no Keras model: it has neither "
                     "model_config nor layer_names. Save the whole model: "
                     "model.save(\"model.h5\").");
    read_weights(document, root, layer, count);
}
