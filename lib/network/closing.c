/* SPDX-License-Identifier: MIT
 *
 * Where a network's end begins, and its constants. */
#include "network/closing.h"

#include <math.h>

static bool has_pairs(const struct lip_layer *layer)
{
    return layer->kind->largest_of || lip_layer_steps(layer) != LIP_NO_STEPS;
}

static bool begins(const struct lip_layer *layer)
{
    return layer->kind->role == LIP_ROLE_JOINT && !has_pairs(layer);
}

/* Does layer i take the numbers of the layer before, and nothing else? */
static bool follows(const struct lip_network *network, size_t i)
{
    return i > 0 && network->layer[i].kind->role != LIP_ROLE_LINEAR &&
           lip_network_sources(network, i) == 1 &&
           lip_network_source(network, i, 0) == i - 1;
}

/* Rounded up. A factor of 0 makes it 0: a flat layer, whatever the others. */
static double times(double a, double b)
{
    if (a == 1 || b == 1)
        return a * b;
    return a == 0 || b == 0 ? 0 : nextafter(a * b, INFINITY);
}

static void multiply(struct lip_closing *closing, const struct lip_layer *layer)
{
    if (layer->kind->role == LIP_ROLE_RESHAPE)
        return;
    for (int p = 0; p < LIP_NORM_COUNT; p++) {
        closing->constant[p] = times(
            closing->constant[p], lip_layer_constant(layer, (enum lip_norm)p));
    }
}

bool lip_closing_find(struct lip_closing *out,
                      const struct lip_network *network)
{
    *out = (struct lip_closing){.first = 0};
    for (size_t i = network->count; i-- > 0 && follows(network, i);)
        if (begins(&network->layer[i]))
            out->first = i;
    for (int p = 0; p < LIP_NORM_COUNT; p++)
        out->constant[p] = 1;
    for (size_t i = out->first; out->first && i < network->count; i++)
        multiply(out, &network->layer[i]);
    return out->first > 0;
}

struct lip_network lip_closing_body(const struct lip_closing *closing,
                                    const struct lip_network *network)
{
    struct lip_network body = *network;
    body.count = closing->first;
    body.outputs = network->layer[closing->first - 1].outputs;
    body.id[0] = '\0';
    return body;
}
