/* SPDX-License-Identifier: MIT
 *
 * What a chain will take, from the shapes alone. */
#include "network/unroll.h"

#include <math.h>

/* The chain without joint layers, where there may be one: the matrices, and
 * what lays them out, which counts where they are small and many. */
static double plain_bytes(const struct lip_network *network)
{
    if (!lip_chain_has_plain(network))
        return 0;
    double bytes = lip_unroll_bytes(network, NULL), nodes = 16, rows = 0;
    for (size_t i = 0; i < network->count; i++) {
        size_t steps = lip_layer_steps(&network->layer[i]);
        double most = steps == LIP_NO_STEPS ? 1 : (double)steps;
        nodes += 4 * most;
        rows += 200 * most * (double)network->layer[i].inputs;
    }
    return isfinite(bytes) ? bytes + rows + nodes * (400 + 8 * nodes) : 0;
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
