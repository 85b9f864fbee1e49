/* SPDX-License-Identifier: MIT
 *
 * cos: phi' = -sin. */
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
    return cos(x);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    return -sin(x);
}

const struct lip_activation lip_activation_cos = {
    .name = "cos",
    .formula = "cos(x)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-48, 0},
};
