/* SPDX-License-Identifier: MIT
 *
 * softplus: phi'(x) = 1 / (1 + e^(-beta x)), between 0 and 1 for every beta. */
#include "network/activations/list.h"
#include "network/activations/sigmoid.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){0, 1};
}

static double value(double x, const double *parameter)
{
    double beta = parameter[0];
    return fmax(x, 0) + log1p(exp(-fabs(beta * x))) / beta;
}

static double derivative(double x, const double *parameter)
{
    return lip_sigmoid(parameter[0] * x);
}

const struct lip_activation lip_activation_softplus = {
    .name = "softplus",
    .formula = "log(1 + e^(beta x)) / beta",
    .parameter = {{"beta", 1, 1e-6, 1e6}},
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    /* e^-|beta x| may be off by |beta x| <= 745 roundings of its argument */
    .accuracy = {0x1p-42, 0},
};
