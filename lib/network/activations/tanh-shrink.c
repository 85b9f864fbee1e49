/* SPDX-License-Identifier: MIT
 *
 * tanh-shrink: phi' = tanh^2, below 1. */
#include "network/activations/list.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){0, 1};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return x - tanh(x);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    double t = tanh(x);
    return t * t;
}

const struct lip_activation lip_activation_tanh_shrink = {
    .name = "tanh-shrink",
    .formula = "x - tanh(x)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    /* x - tanh(x) loses its leading digits near 0 */
    .accuracy = {0x1p-52, 0x1p-47},
};
