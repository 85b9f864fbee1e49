/* SPDX-License-Identifier: MIT
 *
 * The shared parts of elementwise layers. */
#include "training/layers/elementwise.h"

#include "training/layers/serve.h"

#include <math.h>
#include <string.h>

enum lip_status lip_elementwise_plan(struct lip_trainable *layer,
                                     struct lip_ctx *ctx)
{
    const struct lip_parameter *p = layer->kind->parameter;
    layer->outputs = layer->inputs;
    for (size_t k = 0; p[k].name; k++)
        if (!(layer->parameter[k] >= p[k].min &&
              layer->parameter[k] <= p[k].max))
            return lip_fail(ctx, LIP_INVALID,
                            "%s is %g: it must lie between %g and %g.",
                            p[k].name, layer->parameter[k], p[k].min, p[k].max);
    return LIP_OK;
}

/* |phi(a) - phi(b)| <= slope |a - b| number by number, so in every norm. */
bool lip_elementwise_contracts(double *slope, const struct lip_trainable *layer,
                               enum lip_norm norm)
{
    (void)norm;
    const struct lip_activation *same = lip_activation_find(layer->kind->name);
    struct lip_slopes slopes = same->slopes(layer->parameter);
    *slope = fmax(fabs(slopes.lo), fabs(slopes.hi));
    return true;
}

enum lip_status lip_elementwise_serve(struct lip_layer *out,
                                      const struct lip_trainable *layer,
                                      struct lip_ctx *ctx)
{
    (void)ctx;
    out->kind = &lip_layer_activation;
    out->activation = lip_activation_find(layer->kind->name);
    memcpy(out->parameter, layer->parameter, sizeof out->parameter);
    return LIP_OK;
}

/* The slope of x < 0 where phi is that and x itself for x > 0: what PReLU can
 * say of each neuron. */
static bool is_bent(double *slope, const struct lip_trainable *layer)
{
    struct lip_piece piece[LIP_MAX_PIECES];
    const struct lip_activation *same = lip_activation_find(layer->kind->name);
    if (!same->pieces || same->pieces(piece, layer->parameter) != 2)
        return false;
    *slope = piece[0].slope;
    return piece[0].offset == 0 && piece[1].from == 0 && piece[1].slope == 1 &&
           piece[1].offset == 0;
}

size_t lip_elementwise_copies(const struct lip_trainable *layer)
{
    double slope;
    return is_bent(&slope, layer) ? 1 : 0;
}

enum lip_status lip_elementwise_serve_beside(struct lip_layer *out,
                                             const struct lip_trainable *layer,
                                             size_t copies, struct lip_ctx *ctx)
{
    size_t shape[] = {layer->outputs + copies};
    double slope = 1;
    float *list = lip_alloc(ctx, shape[0], sizeof *list);
    if (!list)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    is_bent(&slope, layer);
    for (size_t k = 0; k < shape[0]; k++)
        list[k] = k < layer->outputs ? (float)slope : 1.0F;
    out->kind = &lip_layer_activation;
    out->activation = lip_activation_find("prelu");
    enum lip_status status =
        lip_float_tensor(&out->weight, list, shape, 1, ctx);
    lip_free(list);
    return status;
}
