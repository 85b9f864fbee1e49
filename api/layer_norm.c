/* SPDX-License-Identifier: MIT
 *
 * A layer is bounded as the chain that it is by itself: its weights are scaled
 * there, and what scaling loses is accounted for. */
#include "api/layer_norm.h"

#include "bounds/link_norm.h"
#include "network/chain.h"

#include <math.h>

static enum lip_status layer_norm(double *norm, struct lip_layer *layer,
                                  enum lip_norm p, struct lip_ctx *ctx)
{
    struct lip_network alone = {.layer = layer,
                                .count = 1,
                                .inputs = layer->inputs,
                                .outputs = layer->outputs};
    struct lip_norm_pair pair = {p, p};
    struct lip_chain *chain;
    struct lip_big big;
    enum lip_status s = lip_chain_new(&chain, &alone, ctx);
    if (s != LIP_OK)
        return s;
    s = lip_link_norm(&big, &chain->link[0], pair, ctx);
    lip_chain_free(chain);
    if (s != LIP_OK)
        return s;
    *norm = lip_big_double(big);
    if (!isfinite(*norm))
        *norm = NAN;
    return LIP_OK;
}

enum lip_status api_layer_norms(double *norm, const struct lip_network *network,
                                enum lip_norm p, struct lip_ctx *ctx)
{
    for (size_t i = 0; i < network->count; i++)
        norm[i] = NAN;
    for (size_t i = 0; i < network->count; i++) {
        struct lip_layer *layer = &network->layer[i];
        if (layer->kind->role != LIP_ROLE_LINEAR)
            continue;
        enum lip_status s = lip_tick(ctx, "norms of the layers", (double)i,
                                     (double)network->count, NAN);
        if (s == LIP_OK)
            s = layer_norm(&norm[i], layer, p, ctx);
        if (s != LIP_OK)
            return s;
    }
    return LIP_OK;
}
