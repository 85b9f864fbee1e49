/* SPDX-License-Identifier: MIT
 *
 * The table of trainable layers, and finding one by name. */
#include "training/layer.h"

#include "training/layers/list.h"
#include "training/layers/serve.h"

#include <string.h>

#define ROW(id) &lip_trainable_##id,
const struct lip_trainable_kind *const lip_trainable_kinds[] = {
    LIP_EACH_TRAINABLE(ROW) NULL,
};
#undef ROW

const struct lip_trainable_kind *lip_trainable_find(const char *name)
{
    if (strcmp(name, "max-min") == 0)
        name = "groupsort";
    for (size_t i = 0; lip_trainable_kinds[i]; i++)
        if (strcmp(lip_trainable_kinds[i]->name, name) == 0)
            return lip_trainable_kinds[i];
    return NULL;
}

struct lip_image lip_image_vector(size_t length)
{
    return (struct lip_image){0, length, 1, 1};
}

enum lip_status lip_trainable_plan(struct lip_trainable *layer,
                                   const struct lip_image *in,
                                   struct lip_ctx *ctx)
{
    const struct lip_trainable_kind *kind = layer->kind;
    layer->in = *in;
    layer->out = (struct lip_image){0};
    layer->inputs = in->channels * in->height * in->width;
    layer->rows = layer->cols = 0;
    if (in->axes > 0 && kind->flat)
        return lip_fail(ctx, LIP_INVALID,
                        "the layer takes a list of numbers, but an image comes "
                        "in: put a flatten layer before it.");
    enum lip_status status = kind->plan(layer, ctx);
    if (status != LIP_OK)
        return status;
    if (layer->out.channels == 0)
        layer->out = layer->outputs == layer->inputs
                         ? *in
                         : lip_image_vector(layer->outputs);
    if (kind->matrix && layer->rows == 0) {
        layer->rows = layer->outputs;
        layer->cols = layer->inputs;
    }
    return LIP_OK;
}

void lip_trainable_defaults(struct lip_trainable *layer)
{
    const struct lip_parameter *p = layer->kind->parameter;
    for (size_t k = 0; p[k].name; k++)
        layer->parameter[k] = p[k].fallback;
}

enum lip_status lip_float_tensor(struct lip_tensor *out, const float *value,
                                 const size_t *shape, size_t rank,
                                 struct lip_ctx *ctx)
{
    size_t count = 1;
    for (size_t k = 0; k < rank; k++)
        count *= shape[k];
    float *copy = lip_alloc(ctx, count, sizeof *copy);
    if (!copy)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    memcpy(copy, value, count * sizeof *copy);
    *out = (struct lip_tensor){.dtype = LIP_F32, .rank = rank};
    memcpy(out->dim, shape, rank * sizeof *shape);
    out->buffer = lip_buffer_take(copy, count * sizeof *copy, ctx);
    if (!out->buffer)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    out->data = lip_buffer_bytes(out->buffer);
    return LIP_OK;
}
