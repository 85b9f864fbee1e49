/* SPDX-License-Identifier: MIT
 *
 * hard-sigmoid, as PyTorch, JAX and Keras 3 have it: slopes 0 and
 * 1/6, rounded up. */
#include "network/activations/list.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){0, 0.16666666666666669};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return fmin(fmax(x / 6 + 0.5, 0), 1);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    return x > -3 && x < 3 ? 1.0 / 6 : 0;
}

const struct lip_activation lip_activation_hard_sigmoid = {
    .name = "hard-sigmoid",
    .formula = "min(max(x / 6 + 1/2, 0), 1)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    /* x / 6 + 1/2 loses its leading digits near -3 */
    .accuracy = {0x1p-51, 0x1p-51},
};
