/* SPDX-License-Identifier: MIT
 *
 * Crossings, from the last gap to the first: what is needed behind a gap and
 * is older than its neurons has to cross it. */
#include "network/levels.h"

#include <string.h>

struct planner {
    struct lip_levels *levels;
    const struct lip_nodes *nodes;
    bool *needed, *crosses, *leaf;
    size_t *list;
    struct lip_ctx *ctx;
};

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status ? ctx->error.status : LIP_NO_MEMORY;
}

size_t lip_levels_targets(size_t *target, const struct lip_levels *levels,
                          const struct lip_nodes *nodes, size_t g)
{
    if (g == levels->count) {
        *target = nodes->output;
        return 1;
    }
    const struct lip_crossing *next = &levels->crossing[g + 1];
    for (size_t k = 0; k < next->nodes; k++)
        target[k] = k < next->own ? nodes->node[next->node[k]].source[0]
                                  : next->node[k];
    return next->nodes;
}

static void mark_sources(bool *needed, const struct lip_node *n)
{
    for (size_t k = 0; k < n->sources; k++)
        needed[n->source[k]] = true;
}

void lip_levels_needed(bool *needed, const struct lip_levels *levels,
                       const struct lip_nodes *nodes, size_t g, size_t *work)
{
    size_t count = lip_levels_targets(work, levels, nodes, g);
    const struct lip_crossing *from = &levels->crossing[g];
    memset(needed, 0, nodes->count * sizeof *needed);
    for (size_t k = 0; k < count; k++)
        needed[work[k]] = true;
    memset(work, 0, nodes->count * sizeof *work);
    for (size_t k = 0; k < from->nodes; k++)
        work[from->node[k]] = 1;
    for (size_t i = nodes->count; i-- > 0;) {
        if (work[i])
            needed[i] = false;
        else if (needed[i])
            mark_sources(needed, &nodes->node[i]);
    }
}

/* The nodes older than level g that those marked, and so needed as a map of
 * what comes out of gap g, lead to: they stay marked, others do not. */
static void older(struct planner *p, size_t g)
{
    for (size_t i = p->nodes->count; i-- > 0;) {
        const struct lip_node *n = &p->nodes->node[i];
        if (!p->needed[i] || n->level < g)
            continue;
        p->needed[i] = false;
        if (n->kind == LIP_NODE_LINEAR)
            mark_sources(p->needed, n);
    }
}

/* What else would have to cross in the place of linear node i: neurons and
 * inputs, marked in p->leaf; how many numbers those are. */
static double leaves(struct planner *p, size_t i)
{
    double width = 0;
    memset(p->leaf, 0, p->nodes->count * sizeof *p->leaf);
    p->leaf[i] = true;
    for (size_t j = i + 1; j-- > 0;) {
        const struct lip_node *n = &p->nodes->node[j];
        if (!p->leaf[j])
            continue;
        if (p->crosses[j] || n->kind == LIP_NODE_LINEAR)
            p->leaf[j] = false;
        if (p->crosses[j])
            continue;
        if (n->kind == LIP_NODE_LINEAR)
            mark_sources(p->leaf, n);
        else
            width += (double)n->width;
    }
    return width;
}

/* From what is marked as needed behind gap g to what crosses it. */
static void choose(struct planner *p)
{
    for (size_t i = 0; i < p->nodes->count; i++)
        p->crosses[i] =
            p->needed[i] && p->nodes->node[i].kind != LIP_NODE_LINEAR;
    for (size_t i = 0; i < p->nodes->count; i++) {
        if (!p->needed[i] || p->crosses[i])
            continue;
        if (leaves(p, i) > (double)p->nodes->node[i].width) {
            p->crosses[i] = true;
            continue;
        }
        for (size_t j = 0; j < i; j++)
            p->crosses[j] = p->crosses[j] || p->leaf[j];
    }
}

static enum lip_status set_crossing(struct planner *p, size_t g)
{
    struct lip_crossing *c = &p->levels->crossing[g];
    const struct lip_nodes *nodes = p->nodes;
    c->node = lip_alloc(p->ctx, nodes->count, sizeof *c->node);
    if (!c->node)
        return memory(p->ctx);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < nodes->count; i++) {
            const struct lip_node *n = &nodes->node[i];
            bool own = n->level == g && n->kind != LIP_NODE_LINEAR;
            if (pass == 0 ? !own : own || !p->crosses[i])
                continue;
            c->node[c->nodes++] = i;
            c->own += own;
            c->width += n->width;
            c->passes += own ? 0 : n->width;
        }
    return LIP_OK;
}

/* Marks what matrix g gives, and so is needed behind gap g. */
static void behind(struct planner *p, size_t g)
{
    size_t count = lip_levels_targets(p->list, p->levels, p->nodes, g);
    memset(p->needed, 0, p->nodes->count * sizeof *p->needed);
    for (size_t k = 0; k < count; k++)
        p->needed[p->list[k]] = true;
}

/* Bytes of matrix g and, apart, of the products that it is put together from.
 */
static double measure(struct planner *p, size_t g, double *work)
{
    struct lip_levels *levels = p->levels;
    const struct lip_nodes *nodes = p->nodes;
    double from = (double)levels->crossing[g].width;
    double to = g < levels->count ? (double)levels->crossing[g + 1].width
                                  : (double)nodes->node[nodes->output].width;
    double products = 0;
    lip_levels_needed(p->needed, levels, nodes, g, p->list);
    for (size_t i = 0; i < nodes->count; i++)
        products += p->needed[i] ? (double)nodes->node[i].width : 0;
    *work = 8 * from * products;
    return 8 * from * to + 16 * to;
}

static enum lip_status plan(struct planner *p)
{
    struct lip_levels *levels = p->levels;
    double most = 0, work;
    for (size_t g = levels->count + 1; g-- > 0;) {
        behind(p, g);
        older(p, g);
        choose(p);
        enum lip_status status = set_crossing(p, g);
        if (status != LIP_OK)
            return status;
    }
    for (size_t g = 0; g <= levels->count; g++) {
        levels->bytes += measure(p, g, &work);
        most = work > most ? work : most;
    }
    levels->bytes += most;
    return LIP_OK;
}

enum lip_status lip_levels_new(struct lip_levels *out,
                               const struct lip_nodes *nodes,
                               struct lip_ctx *ctx)
{
    size_t n = nodes->count;
    *out = (struct lip_levels){.count = nodes->node[nodes->output].level};
    struct planner p = {.levels = out, .nodes = nodes, .ctx = ctx};
    p.needed = lip_calloc(ctx, n, 3 * sizeof *p.needed);
    p.list = lip_alloc(ctx, n, sizeof *p.list);
    out->crossing = lip_calloc(ctx, out->count + 1, sizeof *out->crossing);
    enum lip_status status = LIP_OK;
    if (!p.needed || !p.list || !out->crossing) {
        status = memory(ctx);
        goto out;
    }
    p.crosses = p.needed + n;
    p.leaf = p.crosses + n;
    status = plan(&p);
out:
    lip_free(p.needed);
    lip_free(p.list);
    if (status != LIP_OK)
        lip_levels_clear(out);
    return status;
}

void lip_levels_clear(struct lip_levels *levels)
{
    for (size_t g = 0; levels->crossing && g <= levels->count; g++)
        lip_free(levels->crossing[g].node);
    lip_free(levels->crossing);
    *levels = (struct lip_levels){0};
}
