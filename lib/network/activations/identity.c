/* SPDX-License-Identifier: MIT
 *
 * identity: slope 1, no more and no less. */
#include "network/activations/list.h"

#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    (void)parameter;
    return (struct lip_slopes){1, 1};
}

static double value(double x, const double *parameter)
{
    (void)parameter;
    return x;
}

static double derivative(double x, const double *parameter)
{
    (void)parameter;
    (void)x;
    return 1;
}

static size_t pieces(struct lip_piece *out, const double *parameter)
{
    (void)parameter;
    out[0] = (struct lip_piece){-INFINITY, 1, 0};
    return 1;
}

const struct lip_activation lip_activation_identity = {
    .name = "identity",
    .formula = "x",
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .pieces = pieces,
};
