/* SPDX-License-Identifier: MIT
 *
 * leaky-relu: slopes 1 and negative_slope, in either order; a negative
 * negative_slope makes it fold like abs. */
#include "network/activations/list.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    return (struct lip_slopes){fmin(1, parameter[0]), fmax(1, parameter[0])};
}

static double value(double x, const double *parameter)
{
    return x > 0 ? x : parameter[0] * x;
}

static double derivative(double x, const double *parameter)
{
    return x > 0 ? 1 : parameter[0];
}

static size_t pieces(struct lip_piece *out, const double *parameter)
{
    out[0] = (struct lip_piece){-INFINITY, parameter[0], 0};
    out[1] = (struct lip_piece){0, 1, 0};
    return 2;
}

const struct lip_activation lip_activation_leaky_relu = {
    .name = "leaky-relu",
    .formula = "x for x > 0, negative_slope x otherwise",
    .parameter = {{"negative_slope", 0.01, -1e6, 1e6}},
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .pieces = pieces,
    .accuracy = {0x1p-52, 0},
};
