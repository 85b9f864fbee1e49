/* SPDX-License-Identifier: MIT
 *
 * From layers to nodes. */
#include "network/nodes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status ? ctx->error.status : LIP_NO_MEMORY;
}

/* --- one node */

static enum lip_status grow(struct lip_nodes *nodes, struct lip_ctx *ctx)
{
    size_t room = nodes->room ? 2 * nodes->room : 16;
    struct lip_node *node =
        lip_realloc(ctx, nodes->node, room, sizeof *nodes->node);
    if (!node)
        return memory(ctx);
    nodes->node = node;
    nodes->room = room;
    return LIP_OK;
}

static enum lip_status new_rows(struct lip_node *n, struct lip_ctx *ctx)
{
    n->column = lip_alloc(ctx, n->width, 2 * sizeof *n->column);
    n->value = lip_calloc(ctx, n->width, 2 * sizeof *n->value);
    if (!n->column || !n->value)
        return memory(ctx);
    for (size_t k = 0; k < 2 * n->width; k++)
        n->column[k] = LIP_NO_COLUMN;
    return LIP_OK;
}

static size_t level_of(const struct lip_nodes *nodes, const struct lip_node *n)
{
    size_t level = 0;
    for (size_t k = 0; k < n->sources; k++) {
        size_t below = nodes->node[n->source[k]].level;
        level = below > level ? below : level;
    }
    return level + (n->kind == LIP_NODE_NEURONS);
}

enum lip_status lip_nodes_add(size_t *out, struct lip_nodes *nodes,
                              enum lip_node_kind kind, size_t width,
                              const size_t *source, size_t sources,
                              const struct lip_layer *layer,
                              struct lip_ctx *ctx)
{
    if (nodes->count == nodes->room && grow(nodes, ctx) != LIP_OK)
        return memory(ctx);
    struct lip_node *n = &nodes->node[nodes->count];
    *n = (struct lip_node){.kind = kind, .width = width, .sources = sources};
    n->source = lip_alloc(ctx, sources, sizeof *n->source);
    if (!n->source)
        return memory(ctx);
    *out = nodes->count++; /* from here on lip_nodes_clear() frees it */
    if (sources)
        memcpy(n->source, source, sources * sizeof *source);
    n->level = level_of(nodes, n);
    n->layer = kind == LIP_NODE_LINEAR ? layer : NULL;
    if (nodes->shapes || kind == LIP_NODE_INPUT || n->layer)
        return LIP_OK;
    if (kind == LIP_NODE_LINEAR)
        return new_rows(n, ctx);
    n->slopes = lip_alloc(ctx, width, sizeof *n->slopes);
    return n->slopes ? LIP_OK : memory(ctx);
}

void lip_nodes_clear(struct lip_nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++) {
        struct lip_node *n = &nodes->node[i];
        lip_free(n->source);
        lip_free(n->column);
        lip_free(n->value);
        lip_free(n->slopes);
    }
    lip_free(nodes->node);
    *nodes = (struct lip_nodes){0};
}

/* --- a whole network */

struct builder {
    struct lip_nodes *nodes;
    const struct lip_network *network;
    size_t *map;   /* [layers] the node that gives a layer's numbers */
    size_t *uses;  /* [layers] by how many layers they are taken, not counting
                      those that change nothing but what takes those, and */
    size_t *taker; /* [layers] the last of those */
    /* [layers] an activation that is put off until behind the pool that takes
     * it, 1 + its number: they come to the same, and there it is fewer. */
    size_t *put_off;
    size_t *source, room;
    struct lip_ctx *ctx;
};

static void count_uses(struct builder *b)
{
    size_t *root = b->map; /* free until the nodes are made */
    for (size_t i = 0; i < b->network->count; i++) {
        bool same = lip_layer_changes_nothing(&b->network->layer[i]);
        size_t sources = lip_network_sources(b->network, i);
        root[i] = i;
        for (size_t k = 0; k < sources; k++) {
            size_t from = lip_network_source(b->network, i, k);
            if (from == LIP_FROM_INPUT)
                continue;
            if (same)
                root[i] = root[from];
            else
                b->taker[root[from]] = i;
            b->uses[root[from]] += !same;
        }
    }
    /* Layers that change nothing are counted by those behind them alone. */
    for (size_t i = 0; i < b->network->count; i++) {
        b->uses[i] = b->uses[root[i]];
        b->taker[i] = b->taker[root[i]];
    }
}

/* The nodes that layer i takes its numbers from, into b->source. */
static enum lip_status find_sources(struct builder *b, size_t i, size_t *count)
{
    *count = lip_network_sources(b->network, i);
    if (*count > b->room) {
        size_t *more = lip_realloc(b->ctx, b->source, *count, sizeof *more);
        if (!more)
            return memory(b->ctx);
        b->source = more;
        b->room = *count;
    }
    for (size_t k = 0; k < *count; k++) {
        size_t from = lip_network_source(b->network, i, k);
        b->source[k] = from == LIP_FROM_INPUT ? 0 : b->map[from];
    }
    return LIP_OK;
}

/* Makes one neuron of slopes a, then b, out of two. */
static bool compose(struct lip_node *n, const struct lip_layer *layer)
{
    for (size_t k = 0; n->slopes && k < n->width; k++) {
        struct lip_slopes s = lip_layer_slopes(layer, k);
        n->slopes[k] = lip_slopes_compose(n->slopes[k], s);
        if (!isfinite(n->slopes[k].lo) || !isfinite(n->slopes[k].hi))
            return false;
    }
    return true;
}

