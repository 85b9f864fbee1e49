/* SPDX-License-Identifier: MIT
 *
 * selu: phi' is scale on the right and scale alpha e^x on the left. The slope
 * bound is scale alpha = 1.7580993408473768599..., rounded up. */
#include "network/activations/list.h"

#include <math.h>

static const double scale = 1.0507009873554804934193349852946;
static const double alpha = 1.6732632423543772848170429916717;

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){0, 1.758099340847377};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return x > 0 ? scale * x : scale * alpha * expm1(x);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    return x > 0 ? scale : scale * alpha * exp(x);
}

const struct lip_activation lip_activation_selu = {
    .name = "selu",
    .formula = "1.0507009873554804934193349852946 times (x for x > 0, "
               "1.6732632423543772848170429916717 (e^x - 1) otherwise)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .accuracy = {0x1p-46, 0},
};
