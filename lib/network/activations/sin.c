/* SPDX-License-Identifier: MIT
 *
 * sin: phi' = cos. */
#include "network/activations/list.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){-1, 1};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return sin(x);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    return cos(x);
}

const struct lip_activation lip_activation_sin = {
    .name = "sin",
    .formula = "sin(x)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-48, 0},
};
