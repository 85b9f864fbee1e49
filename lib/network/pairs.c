/* SPDX-License-Identifier: MIT
 *
 * Layers that compare numbers, as pairs: with s = (a + b)/2 and d = (a - b)/2,
 *
 *     max(a, b) = s + |d|,   min(a, b) = s - |d|.
 *
 * The largest of c numbers takes log2(c) such stages: those of one stage are
 * pairs and, where a window has an odd count, one that is handed on. Sorting is
 * stages of pairs, too, and a Householder layer one of turned pairs. */
#include "network/nodes.h"

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status ? ctx->error.status : LIP_NO_MEMORY;
}

static void set_row(struct lip_node *n, size_t k, size_t a, double x, size_t b,
                    double y)
{
    n->column[2 * k] = a;
    n->value[2 * k] = x;
    n->column[2 * k + 1] = b;
    n->value[2 * k + 1] = y;
}

/* Numbers of `sources` nodes that a stage compares, and where they are: those
 * of output k are item[first[k]] .. item[first[k + 1] - 1]. */
struct stage {
    struct lip_nodes *nodes;
    const size_t *source;
    size_t sources, outputs, *first,
        *item;   /* NULL where only shapes are wanted: */
    size_t each; /* then every output has so many */
    struct lip_ctx *ctx;
};

static size_t items(const struct stage *s, size_t k)
{
    return s->first ? s->first[k + 1] - s->first[k] : s->each;
}

/* Pairs of all outputs, and the most items of one. */
static size_t count_pairs(const struct stage *s, size_t *halves, size_t *most)
{
    size_t pairs = 0;
    *halves = *most = 0;
    if (!s->first) {
        *most = s->each;
        *halves = s->outputs * ((s->each + 1) / 2);
        return s->outputs * (s->each / 2);
    }
    for (size_t k = 0; k < s->outputs; k++) {
        size_t n = items(s, k);
        pairs += n / 2;
        *halves += (n + 1) / 2;
        *most = n > *most ? n : *most;
    }
    return pairs;
}

/* The rows of a stage's sums, differences and results, whose numbers the next
 * stage takes in the order in which they come. */
static void fill(struct stage *s, size_t sum, size_t difference, size_t result)
{
    struct lip_node *node = s->nodes->node;
    size_t at = 0, pair = 0, halves = node[sum].width;
    for (size_t k = 0; s->first && k < s->outputs; k++) {
        size_t from = s->first[k], to = s->first[k + 1], begin = at;
        for (; from + 1 < to; from += 2, at++, pair++) {
            size_t a = s->item[from], b = s->item[from + 1];
            set_row(&node[sum], at, a, 0.5, b, 0.5);
            set_row(&node[difference], pair, a, 0.5, b, -0.5);
            set_row(&node[result], at, at, 1, halves + pair, 1);
        }
        if (from < to) {
            set_row(&node[sum], at, s->item[from], 1, LIP_NO_COLUMN, 0);
            set_row(&node[result], at, at, 1, LIP_NO_COLUMN, 0);
            at++;
        }
        s->first[k] = begin;
    }
    if (s->first)
        s->first[s->outputs] = at;
    for (size_t k = 0; s->first && k < at; k++)
        s->item[k] = k; /* no longer than it was */
    s->each = (s->each + 1) / 2;
}

/* Sums and differences on top of the sources, |.|, and the results. */
static enum lip_status add_stage(size_t *out, struct stage *s, size_t pairs,
                                 size_t halves, size_t results)
{
    struct lip_nodes *nodes = s->nodes;
    size_t sum, difference, size;
    enum lip_status status = lip_nodes_add(&sum, nodes, LIP_NODE_LINEAR, halves,
                                           s->source, s->sources, NULL, s->ctx);
    if (status == LIP_OK)
        status = lip_nodes_add(&difference, nodes, LIP_NODE_LINEAR, pairs,
                               s->source, s->sources, NULL, s->ctx);
    if (status == LIP_OK)
        status = lip_nodes_add(&size, nodes, LIP_NODE_NEURONS, pairs,
                               &difference, 1, NULL, s->ctx);
    size_t both[2] = {sum, size};
    if (status == LIP_OK)
        status = lip_nodes_add(out, nodes, LIP_NODE_LINEAR, results, both, 2,
                               NULL, s->ctx);
    if (status != LIP_OK)
        return status;
    struct lip_node *n = &nodes->node[size];
    for (size_t k = 0; n->slopes && k < pairs; k++)
        n->slopes[k] = (struct lip_slopes){-1, 1};
    return LIP_OK;
}

/* Windows of one number each: a choice of numbers. */
static enum lip_status choose(size_t *out, struct stage *s)
{
    enum lip_status status =
        lip_nodes_add(out, s->nodes, LIP_NODE_LINEAR, s->outputs, s->source,
                      s->sources, NULL, s->ctx);
    for (size_t k = 0; status == LIP_OK && s->first && k < s->outputs; k++)
        set_row(&s->nodes->node[*out], k, s->item[k], 1, LIP_NO_COLUMN, 0);
    return status;
}

