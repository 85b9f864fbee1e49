/* SPDX-License-Identifier: MIT
 *
 * relu: slopes 0 and 1. */
#include "network/activations/list.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){0, 1};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return x > 0 ? x : 0;
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    return x > 0 ? 1 : 0;
}

static size_t pieces(struct lip_piece *out, const double *parameter)
{
    (void)parameter;
    out[0] = (struct lip_piece){-INFINITY, 0, 0};
    out[1] = (struct lip_piece){0, 1, 0};
    return 2;
}

const struct lip_activation lip_activation_relu = {
    .name = "relu",
    .formula = "max(x, 0)",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .pieces = pieces,
};
