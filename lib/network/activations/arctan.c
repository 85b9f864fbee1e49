/* SPDX-License-Identifier: MIT
 *
 * arctan: phi'(x) = 1 / (1 + x^2), greatest at 0. */
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
    return atan(x);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    return 1 / (1 + x * x);
}

const struct lip_activation lip_activation_arctan = {
    .name = "arctan",
    .formula = "arctan(x)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-48, 0},
};
