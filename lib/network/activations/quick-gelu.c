/* SPDX-License-Identifier: MIT
 *
 * quick-gelu: x s(a x) = silu(a x) / a with a = 1.702, so that its slopes are
 * those of silu, whatever a is. */
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
    return x * lip_sigmoid(1.702 * x);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    double s = lip_sigmoid(1.702 * x);
    return s + 1.702 * x * s * lip_sigmoid(-1.702 * x);
}

const struct lip_activation lip_activation_quick_gelu = {
    .name = "quick-gelu",
    .formula = "x / (1 + e^(-1.702 x))",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    /* e^(-1.702 x) may be off by |1.702 x| <= 745 roundings of 1.702 x */
    .accuracy = {0x1p-42, 0},
};
