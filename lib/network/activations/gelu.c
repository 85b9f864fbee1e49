/* SPDX-License-Identifier: MIT
 *
 * gelu: phi'(x) = Phi(x) + x Phi'(x) with the normal distribution Phi, extreme
 * at x = +-sqrt(2): -0.1289041451851547863... and 1.1289041451851547863...,
 * rounded outward. */
#include "network/activations/list.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){-0.1289041451851548, 1.128904145185155};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return 0.5 * x * erfc(-M_SQRT1_2 * x);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    double density = 0.5 * M_2_SQRTPI * M_SQRT1_2 * exp(-0.5 * x * x);
    return 0.5 * erfc(-M_SQRT1_2 * x) + x * density;
}

const struct lip_activation lip_activation_gelu = {
    .name = "gelu",
    .formula = "x (1 + erf(x / sqrt(2))) / 2",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    /* erfc(z) may be off by 2 z^2 <= 1500 roundings of z */
    .accuracy = {0x1p-40, 0},
};
