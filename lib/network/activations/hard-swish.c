/* SPDX-License-Identifier: MIT
 *
 * hard-swish: phi' = (2 x + 3) / 6 between the kinks at -3 and 3, from -1/2 to
 * 3/2. */
#include "network/activations/list.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){-0.5, 1.5};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return x * fmin(fmax(x / 6 + 0.5, 0), 1);
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    if (x <= -3)
        return 0;
    return x < 3 ? (2 * x + 3) / 6 : 1;
}

const struct lip_activation lip_activation_hard_swish = {
    .name = "hard-swish",
    .formula = "x min(max(x / 6 + 1/2, 0), 1)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    /* x / 6 + 1/2 loses its leading digits near -3 */
    .accuracy = {0x1p-51, 0x1p-50},
};
