/* SPDX-License-Identifier: MIT
 *
 * soft-shrink: slope 0 between -lambda and lambda, 1 elsewhere; the identity
 * for lambda = 0. A negative lambda would make it jump. */
#include "network/activations/list.h"

#include <float.h>
#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    return (struct lip_slopes){parameter[0] > 0 ? 0 : 1, 1};
}

static double value(double x, const double *parameter)
{
    return x - fmin(fmax(x, -parameter[0]), parameter[0]);
}

static double derivative(double x, const double *parameter)
{
    return fabs(x) > parameter[0] ? 1 : 0;
}

static size_t pieces(struct lip_piece *out, const double *parameter)
{
    double lambda = parameter[0];
    out[0] = (struct lip_piece){-INFINITY, 1, lambda};
    out[1] = (struct lip_piece){-lambda, 0, 0};
    out[2] = (struct lip_piece){lambda, 1, -lambda};
    return 3;
}

const struct lip_activation lip_activation_soft_shrink = {
    .name = "soft-shrink",
    .formula = "x - lambda for x > lambda, x + lambda for x < -lambda, "
               "0 otherwise",
    .parameter = {{"lambda", 0.5, 0, DBL_MAX}},
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .pieces = pieces,
    .accuracy = {0x1p-52, 0},
};
