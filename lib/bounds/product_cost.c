/* SPDX-License-Identifier: MIT
 *
 * What products of norms take, and the constants of single layers. */
#include "bounds/product.h"

#include "bounds/support.h"

double lip_factor_weight(struct lip_big norm, double sensitivity)
{
    static const double log_2 = 0.6931471805599453;
    if (norm.m == 0)
        return 0;
    return fmax(0, sensitivity * (log(norm.m) + (double)norm.e * log_2));
}

static double entries(const struct lip_layer *layer)
{
    size_t n = layer->kind->row ? layer->fan_in : layer->inputs;
    return (double)n * (double)layer->outputs;
}

/* Large layers have ways that take about a second. */
double lip_product_flops(const struct lip_network *network, enum lip_norm p,
                         enum lip_product_norm kind)
{
    double flops = 0;
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        if (layer->kind->role != LIP_ROLE_LINEAR)
            continue;
        double whole =
            lip_spectral_flops((double)layer->inputs, (double)layer->outputs);
        flops += 10 * fmin(entries(layer), 4e8);
        if (p == LIP_NORM_2 && kind == LIP_PRODUCT_INDUCED)
            flops += fmin(whole, 4e9);
    }
    return flops;
}

double lip_product_bytes(const struct lip_network *network)
{
    double most = 0;
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        double m = (double)layer->inputs, n = (double)layer->outputs;
        if (layer->kind->role == LIP_ROLE_LINEAR)
            most = fmax(most, fmin(24 * m * n, 1e8) + 100 * (m + n));
    }
    return most + 200 * (double)network->count;
}
