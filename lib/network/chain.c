/* SPDX-License-Identifier: MIT
 *
 * From layers to the alternating chain of matrices and slope ranges. */
#include "network/chain.h"

#include "linalg/blas.h"
#include "network/unroll.h"

#include <stdio.h>
#include <string.h>

size_t lip_chain_width(const struct lip_chain *chain, size_t i)
{
    return i < chain->count ? chain->link[i].transposed.rows
                            : chain->link[i - 1].transposed.cols;
}

double lip_chain_steepest(const struct lip_chain *chain, size_t i)
{
    double most = 0;
    for (size_t k = 0; k < lip_chain_width(chain, i + 1); k++) {
        const struct lip_slopes *s = &chain->slopes[i][k];
        most = fmax(most, fmax(fabs(s->lo), fabs(s->hi)));
    }
    return most;
}

double lip_chain_constant(const struct lip_chain *chain, size_t i,
                          enum lip_norm p)
{
    const struct lip_gap *gap = &chain->gap[i];
    return gap->joint ? gap->constant[p] : lip_chain_steepest(chain, i);
}

/* A chain under construction: `turn` says what the last piece was. */
struct builder {
    struct lip_chain *chain;
    bool after_slopes;
    struct lip_ctx *ctx;
};

/* Divides a freshly filled link by the power of two that brings its largest
 * entry into [1/2, 1). What falls below the smallest double is counted in the
 * radius: half of 2^-1074 an entry. */
static void normalise(struct lip_link *link)
{
    struct lip_matrix *m = &link->transposed;
    size_t count = m->rows * m->cols;
    double most = 0, least = INFINITY;
    for (size_t i = 0; i < count; i++) {
        double x = fabs(m->data[i]);
        most = x > most ? x : most;
        least = x > 0 && x < least ? x : least;
    }
    int e = 0;
    frexp(most, &e);
    if (e == 0)
        return;
    double scale = ldexp(1, -e); /* representable: |e| <= 1074 */
    bool plain = isnormal(scale);
    for (size_t i = 0; i < count; i++)
        m->data[i] = plain ? m->data[i] * scale : ldexp(m->data[i], -e);
    link->exponent += e;
    if (ldexp(least, -e) < 0x1p-1022)
        link->radius =
            lip_add_up(link->radius, lip_up(sqrt((double)count)) * 0x1p-1074);
}

void lip_link_normalise(struct lip_link *link)
{
    long before = link->exponent;
    double radius = link->radius;
    link->radius = 0;
    normalise(link);
    if (radius > 0)
        link->radius =
            lip_add_up(link->radius,
                       lip_up(ldexp(radius, (int)(before - link->exponent))));
}

static enum lip_status widen(struct lip_link *link,
                             const struct lip_network *network, size_t i,
                             struct lip_ctx *ctx)
{
    const struct lip_layer *layer = &network->layer[i];
    *link = (struct lip_link){.first = i, .end = i + 1};
    enum lip_status status =
        lip_matrix_new(&link->transposed, layer->inputs, layer->outputs, ctx);
    if (status != LIP_OK)
        return status;
    lip_tensor_widen(link->transposed.data, &layer->weight);
    normalise(link);
    return LIP_OK;
}

/* next <- next * last, with the rounding of the product in the radius:
 * |fl(AB) - AB|_F <= gamma_{k+2} |A|_F |B|_F. */
static enum lip_status multiply(struct lip_link *last, struct lip_link *next,
                                struct lip_ctx *ctx)
{
    struct lip_link product = {.exponent = last->exponent + next->exponent,
                               .first = last->first,
                               .end = next->end};
    const struct lip_matrix *a = &last->transposed, *b = &next->transposed;
    enum lip_status status =
        lip_matrix_new(&product.transposed, a->rows, b->cols, ctx);
    if (status != LIP_OK)
        return status;
    lip_gemm(&product.transposed, a, false, b, false);
    double fa = lip_matrix_frobenius(a), fb = lip_matrix_frobenius(b);
    double rounding = lip_mul_up(lip_gamma(a->cols + 2), lip_mul_up(fa, fb));
    double inherited =
        lip_add_up(lip_mul_up(lip_add_up(fa, last->radius), next->radius),
                   lip_mul_up(fb, last->radius));
    product.radius = lip_add_up(lip_add_up(rounding, inherited), LIP_TINY);
    long before = product.exponent;
    normalise(&product);
    /* The radius is in units of the matrix before it was scaled. */
    product.radius =
        lip_up(ldexp(product.radius, (int)(before - product.exponent)));
    lip_matrix_clear(&last->transposed);
    lip_matrix_clear(&next->transposed);
    *last = product;
    return LIP_OK;
}