/* max(phi(a), phi(b)) = phi(max(a, b)) where phi never falls: whether layer i
 * is such a phi and a pool the only one to take it. */
static bool commutes(const struct builder *b, size_t i)
{
    const struct lip_layer *layer = &b->network->layer[i];
    bool alike = layer->activation && !layer->activation->per_neuron;
    return alike && b->uses[i] == 1 &&
           b->network->layer[b->taker[i]].kind->largest_of &&
           lip_layer_slopes(layer, 0).lo >= 0;
}

/* Neurons of layer i on a node. */
static enum lip_status new_neurons(size_t *out, struct builder *b, size_t i,
                                   size_t source, size_t width)
{
    enum lip_status status = lip_nodes_add(out, b->nodes, LIP_NODE_NEURONS,
                                           width, &source, 1, NULL, b->ctx);
    struct lip_node *n = &b->nodes->node[*out];
    for (size_t k = 0; status == LIP_OK && n->slopes && k < width; k++)
        n->slopes[k] = lip_layer_slopes(&b->network->layer[i], k);
    return status;
}

static enum lip_status add_neurons(struct builder *b, size_t i)
{
    const struct lip_layer *layer = &b->network->layer[i];
    if (commutes(b, i)) {
        b->map[i] = b->source[0];
        b->put_off[i] = i + 1;
        return LIP_OK;
    }
    size_t from = lip_network_source(b->network, i, 0), node = b->source[0];
    struct lip_node *below = &b->nodes->node[node];
    if (below->kind == LIP_NODE_NEURONS && from != LIP_FROM_INPUT &&
        b->uses[from] == 1 && below->sources == 1) {
        b->map[i] = node;
        if (!compose(below, layer))
            snprintf(b->nodes->obstacle, sizeof b->nodes->obstacle,
                     "The slopes of stacked activations overflow.");
        return LIP_OK;
    }
    return new_neurons(&b->map[i], b, i, node, layer->outputs);
}

static enum lip_status add_pool(struct builder *b, size_t i, size_t sources)
{
    const struct lip_layer *layer = &b->network->layer[i];
    size_t from = lip_network_source(b->network, i, 0);
    size_t late = from == LIP_FROM_INPUT ? 0 : b->put_off[from];
    enum lip_status status = lip_nodes_largest(&b->map[i], b->nodes, layer,
                                               b->source, sources, b->ctx);
    if (status != LIP_OK || late == 0)
        return status;
    size_t node = b->map[i];
    return new_neurons(&b->map[i], b, late - 1, node, layer->outputs);
}

static enum lip_status add_joint(struct builder *b, size_t i, size_t sources)
{
    const struct lip_layer *layer = &b->network->layer[i];
    if (layer->kind->largest_of)
        return add_pool(b, i, sources);
    if (lip_layer_steps(layer) != LIP_NO_STEPS)
        return lip_nodes_mirrors(&b->map[i], b->nodes, layer, b->source,
                                 sources, b->ctx);
    snprintf(b->nodes->obstacle, sizeof b->nodes->obstacle,
             "Layer %zu%s%.60s is a %s layer%s, which has no form as matrices "
             "and slopes; ask for methods that multiply norms.",
             i, layer->name[0] ? " " : "", layer->name, lip_layer_type(layer),
             layer->kind->steps ? " of large groups" : "");
    return LIP_OK;
}

static enum lip_status add_layer(struct builder *b, size_t i)
{
    const struct lip_layer *layer = &b->network->layer[i];
    size_t sources;
    enum lip_status status = find_sources(b, i, &sources);
    if (status != LIP_OK)
        return status;
    if (lip_layer_changes_nothing(layer)) {
        size_t from = lip_network_source(b->network, i, 0);
        b->map[i] = b->source[0];
        b->put_off[i] = from == LIP_FROM_INPUT ? 0 : b->put_off[from];
        return LIP_OK;
    }
    if (layer->kind->role == LIP_ROLE_ELEMENTWISE)
        return add_neurons(b, i);
    if (layer->kind->role == LIP_ROLE_JOINT)
        return add_joint(b, i, sources);
    return lip_nodes_add(&b->map[i], b->nodes, LIP_NODE_LINEAR, layer->outputs,
                         b->source, sources, layer, b->ctx);
}

enum lip_status lip_nodes_new(struct lip_nodes *out,
                              const struct lip_network *network, bool shapes,
                              struct lip_ctx *ctx)
{
    *out = (struct lip_nodes){.shapes = shapes};
    struct builder b = {.nodes = out, .network = network, .ctx = ctx};
    size_t input;
    enum lip_status status = LIP_OK;
    b.map = lip_calloc(ctx, network->count, sizeof *b.map);
    b.uses = lip_calloc(ctx, network->count, 3 * sizeof *b.uses);
    if (!b.map || !b.uses) {
        status = memory(ctx);
        goto out;
    }
    b.taker = b.uses + network->count;
    b.put_off = b.taker + network->count;
    count_uses(&b);
    status = lip_nodes_add(&input, out, LIP_NODE_INPUT, network->inputs, NULL,
                           0, NULL, ctx);
    for (size_t i = 0; status == LIP_OK && i < network->count; i++) {
        status = add_layer(&b, i);
        if (out->obstacle[0])
            break;
    }
    if (status == LIP_OK)
        out->output = b.map[network->count - 1];
out:
    lip_free(b.source);
    lip_free(b.map);
    lip_free(b.uses);
    if (status != LIP_OK)
        lip_nodes_clear(out);
    return status;
}
