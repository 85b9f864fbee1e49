/* SPDX-License-Identifier: MIT
 *
 * silu (swish): phi'(x) = s + x s (1 - s) with s = 1 / (1 + e^-x), extreme
 * where 2 + x (1 - 2 s) = 0, at x = +-2.39935728...: -0.0998393201288669169...
 * and 1.0998393201288669169..., rounded outward. */
#include "network/activations/list.h"
#include "network/activations/sigmoid.h"

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){-0.09983932012886693, 1.099839320128867};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return x * lip_sigmoid(x);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    double s = lip_sigmoid(x);
    return s + x * s * lip_sigmoid(-x);
}

const struct lip_activation lip_activation_silu = {
    .name = "silu",
    .formula = "x / (1 + e^-x)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-46, 0},
};