static enum lip_status add_linear(struct builder *b, struct lip_link *link)
{
    struct lip_chain *c = b->chain;
    if (c->count > 0 && !b->after_slopes) {
        enum lip_status status = multiply(&c->link[c->count - 1], link, b->ctx);
        if (status != LIP_OK)
            lip_matrix_clear(&link->transposed);
        return status;
    }
    c->link[c->count++] = *link;
    b->after_slopes = false;
    return LIP_OK;
}

static enum lip_status add_identity(struct builder *b, size_t n)
{
    struct lip_link link = {.exponent = 1};
    enum lip_status status = lip_matrix_new(&link.transposed, n, n, b->ctx);
    if (status != LIP_OK)
        return status;
    memset(link.transposed.data, 0, n * n * sizeof(double));
    for (size_t i = 0; i < n; i++)
        link.transposed.data[i * (n + 1)] = 0.5;
    return add_linear(b, &link);
}

/* The slopes of the current gap, [1, 1] where it has just begun. */
static enum lip_status open_gap(struct lip_slopes **out, struct builder *b,
                                size_t n)
{
    struct lip_chain *c = b->chain;
    enum lip_status status = LIP_OK;
    if (c->count == 0)
        status = add_identity(b, n);
    if (status != LIP_OK)
        return status;
    struct lip_slopes **slot = &c->slopes[c->count - 1];
    if (!b->after_slopes) {
        *slot = lip_alloc(b->ctx, n, sizeof **slot);
        if (!*slot)
            return b->ctx ? b->ctx->error.status : LIP_NO_MEMORY;
        for (size_t k = 0; k < n; k++)
            (*slot)[k] = (struct lip_slopes){1, 1};
        b->after_slopes = true;
    }
    *out = *slot;
    return LIP_OK;
}

static enum lip_status overflow(struct builder *b)
{
    return lip_fail(b->ctx, LIP_UNPROVEN,
                    "The slopes of stacked activations overflow.");
}

/* One more factor in the constants of a joint gap; 1 costs no rounding. */
static enum lip_status steepen(struct builder *b, enum lip_norm p,
                               double factor)
{
    double *constant = &b->chain->gap[b->chain->count - 1].constant[p];
    bool exact = factor == 0 || factor == 1 || *constant == 1;
    *constant = exact ? *constant * factor : lip_mul_up(*constant, factor);
    return isfinite(*constant) ? LIP_OK : overflow(b);
}

static enum lip_status steepen_all(struct builder *b, double factor)
{
    enum lip_status status = LIP_OK;
    for (int p = 0; p < LIP_NORM_COUNT && status == LIP_OK; p++)
        status = steepen(b, (enum lip_norm)p, factor);
    return status;
}

static enum lip_status add_slopes(struct builder *b,
                                  const struct lip_layer *layer)
{
    struct lip_slopes s, *slot;
    size_t n = layer->outputs;
    bool fresh = !b->after_slopes;
    double most = 0;
    enum lip_status status = open_gap(&slot, b, n);
    if (status != LIP_OK)
        return status;
    bool joint = b->chain->gap[b->chain->count - 1].joint;
    for (size_t k = 0; k < n; k++) {
        s = lip_layer_slopes(layer, k);
        most = fmax(most, fmax(fabs(s.lo), fabs(s.hi)));
        if (joint)
            continue;
        slot[k] = fresh ? s : lip_slopes_compose(slot[k], s);
        if (!isfinite(slot[k].lo) || !isfinite(slot[k].hi))
            return overflow(b);
    }
    return joint ? steepen_all(b, most) : LIP_OK;
}

