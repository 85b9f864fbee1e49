/* SPDX-License-Identifier: MIT
 *
 * The matrices between the gaps; see unroll.h. */
#include "network/unroll.h"

#include "network/block.h"
#include "network/levels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Gaps times nodes: more would take seconds to lay out. */
static const double MOST_WORK = 4e6;

struct unrolling {
    struct lip_chain *chain;
    struct lip_nodes nodes;
    struct lip_levels levels;
    struct lip_block *block; /* [nodes] */
    bool *needed;            /* [nodes] */
    size_t *target;          /* [nodes] */
    struct lip_ctx *ctx;
};

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status ? ctx->error.status : LIP_NO_MEMORY;
}

/* --- what it will take */

static double measure(const struct lip_network *network, char *reason)
{
    struct lip_nodes nodes;
    struct lip_levels levels;
    double bytes = INFINITY;
    snprintf(reason, 240, "Out of memory while unrolling the network.");
    if (lip_nodes_new(&nodes, network, true, NULL) != LIP_OK)
        return INFINITY;
    double work = (double)nodes.count * (double)nodes.node[nodes.output].level;
    if (nodes.obstacle[0]) {
        snprintf(reason, 240, "%s", nodes.obstacle);
    } else if (work > MOST_WORK) {
        snprintf(reason, 240,
                 "The network has too many layers to be unrolled into "
                 "matrices; ask for methods that multiply norms.");
    } else if (lip_levels_new(&levels, &nodes, NULL) == LIP_OK) {
        bytes = levels.bytes;
        lip_levels_clear(&levels);
    }
    lip_nodes_clear(&nodes);
    return bytes;
}

double lip_unroll_bytes(const struct lip_network *network, char *reason)
{
    char sentence[240];
    double bytes = measure(network, reason ? reason : sentence);
    if (isfinite(bytes) && reason)
        reason[0] = '\0';
    return bytes;
}

/* --- one matrix */

/* What comes out of gap g, as a map of itself. */
static void choose_crossing(struct unrolling *u, size_t g)
{
    const struct lip_crossing *c = &u->levels.crossing[g];
    size_t offset = 0;
    for (size_t k = 0; k < c->nodes; k++) {
        u->block[c->node[k]] =
            (struct lip_block){.chosen = true, .offset = offset};
        offset += u->nodes.node[c->node[k]].width;
    }
}

static void forget(struct unrolling *u)
{
    for (size_t i = 0; i < u->nodes.count; i++) {
        lip_matrix_clear(&u->block[i].stored);
        u->block[i] = (struct lip_block){.radius = 0};
    }
}

/* A node's block as columns of the link, whose exponent is not smaller. */
static void copy_block(struct lip_link *link, size_t at,
                       const struct lip_block *b, size_t width)
{
    size_t from = link->transposed.rows;
    double *to = link->transposed.data + at * from;
    long below = b->exponent - link->exponent;
    double factor = below < -1074 ? 0 : ldexp(1, (int)below);
    if (b->chosen) {
        memset(to, 0, from * width * sizeof *to);
        for (size_t k = 0; k < width; k++)
            to[b->offset + k + k * from] = factor;
    } else {
        for (size_t i = 0; i < from * width; i++)
            to[i] = b->stored.data[i] * factor;
    }
    if (b->radius > 0)
        link->radius =
            lip_add_up(link->radius, lip_mul_up(b->radius, factor) + LIP_TINY);
    if (below < 0) /* some may fall below the smallest double */
        link->radius = lip_add_up(link->radius, LIP_TINY);
}

static enum lip_status assemble(struct unrolling *u, struct lip_link *link,
                                size_t from, size_t targets)
{
    size_t to = 0, at = 0;
    link->exponent = u->block[u->target[0]].exponent;
    for (size_t k = 0; k < targets; k++) {
        long e = u->block[u->target[k]].exponent;
        to += u->nodes.node[u->target[k]].width;
        link->exponent = e > link->exponent ? e : link->exponent;
    }
    enum lip_status status =
        lip_matrix_new(&link->transposed, from, to, u->ctx);
    if (status != LIP_OK)
        return status;
    for (size_t k = 0; k < targets; k++) {
        size_t width = u->nodes.node[u->target[k]].width;
        copy_block(link, at, &u->block[u->target[k]], width);
        at += width;
    }
    lip_link_normalise(link);
    return LIP_OK;
}

static enum lip_status add_link(struct unrolling *u, size_t g)
{
    size_t from = u->levels.crossing[g].width;
    struct lip_link *link = &u->chain->link[g];
    enum lip_status status = LIP_OK;
    choose_crossing(u, g);
    lip_levels_needed(u->needed, &u->levels, &u->nodes, g, u->target);
    for (size_t i = 0; status == LIP_OK && i < u->nodes.count; i++)
        if (u->needed[i])
            status = lip_block_new(u->block, &u->nodes, i, from, u->ctx);
    size_t targets = lip_levels_targets(u->target, &u->levels, &u->nodes, g);
    if (status == LIP_OK)
        status = assemble(u, link, from, targets);
    u->chain->count += status == LIP_OK;
    forget(u);
    return status;
}

static enum lip_status add_gap(struct unrolling *u, size_t g)
{
    const struct lip_crossing *c = &u->levels.crossing[g + 1];
    struct lip_slopes *slope = lip_alloc(u->ctx, c->width, sizeof *slope);
    u->chain->slopes[g] = slope;
    if (!slope)
        return memory(u->ctx);
    for (size_t k = 0; k < c->own; k++) {
        const struct lip_node *n = &u->nodes.node[c->node[k]];
        memcpy(slope, n->slopes, n->width * sizeof *slope);
        slope += n->width;
    }
    for (size_t k = 0; k < c->passes; k++)
        slope[k] = (struct lip_slopes){1, 1};
    u->chain->gap[g].passes = c->passes;
    return LIP_OK;
}

static enum lip_status fill(struct unrolling *u)
{
    enum lip_status status = LIP_OK;
    for (size_t g = 0; status == LIP_OK && g <= u->levels.count; g++) {
        status = add_link(u, g);
        if (status == LIP_OK && g < u->levels.count)
            status = add_gap(u, g);
    }
    return status;
}

enum lip_status lip_unroll(struct lip_chain *chain,
                           const struct lip_network *network,
                           struct lip_ctx *ctx)
{
    struct unrolling u = {.chain = chain, .ctx = ctx};
    enum lip_status status = lip_nodes_new(&u.nodes, network, false, ctx);
    if (status != LIP_OK)
        return status;
    if (u.nodes.obstacle[0]) {
        status = lip_fail(ctx, LIP_UNPROVEN, "%s", u.nodes.obstacle);
        goto out;
    }
    status = lip_levels_new(&u.levels, &u.nodes, ctx);
    if (status != LIP_OK)
        goto out;
    u.block = lip_calloc(ctx, u.nodes.count, sizeof *u.block);
    u.needed = lip_alloc(ctx, u.nodes.count, sizeof *u.needed);
    u.target = lip_alloc(ctx, u.nodes.count, sizeof *u.target);
    status = u.block && u.needed && u.target
                 ? lip_chain_room(chain, u.levels.count + 1, ctx)
                 : memory(ctx);
    if (status == LIP_OK)
        status = fill(&u);
out:
    lip_free(u.block);
    lip_free(u.needed);
    lip_free(u.target);
    lip_levels_clear(&u.levels);
    lip_nodes_clear(&u.nodes);
    return status;
}
