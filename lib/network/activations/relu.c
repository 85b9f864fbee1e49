/* SPDX-License-Identifier: MIT
 *
 * relu: slopes 0 and 1. */
#include "network/activations/list.h"

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){0, 1};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return x > 0 ? x : 0;
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    return x > 0 ? 1 : 0;
}

const struct lip_activation lip_activation_relu = {
    .name = "relu",
    .formula = "max(x, 0)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
};
