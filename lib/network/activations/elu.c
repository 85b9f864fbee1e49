/* SPDX-License-Identifier: MIT
 *
 * elu: phi' is 1 on the right and alpha e^x on the left, all of the open
 * interval between 0 and alpha. */
#include "network/activations/list.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    return (struct lip_slopes){fmin(0, parameter[0]), fmax(1, parameter[0])};
}

static double value(double x, const double *parameter)
{
    return x > 0 ? x : parameter[0] * expm1(x);
}

static double derivative(double x, const double *parameter)
{
    return x > 0 ? 1 : parameter[0] * exp(x);
}

const struct lip_activation lip_activation_elu = {
    .name = "elu",
    .formula = "x for x > 0, alpha (e^x - 1) otherwise",
    .parameter = {{"alpha", 1, -1e6, 1e6}},
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-47, 0},
};
