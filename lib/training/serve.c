/* SPDX-License-Identifier: MIT
 *
 * Making the network that is served. */
#include "training/serve.h"

#include "base/size.h"
#include "training/layers/serve.h"
#include "training/monotone.h"

#include <stdio.h>
#include <string.h>

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

/* x -> D x - D c. The product scale * centre is rounded, which moves the
 * function by a constant and no bound. */
static enum lip_status serve_scaling(struct lip_layer *out,
                                     const struct lip_scaling *scaling,
                                     struct lip_ctx *ctx)
{
    size_t n = scaling->features, count = 0;
    float *d = NULL;
    if (lip_size_mul(&count, n, n + 1))
        d = lip_calloc(ctx, count, sizeof *d);
    if (!d)
        return memory(ctx);
    float *bias = d + n * n;
    for (size_t j = 0; j < n; j++) {
        d[j * n + j] = scaling->scale[j];
        bias[j] = -scaling->scale[j] * scaling->centre[j];
    }
    size_t shape[] = {n, n};
    out->kind = &lip_layer_dense;
    snprintf(out->name, sizeof out->name, "normalisation");
    enum lip_status status = lip_float_tensor(&out->weight, d, shape, 2, ctx);
    if (status == LIP_OK)
        status = lip_float_tensor(&out->bias, bias, shape, 1, ctx);
    lip_free(d);
    return status;
}

static enum lip_status serve_layer(struct lip_layer *out, size_t i,
                                   const struct lip_trainable *layer,
                                   struct lip_ctx *ctx)
{
    if (layer->kind->serve)
        return layer->kind->serve(out, layer, ctx);
    char where[24];
    snprintf(where, sizeof where, "%zu", i);
    return lip_fail_at(ctx, LIP_UNSUPPORTED, LIP_AT_LAYER, where,
                       "Layer %zu (%s) can be trained, but models that are "
                       "served do not have it yet.",
                       i, layer->kind->name);
}

enum lip_status lip_serve(struct lip_network **out,
                          const struct lip_model *model,
                          const struct lip_scaling *scaling,
                          struct lip_ctx *ctx)
{
    *out = NULL;
    size_t used = 0;
    struct lip_layer *layer = lip_calloc(ctx, model->count + 1, sizeof *layer);
    if (!layer)
        return memory(ctx);
    enum lip_status status = LIP_OK;
    if (scaling && scaling->scale)
        status = serve_scaling(&layer[used++], scaling, ctx);
    for (size_t i = 0; status == LIP_OK && i < model->count; i++)
        status = model->path
                     ? lip_monotone_serve(&layer[used++], model, i, ctx)
                     : serve_layer(&layer[used++], i, &model->layer[i], ctx);
    if (status == LIP_OK)
        return lip_network_new(out, layer, used, ctx);
    while (used > 0)
        lip_layer_clear(&layer[--used]);
    lip_free(layer);
    return status;
}
