/* SPDX-License-Identifier: MIT
 *
 * Products over graphs as bound methods. */
#include "bounds/product.h"

#include "bounds/region.h"
#include "bounds/support.h"

#include <stdio.h>

bool lip_product_layered(const struct lip_chain *chain)
{
    return chain->network && !chain->dense;
}

/* An upper bound of |x|_to / |x|_from over vectors of n numbers. */
static struct lip_big change_of_norm(enum lip_norm from, enum lip_norm to,
                                     size_t n)
{
    static const int half[] = {2, 1, 0}; /* 2 / p */
    struct lip_big count = lip_big_make((double)n, 0);
    int halves = half[to] - half[from];
    return halves <= 0   ? lip_big_make(1, 0)
           : halves == 1 ? lip_big_sqrt(count)
                         : count;
}

/* The one map that the network ends with, where it begins at a layer that is
 * not linear; NULL: none. Fills its path. */
static const struct lip_segment *last_map(size_t *path, size_t *paths,
                                          const struct lip_product *product,
                                          const struct lip_network *network)
{
    const struct lip_segment *last = NULL;
    struct lip_region region;
    for (size_t s = 0; s < product->count; s++)
        if (product->segment[s].to == network->count - 1) {
            if (last)
                return NULL;
            last = &product->segment[s];
        }
    if (!last || !lip_region_find(&region, network, last->to))
        return NULL;
    if (region.begins != 1 || region.begin[0] != last->from)
        return NULL;
    lip_region_paths(path, paths, &region, network, last->from);
    return last;
}

/* Takes the last map from the inner norm to the output's, where its matrix is
 * small: less than what the two norms differ by in general. */
static enum lip_status end_in(struct lip_product *product,
                              const struct lip_network *network,
                              enum lip_norm output, struct lip_ctx *ctx)
{
    struct lip_norm_pair pair = {product->p, output};
    size_t path[LIP_MAX_FOLD], paths;
    const struct lip_segment *last =
        output == product->p ? NULL : last_map(path, &paths, product, network);
    struct lip_big general = lip_big_mul(
        product->value, change_of_norm(product->p, output, network->outputs));
    product->value = general;
    if (!last || lip_fold_flops(network, last->from, path, paths) > 1e8)
        return LIP_OK;
    struct lip_fold *fold;
    struct lip_big norm;
    enum lip_status status =
        lip_fold_new(&fold, network, last->from, path, paths, ctx);
    if (status == LIP_OK)
        status = lip_fold_matrix_norm(&norm, fold, pair, ctx);
    if (status == LIP_OK)
        product->value = lip_big_min(general, lip_big_mul(norm, last->before));
    lip_fold_free(fold);
    if (status != LIP_UNPROVEN && status != LIP_TOO_LARGE)
        return status;
    lip_error_clear(ctx);
    return LIP_OK;
}

static enum lip_status run_inner(struct lip_product **out,
                                 const struct lip_network *network,
                                 struct lip_norm_pair pair, enum lip_norm inner,
                                 enum lip_product_norm kind,
                                 struct lip_ctx *ctx)
{
    enum lip_status status = lip_product_new(out, network, inner, kind, ctx);
    if (status != LIP_OK)
        return status;
    status = end_in(*out, network, pair.output, ctx);
    if (status == LIP_OK) {
        (*out)->value = lip_big_mul(
            change_of_norm(pair.input, inner, network->inputs), (*out)->value);
        return LIP_OK;
    }
    lip_product_free(*out);
    *out = NULL;
    return status;
}

static bool is_better(const struct lip_product *a, const struct lip_product *b)
{
    return a && (!b || lip_big_less(a->value, b->value));
}

enum lip_status lip_product_run(struct lip_bound *bound,
                                const struct lip_chain *chain,
                                const struct lip_bound_options *options,
                                enum lip_product_norm kind, struct lip_ctx *ctx)
{
    struct lip_norm_pair pair = options->norm;
    struct lip_ctx own = {.error = {LIP_OK, "", LIP_NOWHERE, ""}};
    if (!ctx)
        ctx = &own;
    for (int r = 0; r < LIP_NORM_COUNT; r++) {
        struct lip_product *product = NULL;
        if (pair.input == pair.output && r != (int)pair.input)
            continue;
        enum lip_status status = run_inner(&product, chain->network, pair,
                                           (enum lip_norm)r, kind, ctx);
        if (status == LIP_UNPROVEN) {
            snprintf(bound->reason, sizeof bound->reason, "%.*s",
                     (int)sizeof bound->reason - 1, ctx->error.detail);
            lip_error_clear(ctx);
        } else if (status != LIP_OK) {
            return status;
        }
        if (!is_better(product, bound->product)) {
            lip_product_free(product);
            continue;
        }
        lip_product_free(bound->product);
        bound->product = product;
    }
    bound->skipped = !bound->product;
    if (bound->product)
        lip_bound_set(bound, bound->product->value);
    if (!options->factors) {
        lip_product_free(bound->product);
        bound->product = NULL;
    }
    return LIP_OK;
}
