/* SPDX-License-Identifier: MIT
 *
 * celu: phi' is 1 on the right and e^(x / alpha) on the left, which stays below
 * 1 as long as alpha is positive. */
#include "network/activations/list.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){0, 1};
}

static double value(double x, const double *parameter)
{
    return x > 0 ? x : parameter[0] * expm1(x / parameter[0]);
}

static double derivative(double x, const double *parameter)
{
    return x > 0 ? 1 : exp(x / parameter[0]);
}

const struct lip_activation lip_activation_celu = {
    .name = "celu",
    .formula = "x for x > 0, alpha (e^(x / alpha) - 1) otherwise",
    .parameter = {{"alpha", 1, 1e-6, 1e6}},
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-46, 0},
};
