/* SPDX-License-Identifier: MIT
 *
 * Products over graphs as bound methods. */
#include "bounds/product.h"

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

static enum lip_status run_inner(struct lip_product **out,
                                 const struct lip_network *network,
                                 struct lip_norm_pair pair, enum lip_norm inner,
                                 enum lip_product_norm kind,
                                 struct lip_ctx *ctx)
{
    enum lip_status status = lip_product_new(out, network, inner, kind, ctx);
    if (status != LIP_OK)
        return status;
    struct lip_product *product = *out;
    product->value = lip_big_mul(
        lip_big_mul(change_of_norm(pair.input, inner, network->inputs),
                    product->value),
        change_of_norm(inner, pair.output, network->outputs));
    return LIP_OK;
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
    return LIP_OK;
}
