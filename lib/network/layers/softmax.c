/* SPDX-License-Identifier: MIT
 *
 * softmax: exp x_i / sum_j exp x_j along the last axis. */
#include "network/network.h"

#include <math.h>

static enum lip_status infer(struct lip_layer *layer,
                             const struct lip_shape *in, size_t count,
                             struct lip_ctx *ctx)
{
    (void)count;
    (void)ctx;
    layer->out = *in;
    return LIP_OK;
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    const struct lip_shape *shape = &layer->out;
    size_t n = shape->rank ? shape->dim[shape->rank - 1] : 1;
    for (size_t first = 0; first < layer->outputs; first += n) {
        double most = x[first], sum = 0;
        for (size_t i = 1; i < n; i++)
            most = fmax(most, x[first + i]);
        for (size_t i = 0; i < n; i++)
            sum += y[first + i] = exp(x[first + i] - most);
        for (size_t i = 0; i < n; i++)
            y[first + i] /= sum;
    }
}

/* The Jacobian J = diag(p) - p p' is symmetric, and the entries of row i add
 * up, in size, to p_i (1 - p_i) + p_i sum_{j != i} p_j = 2 p_i (1 - p_i) <= 1/2
 * : so |J|_1 = |J|_inf <= 1/2, and |J|_2 <= sqrt(|J|_1 |J|_inf). Several rows
 * are blocks on the diagonal, of which the worst counts. */
static double constant(const struct lip_layer *layer, enum lip_norm norm)
{
    (void)layer;
    (void)norm;
    return 0.5;
}

const struct lip_layer_kind lip_layer_softmax = {
    .name = "softmax",
    .title = "Exponentials divided by their sum, along the last axis",
    .role = LIP_ROLE_JOINT,
    .infer_shape = infer,
    .eval = eval,
    .constant = constant,
};
