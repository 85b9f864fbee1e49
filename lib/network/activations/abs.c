/* SPDX-License-Identifier: MIT
 *
 * abs: slopes -1 and 1. */
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
    return fabs(x);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    return x > 0 ? 1 : -1;
}

const struct lip_activation lip_activation_abs = {
    .name = "abs",
    .formula = "|x|",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
};
