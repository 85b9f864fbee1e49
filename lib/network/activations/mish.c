/* SPDX-License-Identifier: MIT
 *
 * mish: phi'(x) = t + x (1 - t^2) s with t = tanh(log(1 + e^x)) and
 * s = 1 / (1 + e^-x), extreme at x = -2.25637639... and 1.49057117...:
 * -0.1125261223894625564... and 1.0884981612517278612..., rounded outward. */
#include "network/activations/list.h"
#include "network/activations/sigmoid.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){-0.11252612238946257, 1.088498161251728};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return x * tanh(log1p(exp(x)));
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    double t = tanh(log1p(exp(x)));
    return t + x * (1 - t * t) * lip_sigmoid(x);
}

const struct lip_activation lip_activation_mish = {
    .name = "mish",
    .formula = "x tanh(log(1 + e^x))",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-45, 0},
};
