/* SPDX-License-Identifier: MIT
 *
 * softsign: phi'(x) = 1 / (1 + |x|)^2, greatest at 0. */
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
    return x / (1 + fabs(x));
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    double d = 1 + fabs(x);
    return 1 / (d * d);
}

const struct lip_activation lip_activation_softsign = {
    .name = "softsign",
    .formula = "x / (1 + |x|)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-50, 0},
};
