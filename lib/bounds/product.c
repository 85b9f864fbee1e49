/* SPDX-License-Identifier: MIT
 *
 * The rules for constants over a graph, the choice of what is folded, and how
 * the value splits. */
#include "bounds/product.h"

#include "bounds/region.h"
#include "bounds/segment.h"
#include "bounds/support.h"

#include <string.h>

/* A chain of linear layers is bounded in pieces of that many. */
enum { LONGEST = LIP_MAX_FOLD / 2 };

/* What the least bound of a layer is made of. */
enum rule {
    UNSEEN,  /* within a fold: not needed by itself */
    VECTOR,  /* factor |(L_j)_j|_p over its sources */
    WEIGHTS, /* sum_j block_j L_j */
    FOLD     /* sum over segments first .. end - 1 of norm L_from */
};

struct node {
    enum rule rule;
    struct lip_big bound, factor;
    struct lip_big *block; /* WEIGHTS: [sources] */
    size_t first, end;     /* FOLD */
};

struct builder {
    const struct lip_network *network;
    enum lip_norm p;
    struct lip_layer_norms norms;
    struct node *node;    /* [count] */
    bool *end;            /* its bound is needed */
    unsigned char *depth; /* linear layers in a row up to here */
    struct lip_segment *segment;
    size_t count, room;
    struct lip_ctx *ctx;
};

