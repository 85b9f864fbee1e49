/* SPDX-License-Identifier: MIT
 *
 * householder: with v = (sin t/2, -cos t/2) for each pair z of neighbours, z
 * where v'z > 0 and its mirror image z - 2 (v'z) v otherwise (Singla, Singla,
 * Feizi 2022). The weight holds the angles t, one a pair; t = pi/2 is MaxMin.
 * Angles and not vectors are stored, so that v has length 1 exactly. */
#include "network/network.h"

#include <math.h>

static enum lip_status infer(struct lip_layer *layer, size_t inputs,
                             struct lip_ctx *ctx)
{
    const struct lip_tensor *angles = &layer->weight;
    if (!angles->data || angles->rank != 1 || angles->dim[0] == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "the angles must be a list of numbers, one for each "
                        "pair of inputs.");
    size_t pairs = angles->dim[0];
    if (inputs && (inputs % 2 != 0 || inputs / 2 != pairs))
        return lip_fail(ctx, LIP_INVALID,
                        "there are %zu angles, but %zu numbers come in: give "
                        "one for each pair of them.",
                        pairs, inputs);
    layer->inputs = layer->outputs = 2 * pairs;
    return LIP_OK;
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    for (size_t j = 0; j < layer->inputs; j += 2) {
        double half = lip_tensor_at(&layer->weight, j / 2) / 2;
        double v[] = {sin(half), -cos(half)};
        double s = v[0] * x[j] + v[1] * x[j + 1];
        double twice = s > 0 ? 0 : 2 * s;
        double first = x[j] - twice * v[0], second = x[j + 1] - twice * v[1];
        y[j] = first;
        y[j + 1] = second;
    }
}

/* The pieces, identity and reflection, meet on the mirror: the constant is the
 * larger of their norms. A reflection [c s; s -c] keeps l2 lengths; its columns
 * and rows sum to |c| + |s| <= sqrt 2. */
static double constant(const struct lip_layer *layer, enum lip_norm norm)
{
    static const double root_two = 0x1.6a09e667f3bcdp+0; /* rounded up */
    (void)layer;
    return norm == LIP_NORM_2 ? 1 : root_two;
}

static size_t steps(const struct lip_layer *layer)
{
    (void)layer;
    return 1;
}

static size_t mirrors(const struct lip_layer *layer, size_t step,
                      struct lip_mirror *pair)
{
    (void)step;
    for (size_t k = 0; pair && k < layer->inputs / 2; k++) {
        double half = lip_tensor_at(&layer->weight, k) / 2;
        pair[k] =
            (struct lip_mirror){2 * k, 2 * k + 1, cos(half), sin(half), 1};
    }
    return layer->inputs / 2;
}

const struct lip_layer_kind lip_layer_householder = {
    .name = "householder",
    .title = "Pairs of numbers mirrored at lines with given angles",
    .role = LIP_ROLE_JOINT,
    .infer = infer,
    .eval = eval,
    .constant = constant,
    .accurate = true,
    .steps = steps,
    .mirrors = mirrors,
    .mirror_error = 0x1p-49, /* 16 units in the last place below 1 */
    .weight_name = "angles",
    .weight_rank = 1,
};
