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

void lip_serve_shape(struct lip_layer *out, const struct lip_image *image)
{
    long height = (long)image->height, width = (long)image->width;
    out->kind = &lip_layer_reshape;
    *lip_layer_set(out, "shape") =
        image->axes == 2
            ? (struct lip_setting){3, {(long)image->channels, height, width}}
            : (struct lip_setting){2, {(long)image->channels, width}};
}

/* Channels last, or back to first. */
static void transpose(struct lip_layer *out, size_t axes, bool last)
{
    out->kind = &lip_layer_transpose;
    struct lip_setting *order = lip_layer_set(out, "axes");
    order->count = axes + 1;
    for (size_t k = 0; k <= axes; k++)
        order->value[k] =
            (long)(last ? (k + 1) % (axes + 1) : (k + axes) % (axes + 1));
}

/* Layer i, and whatever it needs beside it. */
static enum lip_status serve_all(struct lip_layer *layer, size_t *used,
                                 const struct lip_model *model, size_t i,
                                 struct lip_ctx *ctx)
{
    const struct lip_trainable *from = &model->layer[i];
    if (model->path)
        return lip_monotone_serve(&layer[(*used)++], model, i, ctx);
    bool sorts = from->kind->grouped && from->in.axes > 0;
    if (sorts)
        transpose(&layer[(*used)++], from->in.axes, true);
    enum lip_status status = serve_layer(&layer[(*used)++], i, from, ctx);
    if (sorts)
        transpose(&layer[(*used)++], from->in.axes, false);
    return status;
}

enum lip_status lip_serve(struct lip_network **out,
                          const struct lip_model *model,
                          const struct lip_scaling *scaling,
                          struct lip_ctx *ctx)
{
    *out = NULL;
    size_t used = 0;
    struct lip_layer *layer =
        lip_calloc(ctx, 3 * model->count + 2, sizeof *layer);
    if (!layer)
        return memory(ctx);
    enum lip_status status = LIP_OK;
    if (scaling && scaling->scale)
        status = serve_scaling(&layer[used++], scaling, ctx);
    if (status == LIP_OK && model->input.axes > 0)
        lip_serve_shape(&layer[used++], &model->input);
    for (size_t i = 0; status == LIP_OK && i < model->count; i++)
        status = serve_all(layer, &used, model, i, ctx);
    if (status == LIP_OK)
        return lip_network_new(out, layer, used, ctx);
    while (used > 0)
        lip_layer_clear(&layer[--used]);
    lip_free(layer);
    return status;
}