/* A joint layer takes numbers to other places: what the slopes before it say
 * of each goes into one constant, and so does all that follows. */
static enum lip_status add_joint(struct builder *b,
                                 const struct lip_layer *layer)
{
    struct lip_slopes *slot;
    struct lip_chain *c = b->chain;
    enum lip_status status = open_gap(&slot, b, layer->inputs);
    if (status != LIP_OK)
        return status;
    struct lip_gap *gap = &c->gap[c->count - 1];
    if (!gap->joint) {
        double before = lip_chain_steepest(c, c->count - 1);
        *gap = (struct lip_gap){true, {before, before, before}, 0};
        for (size_t k = 0; k < layer->inputs; k++)
            slot[k] = (struct lip_slopes){0, INFINITY};
        c->joint = true;
    }
    for (int p = 0; p < LIP_NORM_COUNT && status == LIP_OK; p++)
        status = steepen(b, (enum lip_norm)p,
                         layer->kind->constant(layer, (enum lip_norm)p));
    return status;
}

static enum lip_status add_layer(struct builder *b,
                                 const struct lip_network *network, size_t i)
{
    const struct lip_layer *layer = &network->layer[i];
    struct lip_link link;
    enum lip_status status = LIP_OK;
    if (lip_layer_changes_nothing(layer))
        return LIP_OK;
    if (layer->kind->role == LIP_ROLE_LINEAR) {
        status = widen(&link, network, i, b->ctx);
        if (status == LIP_OK)
            status = add_linear(b, &link);
    } else if (layer->kind->role == LIP_ROLE_ELEMENTWISE) {
        status = add_slopes(b, layer);
    } else if (layer->kind->role == LIP_ROLE_JOINT) {
        status = add_joint(b, layer);
    }
    return status;
}

static enum lip_status build(struct builder *b,
                             const struct lip_network *network)
{
    for (size_t i = 0; i < network->count; i++) {
        enum lip_status status = add_layer(b, network, i);
        if (status != LIP_OK)
            return status;
    }
    /* Layers that change nothing, as of a part of a network, are one too. */
    bool open = b->after_slopes || b->chain->count == 0;
    return open ? add_identity(b, network->outputs) : LIP_OK;
}

static bool is_zero(const struct lip_link *link)
{
    const struct lip_matrix *m = &link->transposed;
    for (size_t i = 0; i < m->rows * m->cols; i++)
        if (m->data[i] != 0)
            return false;
    return link->radius == 0;
}

/* What is known of the finished chain. */
static void summarise(struct lip_chain *chain)
{
    chain->inputs = lip_chain_width(chain, 0);
    chain->outputs = lip_chain_width(chain, chain->count);
    chain->widest = 0;
    chain->zero = false;
    for (size_t i = 0; i <= chain->count; i++) {
        size_t n = lip_chain_width(chain, i);
        chain->widest = n > chain->widest ? n : chain->widest;
        if (i < chain->count && is_zero(&chain->link[i]))
            chain->zero = true;
        if (i + 1 < chain->count &&
            lip_chain_constant(chain, i, LIP_NORM_2) == 0)
            chain->zero = true;
    }
}

enum lip_status lip_chain_room(struct lip_chain *chain, size_t links,
                               struct lip_ctx *ctx)
{
    chain->link = lip_calloc(ctx, links, sizeof *chain->link);
    chain->slopes = lip_calloc(ctx, links, sizeof *chain->slopes);
    chain->gap = lip_calloc(ctx, links, sizeof *chain->gap);
    if (chain->link && chain->slopes && chain->gap)
        return LIP_OK;
    return ctx && ctx->error.status ? ctx->error.status : LIP_NO_MEMORY;
}