static enum lip_status reduce(size_t *out, struct stage *s)
{
    size_t halves, most, pairs = count_pairs(s, &halves, &most);
    if (most <= 1)
        return choose(out, s);
    while (most > 1) {
        enum lip_status status = add_stage(out, s, pairs, halves, halves);
        if (status != LIP_OK)
            return status;
        size_t last = s->nodes->count - 1; /* sum, difference, |.|, result */
        fill(s, last - 3, last - 2, last);
        s->source = out;
        s->sources = 1;
        pairs = count_pairs(s, &halves, &most);
    }
    return LIP_OK;
}

/* The windows of the layer. */
static enum lip_status new_windows(struct stage *s,
                                   const struct lip_layer *layer)
{
    size_t *column = lip_alloc(s->ctx, layer->fan_in, sizeof *column);
    size_t total = 0;
    s->first = lip_alloc(s->ctx, s->outputs + 1, sizeof *s->first);
    if (!column || !s->first) {
        lip_free(column);
        return memory(s->ctx);
    }
    for (size_t k = 0; k < s->outputs; k++)
        total += layer->kind->largest_of(layer, k, column);
    s->item = lip_alloc(s->ctx, total, sizeof *s->item);
    total = 0;
    for (size_t k = 0; s->item && k < s->outputs; k++) {
        size_t n = layer->kind->largest_of(layer, k, column);
        s->first[k] = total;
        for (size_t j = 0; j < n; j++)
            s->item[total++] = column[j];
    }
    s->first[s->outputs] = total;
    lip_free(column);
    return s->item ? LIP_OK : memory(s->ctx);
}

enum lip_status lip_nodes_largest(size_t *out, struct lip_nodes *nodes,
                                  const struct lip_layer *layer,
                                  const size_t *source, size_t sources,
                                  struct lip_ctx *ctx)
{
    size_t *copy = lip_alloc(ctx, sources, sizeof *copy);
    if (!copy)
        return memory(ctx);
    for (size_t k = 0; k < sources; k++)
        copy[k] = source[k];
    struct stage s = {.nodes = nodes,
                      .source = copy,
                      .sources = sources,
                      .outputs = layer->outputs,
                      .each = layer->fan_in,
                      .ctx = ctx};
    enum lip_status status = nodes->shapes ? LIP_OK : new_windows(&s, layer);
    if (status == LIP_OK)
        status = reduce(out, &s);
    lip_free(s.first);
    lip_free(s.item);
    lip_free(copy);
    return status;
}

/* Step `step` of a layer made of mirrors, on top of what the stage has: sums
 * and, behind them, numbers that are in no pair; differences; |.|; results. */
static enum lip_status mirror_step(size_t *out, struct stage *s,
                                   const struct lip_layer *layer, size_t step,
                                   struct lip_mirror *pair)
{
    size_t n = layer->inputs, pairs = layer->kind->mirrors(layer, step, pair);
    enum lip_status status = add_stage(out, s, pairs, n - pairs, n);
    if (status != LIP_OK || s->nodes->shapes)
        return status;
    struct lip_node *result = &s->nodes->node[s->nodes->count - 1];
    struct lip_node *sum = result - 3, *difference = result - 2;
    for (size_t k = 0; k < pairs; k++) {
        const struct lip_mirror *m = &pair[k];
        double c = m->cosine * m->scale, d = m->sine * m->scale;
        set_row(sum, k, m->a, m->cosine, m->b, m->sine);
        set_row(difference, k, m->a, m->sine, m->b, -m->cosine);
        set_row(result, m->a, k, c, n - pairs + k, d);
        set_row(result, m->b, k, d, n - pairs + k, -c);
    }
    for (size_t j = 0, k = pairs; j < n; j++) {
        if (result->column[2 * j] != LIP_NO_COLUMN)
            continue;
        set_row(sum, k, j, 1, LIP_NO_COLUMN, 0);
        set_row(result, j, k++, 1, LIP_NO_COLUMN, 0);
    }
    /* In each row both numbers may be off; the length of a row is 1 or more. */
    double off = 1.5 * layer->kind->mirror_error;
    sum->uncertainty = difference->uncertainty = result->uncertainty = off;
    return LIP_OK;
}

enum lip_status lip_nodes_mirrors(size_t *out, struct lip_nodes *nodes,
                                  const struct lip_layer *layer,
                                  const size_t *source, size_t sources,
                                  struct lip_ctx *ctx)
{
    struct lip_mirror *pair = NULL;
    struct stage s = {
        .nodes = nodes, .source = source, .sources = sources, .ctx = ctx};
    if (!nodes->shapes)
        pair = lip_alloc(ctx, layer->inputs / 2 + 1, sizeof *pair);
    enum lip_status status = pair || nodes->shapes ? LIP_OK : memory(ctx);
    size_t steps = lip_layer_steps(layer);
    for (size_t k = 0; status == LIP_OK && k < steps; k++) {
        status = mirror_step(out, &s, layer, k, pair);
        s.source = out;
        s.sources = 1;
    }
    lip_free(pair);
    return status;
}
