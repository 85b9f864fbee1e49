/* SPDX-License-Identifier: MIT
 *
 * The norms of layers and their shares of the product of norms. */
#include "api/layer_norm.h"

#include <math.h>

static enum lip_status find_norm(struct lip_layer_norm *out,
                                 const struct lip_layer *layer, enum lip_norm p,
                                 bool all, struct lip_ctx *ctx)
{
    struct lip_layer_norm found;
    enum lip_status s = lip_layer_norm(&found, layer, p, 0, all, ctx);
    if (s == LIP_OK && isfinite(lip_big_double(found.value)))
        *out = found;
    if (s == LIP_UNPROVEN) {
        lip_error_clear(ctx);
        s = LIP_OK;
    }
    return s;
}

static bool is_known(const struct lip_product *product, size_t i)
{
    return product && product->norm[i].method &&
           isfinite(lip_big_double(product->norm[i].value));
}

static enum lip_status find_norms(struct api_layer *layer,
                                  const struct lip_network *network,
                                  enum lip_norm p, enum api_layer_norms wanted,
                                  const struct lip_product *product,
                                  struct lip_ctx *ctx)
{
    /* What is known first, so that it is there where time runs out. */
    for (size_t i = 0; i < network->count; i++)
        if (is_known(product, i))
            layer[i].norm = product->norm[i];
    if (wanted == API_NORMS_KNOWN)
        return LIP_OK;
    for (size_t i = 0; i < network->count; i++) {
        bool all = wanted == API_NORMS_ALL;
        if (network->layer[i].kind->role != LIP_ROLE_LINEAR ||
            (is_known(product, i) && !all))
            continue;
        enum lip_status s = lip_tick(ctx, "norms of the layers", (double)i,
                                     (double)network->count, NAN);
        if (s == LIP_OK)
            s = find_norm(&layer[i].norm, &network->layer[i], p, all, ctx);
        if (s != LIP_OK)
            return s;
    }
    return LIP_OK;
}

static bool has_weights(const struct lip_network *network,
                        const struct lip_segment *segment)
{
    bool has = false;
    for (size_t k = 0; k < segment->layers; k++)
        has = has || network->layer[segment->layer[k]].weight.data;
    return has;
}

/* The factors of a product over a graph are its segments and the constants of
 * layers that are not linear. A segment's is that of the layers in it that can
 * be changed: a sum has no weights. */
static void share_product(struct api_layer *layer,
                          const struct lip_network *network,
                          const struct lip_product *product)
{
    for (size_t i = 0; i < network->count; i++)
        layer[i].share = product->share[i];
    for (size_t s = 0; s < product->count; s++) {
        const struct lip_segment *segment = &product->segment[s];
        bool learned = has_weights(network, segment);
        for (size_t k = 0; k < segment->layers; k++) {
            struct api_layer *l = &layer[segment->layer[k]];
            if (segment->layers > 1 &&
                (!l->folded || l->folded->share < segment->share))
                l->folded = segment;
            if (!learned || network->layer[segment->layer[k]].weight.data)
                l->share =
                    fmin(1, (isnan(l->share) ? 0 : l->share) + segment->share);
        }
    }
}

/* Each layer is a factor. */
static void share_chain(struct api_layer *layer,
                        const struct lip_network *network, enum lip_norm p)
{
    double sum = 0;
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *l = &network->layer[i];
        enum lip_layer_role role = l->kind->role;
        double constant = 1;
        if (role == LIP_ROLE_ELEMENTWISE || role == LIP_ROLE_JOINT)
            constant = lip_layer_constant(l, p);
        bool missing = role == LIP_ROLE_LINEAR && !layer[i].norm.method;
        if (missing || !isfinite(constant))
            return;
        struct lip_big norm = role == LIP_ROLE_LINEAR
                                  ? layer[i].norm.value
                                  : lip_big_make(constant, 0);
        sum += lip_factor_weight(norm, 1);
    }
    for (size_t i = 0; sum > 0 && i < network->count; i++)
        if (layer[i].norm.method)
            layer[i].share = lip_factor_weight(layer[i].norm.value, 1) / sum;
}

enum lip_status api_layers_find(struct api_layer *layer,
                                const struct lip_network *network,
                                enum lip_norm p, enum api_layer_norms wanted,
                                const struct lip_product *product,
                                struct lip_ctx *ctx)
{
    for (size_t i = 0; i < network->count; i++)
        layer[i] = (struct api_layer){.share = NAN};
    if (product && product->p != p)
        product = NULL;
    enum lip_status s = find_norms(layer, network, p, wanted, product, ctx);
    if (product)
        share_product(layer, network, product);
    else if (lip_network_is_dense(network))
        share_chain(layer, network, p);
    return s;
}