static struct lip_chain *empty(size_t links, struct lip_ctx *ctx)
{
    struct lip_chain *chain = lip_calloc(ctx, 1, sizeof *chain);
    if (!chain)
        return NULL;
    if (lip_chain_room(chain, links, ctx) != LIP_OK) {
        lip_chain_free(chain);
        return NULL;
    }
    return chain;
}

/* A chain without matrices, and why. */
static enum lip_status new_layered(struct lip_chain **out,
                                   const struct lip_network *network,
                                   const char *obstacle, struct lip_ctx *ctx)
{
    struct lip_chain *chain = lip_calloc(ctx, 1, sizeof *chain);
    if (!chain)
        return ctx && ctx->error.status ? ctx->error.status : LIP_NO_MEMORY;
    chain->network = network;
    chain->inputs = chain->widest = network->inputs;
    chain->outputs = network->outputs;
    for (size_t i = 0; i < network->count; i++)
        if (network->layer[i].outputs > chain->widest)
            chain->widest = network->layer[i].outputs;
    snprintf(chain->obstacle, sizeof chain->obstacle, "%s", obstacle);
    *out = chain;
    return LIP_OK;
}

static enum lip_status new_unrolled(struct lip_chain **out,
                                    const struct lip_network *network,
                                    struct lip_ctx *ctx)
{
    struct lip_chain *chain = lip_calloc(ctx, 1, sizeof *chain);
    if (!chain)
        return ctx && ctx->error.status ? ctx->error.status : LIP_NO_MEMORY;
    enum lip_status status = lip_unroll(chain, network, ctx);
    if (status == LIP_OK) {
        summarise(chain);
        chain->network = network;
        chain->unrolled = true;
        *out = chain;
        return LIP_OK;
    }
    lip_chain_free(chain);
    if (status == LIP_TIMEOUT || status == LIP_CANCELLED)
        return status;
    char obstacle[240];
    snprintf(obstacle, sizeof obstacle, "%.239s",
             ctx ? ctx->error.detail : "Out of memory while unrolling.");
    lip_error_clear(ctx);
    return new_layered(out, network, obstacle, ctx);
}

bool lip_chain_has_plain(const struct lip_network *network)
{
    double squares = 0;
    bool joint = false;
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        if (layer->kind->role != LIP_ROLE_JOINT ||
            lip_layer_changes_nothing(layer))
            continue;
        size_t steps = lip_layer_steps(layer);
        if (steps == LIP_NO_STEPS)
            return false;
        squares +=
            (double)steps * (double)layer->inputs * (double)layer->inputs;
        joint = true;
    }
    return joint && squares <= 1e6 + 4 * (double)network->parameters;
}

static enum lip_status new_dense(struct lip_chain **out,
                                 const struct lip_network *network,
                                 struct lip_ctx *ctx)
{
    /* At most two matrices a layer, and an identity at either end. */
    struct lip_chain *chain = empty(2 * network->count + 2, ctx);
    if (!chain)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    struct builder b = {chain, false, ctx};
    enum lip_status status = build(&b, network);
    if (status == LIP_OK) {
        summarise(chain);
        chain->network = network;
        chain->unrolled = chain->dense = true;
        if (lip_chain_has_plain(network))
            status = new_unrolled(&chain->plain, network, ctx);
    }
    if (status == LIP_OK)
        *out = chain;
    else
        lip_chain_free(chain);
    return status;
}

static enum lip_status new_whole(struct lip_chain **out,
                                 const struct lip_network *network,
                                 double bytes, struct lip_ctx *ctx)
{
    char obstacle[240];
    if (lip_network_is_dense(network))
        return new_dense(out, network, ctx);
    double needed = lip_unroll_bytes(network, obstacle);
    if (needed <= bytes)
        return new_unrolled(out, network, ctx);
    if (isfinite(needed))
        snprintf(obstacle, sizeof obstacle,
                 "As matrices the network would take %.3g bytes, over the "
                 "limit of %.3g; ask for methods that multiply norms.",
                 needed, bytes);
    return new_layered(out, network, obstacle, ctx);
}

/* A body of which no method knows more than of the whole is none. */
static bool is_of_use(const struct lip_chain *body)
{
    return !body->joint || body->plain;
}

