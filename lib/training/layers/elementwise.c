/* SPDX-License-Identifier: MIT
 *
 * The shared parts of elementwise layers. */
#include "training/layers/elementwise.h"

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
