/* SPDX-License-Identifier: MIT
 *
 * layer-norm: w_i (x_i - m) / sqrt(v + epsilon) + b_i with the mean m and the
 * variance v of the numbers along the axes from `axis` on; weight and bias,
 * which may be left out, have one number for each of them. */
#include "linalg/rounding.h"
#include "network/layers/settings.h"

#include <math.h>

enum { AXIS };

/* The numbers of the axes from `axis` on. */
static size_t block(const struct lip_shape *shape, size_t axis)
{
    size_t count = 1;
    for (size_t a = axis; a < shape->rank; a++)
        count *= shape->dim[a];
    return count;
}

/* Whether the list has the shape of the axes from `axis` on. */
static bool matches(const struct lip_tensor *list, const struct lip_shape *in,
                    size_t axis)
{
    if (list->rank != in->rank - axis)
        return false;
    for (size_t k = 0; k < list->rank; k++)
        if (list->dim[k] != in->dim[axis + k])
            return false;
    return true;
}

/* Where no axis is given: the last axes that the weight (or the bias) has the
 * shape of, else those it has as many numbers as, else the last one. */
static size_t guess_axis(const struct lip_layer *layer,
                         const struct lip_shape *in)
{
    const struct lip_tensor *list =
        layer->weight.data ? &layer->weight : &layer->bias;
    size_t axis = in->rank ? in->rank - 1 : 0;
    if (!list->data)
        return axis;
    if (list->rank && list->rank <= in->rank &&
        matches(list, in, in->rank - list->rank))
        return in->rank - list->rank;
    while (axis > 0 && block(in, axis) < lip_tensor_count(list))
        axis--;
    return axis;
}

/* Gives the list the shape of the axes it stands for. */
static enum lip_status check(struct lip_tensor *list, const char *name,
                             const struct lip_shape *in, size_t axis,
                             struct lip_ctx *ctx)
{
    size_t rank = in->rank - axis;
    if (!list->data || matches(list, in, axis))
        return LIP_OK;
    enum lip_status status = lip_layer_list(list, name, block(in, axis),
                                            "number that is normalised", ctx);
    if (status != LIP_OK)
        return status;
    list->rank = rank;
    for (size_t k = 0; k < rank; k++)
        list->dim[k] = in->dim[axis + k];
    return LIP_OK;
}

static enum lip_status infer(struct lip_layer *layer,
                             const struct lip_shape *in, size_t count,
                             struct lip_ctx *ctx)
{
    (void)count;
    long guessed = (long)guess_axis(layer, in);
    enum lip_status status = lip_layer_fill(layer, "axis", 1, guessed, ctx);
    if (status != LIP_OK)
        return status;
    size_t axis = (size_t)layer->setting[AXIS].value[0];
    if (axis > 0 && axis >= in->rank)
        return lip_fail(ctx, LIP_INVALID,
                        "axis is %zu, but what comes in has %zu axes (counted "
                        "from 0, without the batch).",
                        axis, in->rank);
    if (!(layer->parameter[0] >= 0))
        return lip_fail(ctx, LIP_INVALID,
                        "epsilon is %g: it must not be negative.",
                        layer->parameter[0]);
    status = check(&layer->weight, "weight", in, axis, ctx);
    if (status == LIP_OK)
        status = check(&layer->bias, "bias", in, axis, ctx);
    layer->out = *in;
    return status;
}

/* One block of n numbers. */
static void normalise(double *y, const struct lip_layer *layer, const double *x,
                      size_t n)
{
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean) / (double)n;
    double scale = sqrt(variance + layer->parameter[0]);
    for (size_t i = 0; i < n; i++) {
        y[i] = scale > 0 ? (x[i] - mean) / scale : 0;
        if (layer->weight.data)
            y[i] *= lip_tensor_number(&layer->weight, i);
        if (layer->bias.data)
            y[i] += lip_tensor_number(&layer->bias, i);
    }
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    size_t n = block(&layer->in, (size_t)layer->setting[AXIS].value[0]);
    for (size_t k = 0; k < layer->outputs; k += n)
        normalise(y + k, layer, x + k, n);
}

/* With z = (x - m) / sqrt(v + e), |z|_2^2 = d s^2, s^2 = v / (v + e) < 1, the
 * Jacobian is diag(w) M / sqrt(v + e), M = I - 11'/d - zz'/d.
 *
 * l2: M is symmetric with eigenvalues 0, 1 and 1 - s^2: at most 1.
 *
 * l1, linf: the entries of row i of M add up, in size, to at most
 * 2 (1 - 1/d) + |z_i| |z|_1 / d; as the z_i add up to 0, |z_i| <= s sqrt(d-1),
 * and |z|_1 <= d s. So row sums, and by symmetry column sums, of M / sqrt(v +
 * e) are at most (2 (1 - 1/d) + s^2 sqrt(d-1)) / sqrt(v + e), in which
 * s^2 / sqrt(v + e) = v / (v + e)^{3/2} <= 2 / (3^{3/2} sqrt e) < 0.385 / sqrt
 * e. They are also at most sqrt(d) times the l2 norm. */
static double factor(size_t d, enum lip_norm norm)
{
    double n = (double)d;
    if (d == 1)
        return 0;
    if (norm == LIP_NORM_2)
        return 1;
    double rows = lip_add_up(2, lip_mul_up(0.385, lip_sqrt_up(n - 1)));
    return fmin(rows, lip_sqrt_up(n));
}

static double constant(const struct lip_layer *layer, enum lip_norm norm)
{
    size_t d = block(&layer->in, (size_t)layer->setting[AXIS].value[0]);
    double most = layer->weight.data ? 0 : 1;
    for (size_t i = 0; layer->weight.data && i < d; i++)
        most = fmax(most, fabs(lip_tensor_at(&layer->weight, i)));
    double top = lip_mul_up(most, factor(d, norm));
    double root = lip_sqrt_down(layer->parameter[0]);
    return top == 0 ? 0 : root > 0 ? lip_div_up(top, root) : INFINITY;
}

static const struct lip_setting_kind setting[] = {
    [AXIS] = {"axis", 0, 1, 0, LIP_MAX_RANK - 1},
    {0},
};

static const struct lip_parameter parameter[] = {
    {"epsilon", 1e-5, 0, 1e300},
    {0},
};

const struct lip_layer_kind lip_layer_layer_norm = {
    .name = "layer-norm",
    .title = "Numbers less their mean, divided by their deviation",
    .role = LIP_ROLE_JOINT,
    .infer_shape = infer,
    .eval = eval,
    .constant = constant,
    .weight_name = "weight",
    .bias_name = "bias",
    .parameter = parameter,
    .setting = setting,
};
