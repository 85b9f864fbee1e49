/* SPDX-License-Identifier: MIT
 *
 * tanh: phi' = 1 - tanh^2, greatest at 0. */
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
    return tanh(x);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    double c = cosh(x);
    return 1 / (c * c);
}

const struct lip_activation lip_activation_tanh = {
    .name = "tanh",
    .formula = "tanh(x)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-48, 0},
};
