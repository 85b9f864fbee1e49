/* SPDX-License-Identifier: MIT
 *
 * Building layers that have shapes and several sources. */
#include "tests/support/graph.h"

#include <string.h>

struct lip_tensor make_array(const size_t *dim, const double *value,
                             struct lip_ctx *ctx)
{
    size_t rank = 0, count = 1;
    while (dim[rank])
        count *= dim[rank++];
    struct lip_tensor tensor =
        make_tensor(LIP_F64, false, count, 0, value, ctx);
    tensor.rank = rank;
    memcpy(tensor.dim, dim, rank * sizeof *dim);
    return tensor;
}

struct lip_layer make_kind(const struct lip_layer_kind *kind)
{
    struct lip_layer layer = {.kind = kind};
    for (size_t k = 0; kind->parameter && kind->parameter[k].name; k++)
        layer.parameter[k] = kind->parameter[k].fallback;
    return layer;
}

void set(struct lip_layer *layer, const char *name, size_t count,
         const long *value)
{
    struct lip_setting *setting = lip_layer_set(layer, name);
    setting->count = count;
    memcpy(setting->value, value, count * sizeof *value);
}

void take_from(struct lip_layer *layer, size_t count, const size_t *source,
               struct lip_ctx *ctx)
{
    lip_free(layer->source);
    layer->source = lip_alloc(ctx, count, sizeof *source);
    layer->sources = layer->source ? count : 0;
    if (layer->source)
        memcpy(layer->source, source, count * sizeof *source);
}

struct lip_layer make_reshape(const long *dim)
{
    struct lip_layer layer = make_kind(&lip_layer_reshape);
    size_t rank = 0;
    while (dim[rank])
        rank++;
    set(&layer, "shape", rank, dim);
    return layer;
}

struct lip_layer make_conv(const size_t *dim, const double *weight,
                           const double *bias, struct lip_ctx *ctx)
{
    struct lip_layer layer = make_kind(&lip_layer_conv);
    layer.weight = make_array(dim, weight, ctx);
    if (bias)
        layer.bias = make_tensor(LIP_F64, false, dim[0], 0, bias, ctx);
    return layer;
}
