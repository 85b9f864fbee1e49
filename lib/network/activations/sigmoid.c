/* SPDX-License-Identifier: MIT
 *
 * sigmoid: phi' = s (1 - s), greatest at 0. */
#include "network/activations/sigmoid.h"
#include "network/activations/list.h"

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){0, 0.25};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return lip_sigmoid(x);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    return lip_sigmoid(x) * lip_sigmoid(-x);
}

const struct lip_activation lip_activation_sigmoid = {
    .name = "sigmoid",
    .formula = "1 / (1 + e^-x)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-47, 0},
};
