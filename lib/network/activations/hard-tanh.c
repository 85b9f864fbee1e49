/* SPDX-License-Identifier: MIT
 *
 * hard-tanh: the identity between its two bounds; constant where they leave no
 * room between them. */
#include "network/activations/list.h"

#include <float.h>
#include <math.h>

static struct lip_slopes slopes(const double *parameter)
{
    return (struct lip_slopes){0, parameter[0] < parameter[1] ? 1 : 0};
}

static double value(double x, const double *parameter)
{
    return fmin(fmax(x, parameter[0]), parameter[1]);
}

static double derivative(double x, const double *parameter)
{
    return x > parameter[0] && x < parameter[1] ? 1 : 0;
}

static size_t pieces(struct lip_piece *out, const double *parameter)
{
    double lo = parameter[0], hi = parameter[1];
    if (!(lo < hi)) {
        out[0] = (struct lip_piece){-INFINITY, 0, hi};
        return 1;
    }
    out[0] = (struct lip_piece){-INFINITY, 0, lo};
    out[1] = (struct lip_piece){lo, 1, 0};
    out[2] = (struct lip_piece){hi, 0, hi};
    return 3;
}

const struct lip_activation lip_activation_hard_tanh = {
    .name = "hard-tanh",
    .formula = "min(max(x, min_val), max_val)",
    .parameter = {{"min_val", -1, -DBL_MAX, DBL_MAX},
                  {"max_val", 1, -DBL_MAX, DBL_MAX}},
    .slopes = slopes,
    .value = value,
    .derivative = derivative,
    .pieces = pieces,
};
