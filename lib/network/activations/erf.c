/* SPDX-License-Identifier: MIT
 *
 * erf: phi'(x) = 2 / sqrt(pi) e^(-x^2), greatest at
 * 0: 1.1283791670955125738..., rounded up. */
#include "network/activations/list.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){0, 1.1283791670955128};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return erf(x);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    return M_2_SQRTPI * exp(-x * x);
}

const struct lip_activation lip_activation_erf = {
    .name = "erf",
    .formula = "erf(x)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-48, 0},
};
