/* SPDX-License-Identifier: MIT
 *
 * What a chain will take, from the shapes alone. */
#include "network/unroll.h"

#include <math.h>

/* The chain without joint layers, where there may be one: MaxMin takes two
 * square matrices, and products with both its neighbours. */
static double plain_bytes(const struct lip_network *network)
{
    double bytes = 0, widest = 0;
    if (!lip_chain_has_plain(network))
        return 0;
    for (size_t i = 0; i < network->count; i++) {
        widest = fmax(widest, (double)network->layer[i].inputs);
        widest = fmax(widest, (double)network->layer[i].outputs);
    }
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        double n = (double)layer->outputs;
        bytes += layer->kind->role == LIP_ROLE_LINEAR
                     ? 8 * ((double)layer->inputs + widest) * n
                     : 8 * (2 * n + 2 * widest + 2) * n;
    }
    return bytes + 8 * widest * widest;
}

static double dense_bytes(const struct lip_network *network)
{
    double bytes = 0, first = 0;
    bool after_linear = false, fresh = true;
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        double inputs = (double)layer->inputs, outputs = (double)layer->outputs;
        if (lip_layer_changes_nothing(layer))
            continue;
        bool linear = layer->kind->role == LIP_ROLE_LINEAR;
        if (linear && after_linear) /* a product beside its factors */
            bytes += 8 * (inputs + first) * outputs;
        else if (linear)
            bytes += 8 * (first = inputs) * outputs;
        else /* slopes, and an identity matrix if nothing came before */
            bytes += 16 * outputs + (fresh ? 8 * outputs * outputs : 0);
        after_linear = linear;
        fresh = false;
    }
    double outputs = (double)network->outputs;
    bytes += plain_bytes(network);
    return bytes + (after_linear ? 0 : 8 * outputs * outputs);
}

static double whole_bytes(const struct lip_network *network)
{
    if (lip_network_is_dense(network))
        return dense_bytes(network);
    double bytes = lip_unroll_bytes(network, NULL);
    return bytes <= LIP_UNROLL_BYTES ? bytes : 0;
}

double lip_chain_bytes(const struct lip_network *network)
{
    struct lip_closing closing;
    double bytes = whole_bytes(network);
    if (!lip_closing_find(&closing, network))
        return bytes;
    struct lip_network body = lip_closing_body(&closing, network);
    return bytes + whole_bytes(&body);
}