/* What comes before layers that have no form as matrices. */
static enum lip_status add_body(struct lip_chain *chain,
                                const struct lip_network *network, double bytes,
                                struct lip_ctx *ctx)
{
    if (!lip_closing_find(&chain->closing, network))
        return LIP_OK;
    chain->part = lip_closing_body(&chain->closing, network);
    enum lip_status status = new_whole(&chain->body, &chain->part, bytes, ctx);
    if (status != LIP_OK || is_of_use(chain->body))
        return status;
    lip_chain_free(chain->body);
    chain->body = NULL;
    return LIP_OK;
}

enum lip_status lip_chain_new_within(struct lip_chain **out,
                                     const struct lip_network *network,
                                     double bytes, struct lip_ctx *ctx)
{
    struct lip_chain *chain;
    enum lip_status status = new_whole(&chain, network, bytes, ctx);
    if (status != LIP_OK)
        return status;
    status = add_body(chain, network, bytes, ctx);
    if (status == LIP_OK)
        *out = chain;
    else
        lip_chain_free(chain);
    return status;
}

enum lip_status lip_chain_new(struct lip_chain **out,
                              const struct lip_network *network,
                              struct lip_ctx *ctx)
{
    return lip_chain_new_within(out, network, LIP_UNROLL_BYTES, ctx);
}

static enum lip_status transpose_link(struct lip_link *to,
                                      const struct lip_link *from,
                                      struct lip_ctx *ctx)
{
    const struct lip_matrix *a = &from->transposed;
    *to = *from;
    enum lip_status status =
        lip_matrix_new(&to->transposed, a->cols, a->rows, ctx);
    if (status != LIP_OK)
        return status;
    for (size_t j = 0; j < a->cols; j++)
        for (size_t i = 0; i < a->rows; i++)
            to->transposed.data[j + i * a->cols] = a->data[i + j * a->rows];
    return LIP_OK;
}

enum lip_status lip_chain_transpose(struct lip_chain **out,
                                    const struct lip_chain *chain,
                                    struct lip_ctx *ctx)
{
    struct lip_chain *back = empty(chain->count, ctx);
    enum lip_status status = back ? LIP_OK : LIP_NO_MEMORY;
    if (back) {
        back->unrolled = true;
        back->dense = chain->dense;
    }
    for (size_t i = 0; status == LIP_OK && i < chain->count; i++) {
        size_t from = chain->count - 1 - i;
        status = transpose_link(&back->link[i], &chain->link[from], ctx);
        if (status == LIP_OK)
            back->count++;
        if (status != LIP_OK || from == 0)
            continue;
        size_t n = lip_chain_width(chain, from);
        back->joint = chain->joint;
        back->gap[i].joint = chain->gap[from - 1].joint;
        back->gap[i].passes = chain->gap[from - 1].passes;
        for (int p = 0; p < LIP_NORM_COUNT; p++)
            back->gap[i].constant[lip_norm_dual((enum lip_norm)p)] =
                chain->gap[from - 1].constant[p];
        back->slopes[i] = lip_alloc(ctx, n, sizeof **back->slopes);
        if (back->slopes[i])
            memcpy(back->slopes[i], chain->slopes[from - 1],
                   n * sizeof **back->slopes);
        else
            status = LIP_NO_MEMORY;
    }
    if (status != LIP_OK) {
        lip_chain_free(back);
        return ctx && ctx->error.status ? ctx->error.status : status;
    }
    summarise(back);
    *out = back;
    return LIP_OK;
}

void lip_chain_free(struct lip_chain *chain)
{
    if (!chain)
        return;
    for (size_t i = 0; i < chain->count; i++) {
        lip_matrix_clear(&chain->link[i].transposed);
        lip_free(chain->slopes[i]);
    }
    lip_chain_free(chain->plain);
    lip_chain_free(chain->body);
    lip_free(chain->link);
    lip_free(chain->slopes);
    lip_free(chain->gap);
    lip_free(chain);
}
