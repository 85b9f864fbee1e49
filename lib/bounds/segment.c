/* SPDX-License-Identifier: MIT
 *
 * Ways to bound a map of several linear layers: the product of their norms, one
 * kernel, its rows, the whole matrix. */
#include "bounds/segment.h"

#include "bounds/fold.h"
#include "bounds/fold_kernel.h"
#include "bounds/norms/ways.h"
#include "bounds/support.h"

#include <string.h>

/* What is tried on one segment takes about a second at most. */
static const double most_row_flops = 4e8;
static const double most_matrix_flops = 2e10, most_matrix_bytes = 4e8;

static enum lip_status no_memory(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

/* A way that led to nothing leaves the others standing. */
static enum lip_status forgive(enum lip_status status, struct lip_ctx *ctx)
{
    if (status != LIP_UNPROVEN && status != LIP_TOO_LARGE)
        return status;
    lip_error_clear(ctx);
    return LIP_OK;
}

enum lip_status lip_layer_norms_new(struct lip_layer_norms *out,
                                    const struct lip_network *network,
                                    enum lip_norm p, enum lip_product_norm kind,
                                    struct lip_ctx *ctx)
{
    *out = (struct lip_layer_norms){.network = network, .p = p, .kind = kind};
    out->norm = lip_calloc(ctx, network->count, sizeof *out->norm);
    out->found =
        out->norm ? lip_calloc(ctx, network->count, sizeof *out->found) : NULL;
    return out->found ? LIP_OK : no_memory(ctx);
}

void lip_layer_norms_clear(struct lip_layer_norms *norms)
{
    lip_free(norms->norm);
    lip_free(norms->found);
}

static struct lip_big of_norms(const struct lip_fold_norms *n, enum lip_norm p)
{
    if (p != LIP_NORM_2)
        return isfinite(p == LIP_NORM_1 ? n->one : n->inf)
                   ? lip_big_make(p == LIP_NORM_1 ? n->one : n->inf, 0)
                   : LIP_BIG_NONE;
    struct lip_big least = LIP_BIG_NONE;
    if (isfinite(n->frobenius))
        least = lip_big_make(n->frobenius, 0);
    if (isfinite(n->one) && isfinite(n->inf))
        least = lip_big_min(least,
                            lip_big_sqrt(lip_big_mul(lip_big_make(n->one, 0),
                                                     lip_big_make(n->inf, 0))));
    return least;
}

/* From the rows of a map: exact for 1 and inf. */
static enum lip_status by_rows(struct lip_big *out,
                               const struct lip_network *network, size_t from,
                               const size_t *path, size_t paths,
                               enum lip_norm p, struct lip_ctx *ctx)
{
    struct lip_fold *fold = NULL;
    struct lip_fold_norms norms;
    enum lip_status status =
        lip_fold_new(&fold, network, from, path, paths, ctx);
    *out = LIP_BIG_NONE;
    if (status == LIP_OK)
        status = lip_fold_norms(&norms, fold, ctx);
    if (status == LIP_OK)
        *out = of_norms(&norms, p);
    lip_fold_free(fold);
    return forgive(status, ctx);
}

/* The less of the two that cost least. */
static enum lip_status naive_norm(struct lip_layer_norm *out,
                                  const struct lip_layer *layer,
                                  struct lip_ctx *ctx)
{
    static const struct lip_norm_method *const way[] = {&lip_norm_frobenius,
                                                        &lip_norm_schur};
    for (size_t k = 0; k < 2; k++) {
        struct lip_big value;
        if (!way[k]->applies(layer, LIP_NORM_2, 0))
            continue;
        enum lip_status status = way[k]->run(&value, layer, LIP_NORM_2, ctx);
        if (status == LIP_OK && lip_big_less(value, out->value)) {
            out->value = value;
            out->method = way[k];
        }
        status = forgive(status, ctx);
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}

enum lip_status lip_layer_norms_of(struct lip_big *out, const char **method,
                                   struct lip_layer_norms *norms, size_t i,
                                   struct lip_ctx *ctx)
{
    const struct lip_layer *layer = &norms->network->layer[i];
    struct lip_layer_norm *norm = &norms->norm[i];
    enum lip_status status = LIP_OK;
    if (!norms->found[i]) {
        norm->value = LIP_BIG_NONE;
        if (norms->kind == LIP_PRODUCT_FROBENIUS && norms->p == LIP_NORM_2)
            status = naive_norm(norm, layer, ctx);
        if (status == LIP_OK && !lip_big_known(norm->value)) {
            status = lip_layer_norm(norm, layer, norms->p, 0, false, ctx);
            if (status == LIP_UNPROVEN || status == LIP_TOO_LARGE)
                *norm = (struct lip_layer_norm){.value = LIP_BIG_NONE};
            status = forgive(status, ctx);
        }
        norms->found[i] = status == LIP_OK;
    }
    *out = norm->value;
    *method = norm->method ? norm->method->id : "product";
    return status;
}

/* --- segments */

static void offer(struct lip_segment *segment, struct lip_big norm,
                  const char *method)
{
    if (!lip_big_less(norm, segment->norm))
        return;
    segment->norm = norm;
    segment->method = method;
}

/* |A| <= |A_k| ... |A_1| where the layers stand one after the other. */
static enum lip_status by_product(struct lip_segment *segment,
                                  struct lip_layer_norms *norms,
                                  struct lip_ctx *ctx)
{
    struct lip_big product = lip_big_make(1, 0), norm;
    const char *method = "product";
    for (size_t i = 0; i < segment->layers; i++) {
        const char *way;
        if (lip_network_sources(norms->network, segment->layer[i]) > 1)
            return LIP_OK;
        enum lip_status status =
            lip_layer_norms_of(&norm, &way, norms, segment->layer[i], ctx);
        if (status != LIP_OK)
            return status;
        if (!lip_big_known(norm))
            return LIP_OK;
        product = lip_big_mul(product, norm);
        if (segment->layers == 1)
            method = way;
    }
    offer(segment, product, method);
    return LIP_OK;
}

static double width_of(const struct lip_network *network, size_t layer)
{
    return (double)(layer == LIP_FROM_INPUT ? network->inputs
                                            : network->layer[layer].outputs);
}

static enum lip_status by_matrix(struct lip_segment *segment,
                                 const size_t *path, size_t paths,
                                 struct lip_layer_norms *norms,
                                 struct lip_ctx *ctx)
{
    struct lip_norm_pair pair = {norms->p, norms->p};
    struct lip_fold *fold = NULL;
    struct lip_big norm;
    enum lip_status status =
        lip_fold_new(&fold, norms->network, segment->from, path, paths, ctx);
    if (status == LIP_OK)
        status = lip_fold_matrix_norm(&norm, fold, pair, ctx);
    if (status == LIP_OK)
        offer(segment, norm, "unrolled");
    lip_fold_free(fold);
    return forgive(status, ctx);
}

/* For 1 and inf rows say all that a matrix does. */
static bool has_matrix(const struct lip_segment *segment, const size_t *path,
                       size_t paths, const struct lip_layer_norms *norms)
{
    double n = width_of(norms->network, segment->from);
    double m = width_of(norms->network, segment->to);
    return norms->p == LIP_NORM_2 && 8 * n * m <= most_matrix_bytes &&
           lip_spectral_flops(n, m) <= most_matrix_flops &&
           lip_fold_flops(norms->network, segment->from, path, paths) <=
               most_row_flops;
}

static enum lip_status by_unrolling(struct lip_segment *segment,
                                    const size_t *path, size_t paths,
                                    struct lip_layer_norms *norms,
                                    struct lip_ctx *ctx)
{
    const struct lip_network *network = norms->network;
    struct lip_big norm;
    if (has_matrix(segment, path, paths, norms))
        return by_matrix(segment, path, paths, norms, ctx);
    if (lip_fold_flops(network, segment->from, path, paths) >
        (norms->p == LIP_NORM_2 ? most_row_flops / 8 : most_row_flops))
        return LIP_OK;
    enum lip_status status =
        by_rows(&norm, network, segment->from, path, paths, norms->p, ctx);
    if (status == LIP_OK)
        offer(segment, norm, "rows");
    return status;
}

enum lip_status lip_segment_bound(struct lip_segment *segment,
                                  const size_t *path, size_t paths,
                                  struct lip_layer_norms *norms,
                                  struct lip_ctx *ctx)
{
    segment->norm = LIP_BIG_NONE;
    segment->method = "product";
    enum lip_status status = by_product(segment, norms, ctx);
    bool alone = segment->layers <= 1 && lip_big_known(segment->norm);
    if (status != LIP_OK || alone || norms->kind == LIP_PRODUCT_FROBENIUS)
        return status;
    struct lip_big norm = LIP_BIG_NONE;
    status = lip_fold_kernel_norm(&norm, norms->network, segment->from, path,
                                  paths, norms->p, ctx);
    if (status == LIP_OK && lip_big_known(norm))
        offer(segment, norm, "kernel");
    status = forgive(status, ctx);
    /* Rows see no more than the kernel, but for the edges of the image. */
    if (status == LIP_OK && lip_big_known(norm) &&
        !has_matrix(segment, path, paths, norms))
        return LIP_OK;
    return status == LIP_OK ? by_unrolling(segment, path, paths, norms, ctx)
                            : status;
}

/* --- blocks */

enum lip_status lip_layer_blocks(struct lip_big *block,
                                 const struct lip_network *network, size_t i,
                                 enum lip_norm p, struct lip_ctx *ctx)
{
    /* Each source by itself, as the begin of a fold of this layer alone. */
    for (size_t j = 0; j < lip_network_sources(network, i); j++) {
        size_t from = lip_network_source(network, i, j);
        block[j] = LIP_BIG_NONE;
        bool again = false;
        for (size_t k = 0; k < j; k++)
            again |= lip_network_source(network, i, k) == from;
        enum lip_status status =
            again ? LIP_OK : by_rows(&block[j], network, from, &i, 1, p, ctx);
        if (again) /* counted with the first */
            block[j] = (struct lip_big){0, 0};
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}
