/* SPDX-License-Identifier: MIT
 *
 * log-sigmoid: phi'(x) = 1 / (1 + e^x). */
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
    (void)parameter;
    return fmin(x, 0) - log1p(exp(-fabs(x)));
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    return lip_sigmoid(-x);
}

const struct lip_activation lip_activation_log_sigmoid = {
    .name = "log-sigmoid",
    .formula = "-log(1 + e^-x)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-46, 0},
};
