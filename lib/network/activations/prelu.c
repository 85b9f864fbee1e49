/* SPDX-License-Identifier: MIT
 *
 * prelu: leaky-relu whose slope on the negative side is learnt, for each neuron
 * or for all. */
#include "network/activations/list.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    return (struct lip_slopes){fmin(1, parameter[0]), fmax(1, parameter[0])};
}

static double value(double x, const double *parameter)
{
    return x > 0 ? x : parameter[0] * x;
}

static double derivative(double x, const double *parameter)
{
    return x > 0 ? 1 : parameter[0];
}

const struct lip_activation lip_activation_prelu = {
    .name = "prelu",
    .formula = "x for x > 0, slope x otherwise",
    .parameter = {{"slope", 0.25, -1e6, 1e6}},
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .per_neuron = true,
};
