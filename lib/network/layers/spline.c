/* SPDX-License-Identifier: MIT
 *
 * spline: each neuron a function of its own, straight between equidistant
 * knots t_k = first + k step and beyond the outer ones. The weight holds the
 * values at the knots, a row for each neuron; the bias the grid, first and
 * step. (Ducotterd, Goujon, Bohra, Perdios, Neumayer, Unser, JMLR 25, 2024) */
#include "network/network.h"

#include <math.h>

static enum lip_status infer(struct lip_layer *layer, size_t inputs,
                             struct lip_ctx *ctx)
{
    const struct lip_tensor *values = &layer->weight, *grid = &layer->bias;
    if (!values->data || values->rank != 2 || values->dim[0] == 0 ||
        values->dim[1] < 2)
        return lip_fail(ctx, LIP_INVALID,
                        "the values must be a matrix, a row of at least 2 "
                        "numbers for each neuron.");
    if (!grid->data || grid->rank != 1 || grid->dim[0] != 2 ||
        !(lip_tensor_at(grid, 1) > 0))
        return lip_fail(ctx, LIP_INVALID,
                        "the grid must be two numbers: the first knot, and "
                        "the distance of two knots, above 0.");
    if (inputs && inputs != values->dim[0])
        return lip_fail(ctx, LIP_INVALID,
                        "there are values for %zu neurons, but %zu numbers "
                        "come in: give a row for each.",
                        values->dim[0], inputs);
    layer->inputs = layer->outputs = values->dim[0];
    return LIP_OK;
}

static double value_at(const struct lip_layer *layer, size_t neuron, size_t k)
{
    const struct lip_tensor *values = &layer->weight;
    size_t rows = values->dim[0], knots = values->dim[1];
    return lip_tensor_at(values, values->column_major ? k * rows + neuron
                                                      : neuron * knots + k);
}

static double eval_one(const struct lip_layer *layer, size_t neuron, double x)
{
    double first = lip_tensor_at(&layer->bias, 0);
    double step = lip_tensor_at(&layer->bias, 1);
    double last = (double)(layer->weight.dim[1] - 2);
    double k = fmin(fmax(floor((x - first) / step), 0), last);
    double low = value_at(layer, neuron, (size_t)k);
    double high = value_at(layer, neuron, (size_t)k + 1);
    return low + (high - low) * ((x - (first + k * step)) / step);
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    for (size_t i = 0; i < layer->outputs; i++)
        y[i] = eval_one(layer, i, x[i]);
}

/* An interval with (high - low) / step in it, one number where the division
 * is exact. Else both roundings are covered: less than four units in the last
 * place. */
static struct lip_slopes slope_between(double low, double high, double step)
{
    double rise = high - low, slope = rise / step;
    double back = rise - high, lost = (high - (rise - back)) + (-low - back);
    bool exact = lost == 0 && fma(slope, step, -rise) == 0 &&
                 (rise == 0 || fabs(rise) > 0x1p-900);
    struct lip_slopes out = {slope, slope};
    for (int i = 0; !exact && i < 4; i++) {
        out.lo = nextafter(out.lo, -INFINITY);
        out.hi = nextafter(out.hi, INFINITY);
    }
    return out;
}

static struct lip_slopes slopes(const struct lip_layer *layer, size_t neuron)
{
    double step = lip_tensor_at(&layer->bias, 1);
    double low = value_at(layer, neuron, 0);
    struct lip_slopes all = {INFINITY, -INFINITY};
    for (size_t k = 1; k < layer->weight.dim[1]; k++) {
        double high = value_at(layer, neuron, k);
        struct lip_slopes one = slope_between(low, high, step);
        all.lo = fmin(all.lo, one.lo);
        all.hi = fmax(all.hi, one.hi);
        low = high;
    }
    return all;
}

/* Knots and values enter the sums of eval: those within M and C give errors of
 * a few units in the last place of C + s (|x| + M), s the steepest slope. A
 * piece taken by mistake differs by s times the error of its knot. */
static double rounding(const struct lip_layer *layer)
{
    double knots = (double)layer->weight.dim[1], most = 0, steep = 0;
    double reach = fabs(lip_tensor_at(&layer->bias, 0)) +
                   knots * lip_tensor_at(&layer->bias, 1);
    for (size_t i = 0; i < lip_tensor_count(&layer->weight); i++)
        most = fmax(most, fabs(lip_tensor_at(&layer->weight, i)));
    for (size_t i = 0; i < layer->outputs; i++) {
        struct lip_slopes s = slopes(layer, i);
        steep = fmax(steep, fmax(fabs(s.lo), fabs(s.hi)));
    }
    return 2 * (most + steep * reach);
}

const struct lip_layer_kind lip_layer_spline = {
    .name = "spline",
    .title = "Each number through straight pieces between knots of its own",
    .role = LIP_ROLE_ELEMENTWISE,
    .infer = infer,
    .eval = eval,
    .slopes = slopes,
    .rounding = rounding,
    .weight_name = "values",
    .bias_name = "grid",
    .weight_rank = 2,
};