static enum lip_status no_memory(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

/* Linear but for a shift, or nothing at all. */
static bool is_linear(const struct lip_network *network, size_t i)
{
    enum lip_layer_role role = network->layer[i].kind->role;
    return role == LIP_ROLE_LINEAR || role == LIP_ROLE_RESHAPE;
}

static bool has_several(const struct lip_network *network, size_t i)
{
    return lip_network_sources(network, i) > 1;
}

/* --- segments under construction */

static enum lip_status new_segment(struct builder *b, struct lip_segment **out)
{
    if (b->count == b->room) {
        size_t room = b->room ? 2 * b->room : 16;
        struct lip_segment *grown =
            lip_realloc(b->ctx, b->segment, room, sizeof *grown);
        if (!grown)
            return no_memory(b->ctx);
        b->segment = grown;
        b->room = room;
    }
    *out = &b->segment[b->count];
    **out = (struct lip_segment){
        .norm = LIP_BIG_NONE, .method = "product", .sensitivity = -1};
    return LIP_OK;
}

static void drop_segments(struct builder *b, size_t first)
{
    while (b->count > first)
        lip_free(b->segment[--b->count].layer);
}

static struct lip_big bound_of(const struct builder *b, size_t layer)
{
    return layer == LIP_FROM_INPUT ? lip_big_make(1, 0) : b->node[layer].bound;
}

/* Appends the segment of the linear layers of a path and bounds it. */
static enum lip_status append(struct builder *b, size_t from,
                              const size_t *path, size_t paths)
{
    struct lip_segment *segment;
    enum lip_status status = new_segment(b, &segment);
    if (status != LIP_OK)
        return status;
    segment->from = from;
    segment->before = bound_of(b, from);
    segment->to = path[paths - 1];
    segment->layer = lip_alloc(b->ctx, paths, sizeof *segment->layer);
    if (!segment->layer)
        return no_memory(b->ctx);
    b->count++;
    for (size_t i = 0; i < paths; i++)
        if (b->network->layer[path[i]].kind->role == LIP_ROLE_LINEAR)
            segment->layer[segment->layers++] = path[i];
    return lip_segment_bound(segment, path, paths, &b->norms, b->ctx);
}

/* --- bounds of layers */

/* Once for each layer among the sources of i: j is the first of its kind. */
static bool is_first(const struct lip_network *network, size_t i, size_t j)
{
    for (size_t k = 0; k < j; k++)
        if (lip_network_source(network, i, k) ==
            lip_network_source(network, i, j))
            return false;
    return true;
}

/* |(L_j)_j|_p over all sources, as often as each is one. */
static struct lip_big vector_norm(const struct builder *b, size_t i)
{
    struct lip_big sum = {0, 0};
    for (size_t j = 0; j < lip_network_sources(b->network, i); j++) {
        struct lip_big x = bound_of(b, lip_network_source(b->network, i, j));
        if (b->p == LIP_NORM_INF)
            sum = lip_big_less(sum, x) ? x : sum;
        else
            sum = lip_big_add(sum, b->p == LIP_NORM_2 ? lip_big_mul(x, x) : x);
    }
    /* One number alone is not squared for nothing. */
    if (!has_several(b->network, i))
        return bound_of(b, lip_network_source(b->network, i, 0));
    return b->p == LIP_NORM_2 ? lip_big_sqrt(sum) : sum;
}

/* The least of what is there and what a rule gives; true where it is that. */
static bool offer(struct node *node, enum rule rule, struct lip_big bound)
{
    if (!lip_big_known(bound) ||
        (node->rule != UNSEEN && !lip_big_less(bound, node->bound)))
        return false;
    node->rule = rule;
    node->bound = bound;
    return true;
}

/* sum of norm L_from over segments first .. count - 1 */
static struct lip_big sum_segments(const struct builder *b, size_t first)
{
    struct lip_big sum = {0, 0};
    for (size_t s = first; s < b->count; s++) {
        if (!lip_big_known(b->segment[s].norm))
            return LIP_BIG_NONE;
        sum = lip_big_add(sum, lip_big_mul(b->segment[s].norm,
                                           bound_of(b, b->segment[s].from)));
    }
    return sum;
}

/* Takes the segments from `first` on if they are better than what is there;
 * drops them if not. */
static void offer_segments(struct builder *b, size_t i, size_t first)
{
    struct node *node = &b->node[i];
    if (offer(node, FOLD, sum_segments(b, first))) {
        node->first = first;
        node->end = b->count;
    } else {
        drop_segments(b, first);
    }
}

/* A layer of several sources by itself. */
static enum lip_status by_sources(struct builder *b, size_t i)
{
    const struct lip_network *network = b->network;
    struct node *node = &b->node[i];
    size_t sources = lip_network_sources(network, i);
    struct lip_big sum = {0, 0};
    node->block = lip_calloc(b->ctx, sources, sizeof *node->block);
    if (!node->block)
        return no_memory(b->ctx);
    enum lip_status status =
        lip_layer_blocks(node->block, network, i, b->p, b->ctx);
    for (size_t j = 0; status == LIP_OK && j < sources; j++) {
        struct lip_big x = bound_of(b, lip_network_source(network, i, j));
        sum = !lip_big_known(sum) || !lip_big_known(node->block[j])
                  ? LIP_BIG_NONE
                  : lip_big_add(sum, lip_big_mul(node->block[j], x));
    }
    if (status != LIP_OK)
        return status;
    offer(node, WEIGHTS, sum);
    const char *method;
    struct lip_big whole;
    status = lip_layer_norms_of(&whole, &method, &b->norms, i, b->ctx);
    if (status != LIP_OK || !lip_big_known(whole))
        return status;
    if (offer(node, VECTOR, lip_big_mul(whole, vector_norm(b, i))))
        node->factor = whole;
    return LIP_OK;
}

/* Back through linear layers of one source each, up to where their bound is
 * known by itself. */
static enum lip_status by_chain(struct builder *b, size_t i)
{
    size_t path[LIP_MAX_FOLD], count = 0, at = i, first = b->count;
    do {
        path[LIP_MAX_FOLD - ++count] = at;
        at = lip_network_source(b->network, at, 0);
    } while (lip_linear_at(b->network, at) && !has_several(b->network, at) &&
             b->depth[at] % LONGEST != 0);
    enum lip_status status = append(b, at, path + LIP_MAX_FOLD - count, count);
    if (status == LIP_OK)
        offer_segments(b, i, first);
    return status;
}

/* --- folds of all paths */

/* Whether the sum over segments can be less than what the layers' own rules
 * give. */
static bool worth_folding(const struct lip_region *r,
                          const struct lip_network *network, size_t i)
{
    size_t path[LIP_MAX_FOLD], paths;
    if (!has_several(network, i))
        return true;
    for (size_t k = 0; k < r->begins; k++)
        if (lip_region_paths(path, &paths, r, network, r->begin[k]) > 1)
            return true;
    return false;
}

static enum lip_status by_region(struct builder *b, size_t i)
{
    struct lip_region r;
    size_t first = b->count;
    if (!lip_region_find(&r, b->network, i) ||
        !worth_folding(&r, b->network, i))
        return LIP_OK;
    for (size_t k = 0; k < r.begins; k++) {
        size_t path[LIP_MAX_FOLD], paths;
        lip_region_paths(path, &paths, &r, b->network, r.begin[k]);
        enum lip_status status = append(b, r.begin[k], path, paths);
        if (status != LIP_OK)
            return status;
    }
    offer_segments(b, i, first);
    return LIP_OK;
}

/* Whether a chain's path from i begins at another linear layer. */
static bool chain_is_cut(const struct builder *b, size_t i)
{
    const struct lip_segment *s = &b->segment[b->node[i].first];
    return b->node[i].rule != FOLD || lip_linear_at(b->network, s->from);
}

static enum lip_status blame(struct builder *b, size_t i)
{
    const struct lip_layer *layer = &b->network->layer[i];
    const char *quote = *layer->name ? "\"" : "", *comma = *quote ? ", " : "";
    return lip_fail(b->ctx, LIP_UNPROVEN,
                    "Layer %zu (%s%s%s%s%s) has no known constant in the "
                    "%s-norm, so that products of norms say nothing.",
                    i, quote, layer->name, quote, comma, lip_layer_type(layer),
                    lip_norm_name(b->p));
}

static enum lip_status bound_linear(struct builder *b, size_t i)
{
    bool several = has_several(b->network, i);
    enum lip_status status = several ? by_sources(b, i) : by_chain(b, i);
    bool fold =
        b->norms.kind == LIP_PRODUCT_INDUCED && (several || chain_is_cut(b, i));
    if (status == LIP_OK && fold)
        status = by_region(b, i);
    if (status == LIP_OK && b->node[i].rule == UNSEEN)
        status = blame(b, i);
    return status;
}

static enum lip_status bound_layer(struct builder *b, size_t i)
{
    if (is_linear(b->network, i))
        return b->end[i] ? bound_linear(b, i) : LIP_OK;
    double constant = lip_layer_constant(&b->network->layer[i], b->p);
    if (!(constant >= 0 && isfinite(constant)))
        return blame(b, i);
    struct node *node = &b->node[i];
    node->factor = lip_big_make(constant, 0);
    offer(node, VECTOR, lip_big_mul(node->factor, vector_norm(b, i)));
    return LIP_OK;
}

/* --- shares */

static double ratio(struct lip_big part, struct lip_big whole)
{
    if (part.m == 0 || whole.m == 0)
        return 0;
    long e = part.e - whole.e;
    return e < -1000 ? 0
                     : fmin(1, ldexp(part.m / whole.m, (int)(e > 4 ? 4 : e)));
}

static void give(double *share, size_t layer, double part)
{
    if (layer != LIP_FROM_INPUT)
        share[layer] = fmin(1, share[layer] + part);
}

/* d log |x|_p / d log x_j */
static void share_vector(const struct builder *b, double *share, size_t i)
{
    size_t sources = lip_network_sources(b->network, i), largest = 0;
    struct lip_big most = {0, 0}, norm = vector_norm(b, i);
    for (size_t j = 0; j < sources; j++) {
        struct lip_big x = bound_of(b, lip_network_source(b->network, i, j));
        if (j == 0 || lip_big_less(most, x)) {
            most = x;
            largest = j;
        }
    }
    for (size_t j = 0; j < sources; j++) {
        size_t s = lip_network_source(b->network, i, j);
        double r = ratio(bound_of(b, s), norm);
        double part = sources == 1           ? 1
                      : b->p == LIP_NORM_INF ? j == largest
                      : b->p == LIP_NORM_2   ? r * r
                                             : r;
        give(share, s, share[i] * part);
    }
}

static void share_layer(struct builder *b, double *share, size_t i)
{
    const struct node *node = &b->node[i];
    for (size_t s = node->first; s < node->end; s++) {
        struct lip_segment *segment = &b->segment[s];
        struct lip_big part =
            lip_big_mul(segment->norm, bound_of(b, segment->from));
        segment->sensitivity = node->end == node->first + 1
                                   ? share[i]
                                   : share[i] * ratio(part, node->bound);
        give(share, segment->from, segment->sensitivity);
    }
    if (node->rule == VECTOR)
        share_vector(b, share, i);
    for (size_t j = 0;
         node->rule == WEIGHTS && j < lip_network_sources(b->network, i); j++) {
        size_t s = lip_network_source(b->network, i, j);
        if (is_first(b->network, i, j))
            give(share, s,
                 share[i] * ratio(lip_big_mul(node->block[j], bound_of(b, s)),
                                  node->bound));
    }
}

/* Back from the output over the rules that were chosen: the segments that it
 * rests on are moved to the front, others dropped. */
static void keep_segments(struct builder *b, struct lip_product *out)
{
    size_t count = b->network->count, kept = 0;
    bool *used = b->end; /* no longer needed */
    memset(used, 0, count * sizeof *used);
    used[count - 1] = true;
    out->sensitivity[count - 1] = 1;
    for (size_t i = count; i-- > 0;) {
        const struct node *node = &b->node[i];
        if (!used[i])
            continue;
        share_layer(b, out->sensitivity, i);
        for (size_t s = node->first; s < node->end; s++)
            if (node->rule == FOLD && b->segment[s].from != LIP_FROM_INPUT)
                used[b->segment[s].from] = true;
        for (size_t j = 0;
             node->rule != FOLD && j < lip_network_sources(b->network, i);
             j++) {
            size_t source = lip_network_source(b->network, i, j);
            if (source != LIP_FROM_INPUT)
                used[source] = true;
        }
    }
    for (size_t s = 0; s < b->count; s++) {
        struct lip_segment segment = b->segment[s];
        if (segment.sensitivity >= 0 && segment.layers)
            b->segment[kept++] = segment;
        else
            lip_free(segment.layer);
    }
    b->count = kept;
}

/* --- all of it */

/* Which bounds are needed: of what other than a linear layer of one source
 * takes, and of every so many linear layers in a row. */
static void plan(struct builder *b)
{
    const struct lip_network *network = b->network;
    bool each = b->norms.kind == LIP_PRODUCT_FROBENIUS;
    b->end[network->count - 1] = true;
    for (size_t i = 0; i < network->count; i++) {
        bool several = has_several(network, i);
        size_t before = lip_network_source(network, i, 0);
        if (is_linear(network, i) && !several) {
            unsigned d =
                lip_linear_at(network, before) ? b->depth[before] + 1u : 1u;
            b->depth[i] = each ? 0 : (unsigned char)(d % LONGEST);
        }
        b->end[i] |= several || b->depth[i] == 0;
        for (size_t j = 0; j < lip_network_sources(network, i); j++) {
            size_t s = lip_network_source(network, i, j);
            if (s != LIP_FROM_INPUT && (several || !is_linear(network, i)))
                b->end[s] = true;
        }
    }
}

static enum lip_status builder_new(struct builder *b, struct lip_product **out,
                                   struct lip_ctx *ctx)
{
    size_t count = b->network->count;
    *out = lip_calloc(ctx, 1, sizeof **out);
    b->node = lip_calloc(ctx, count, sizeof *b->node);
    b->end = lip_calloc(ctx, count, sizeof *b->end);
    b->depth = lip_calloc(ctx, count, sizeof *b->depth);
    if (!*out || !b->node || !b->end || !b->depth)
        return no_memory(ctx);
    (*out)->sensitivity = lip_calloc(ctx, count, sizeof *(*out)->sensitivity);
    (*out)->constant = lip_calloc(ctx, count, sizeof *(*out)->constant);
    (*out)->share = lip_calloc(ctx, count, sizeof *(*out)->share);
    return (*out)->sensitivity && (*out)->constant && (*out)->share
               ? LIP_OK
               : no_memory(ctx);
}

static void builder_clear(struct builder *b)
{
    for (size_t i = 0; b->node && i < b->network->count; i++)
        lip_free(b->node[i].block);
    lip_free(b->node);
    lip_free(b->end);
    lip_free(b->depth);
    lip_layer_norms_clear(&b->norms);
}

/* Weights first, then their parts of the sum. */
static void split(struct builder *b, struct lip_product *out)
{
    double sum = 0;
    for (size_t s = 0; s < b->count; s++) {
        struct lip_segment *segment = &b->segment[s];
        segment->share = lip_factor_weight(segment->norm, segment->sensitivity);
        sum += segment->share;
    }
    for (size_t i = 0; i < b->network->count; i++) {
        out->share[i] =
            is_linear(b->network, i)
                ? NAN
                : lip_factor_weight(b->node[i].factor, out->sensitivity[i]);
        sum += isnan(out->share[i]) ? 0 : out->share[i];
    }
    for (size_t s = 0; s < b->count; s++)
        b->segment[s].share = sum > 0 ? b->segment[s].share / sum : NAN;
    for (size_t i = 0; i < b->network->count; i++)
        out->share[i] = sum > 0 ? out->share[i] / sum : NAN;
}

static void finish(struct builder *b, struct lip_product *out)
{
    size_t count = b->network->count;
    keep_segments(b, out);
    split(b, out);
    out->value = b->node[count - 1].bound;
    for (size_t i = 0; i < count; i++) {
        bool linear = is_linear(b->network, i);
        out->constant[i] = linear ? NAN : lip_big_double(b->node[i].factor);
        out->sensitivity[i] = linear ? NAN : out->sensitivity[i];
    }
}

enum lip_status lip_product_new(struct lip_product **out,
                                const struct lip_network *network,
                                enum lip_norm p, enum lip_product_norm kind,
                                struct lip_ctx *ctx)
{
    struct builder b = {.network = network, .p = p, .ctx = ctx};
    enum lip_status status = builder_new(&b, out, ctx);
    if (status == LIP_OK)
        status = lip_layer_norms_new(&b.norms, network, p, kind, ctx);
    if (status == LIP_OK)
        plan(&b);
    for (size_t i = 0; status == LIP_OK && i < network->count; i++) {
        status = lip_tick(ctx, "norms of layers", (double)i,
                          (double)network->count, NAN);
        if (status == LIP_OK)
            status = bound_layer(&b, i);
    }
    if (status == LIP_OK)
        finish(&b, *out);
    if (*out) {
        (*out)->segment = b.segment;
        (*out)->count = b.count;
        (*out)->norm = b.norms.norm;
        b.norms.norm = NULL;
        (*out)->p = p;
        (*out)->layers = network->count;
    }
    builder_clear(&b);
    if (status == LIP_OK)
        return LIP_OK;
    lip_product_free(*out);
    *out = NULL;
    return status;
}

void lip_product_free(struct lip_product *product)
{
    if (!product)
        return;
    for (size_t s = 0; s < product->count; s++)
        lip_free(product->segment[s].layer);
    lip_free(product->segment);
    lip_free(product->sensitivity);
    lip_free(product->constant);
    lip_free(product->share);
    lip_free(product->norm);
    lip_free(product);
}
