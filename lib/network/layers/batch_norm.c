/* SPDX-License-Identifier: MIT
 *
 * batch-norm as it is when a network is used: of channel c (the first index)
 *
 *     y = s_c x + (b_c - s_c m_c),   s_c = w_c / sqrt(v_c + epsilon),
 *
 * with the stored mean m and variance v; weight and bias may be left out. */
#include "linalg/rounding.h"
#include "network/layers/settings.h"

#include <math.h>

/* A number as the sum of two, the second below half a unit in the last place of
 * the first. */
struct pair {
    double hi, lo;
};

static struct pair sum(double a, double b)
{
    double s = a + b, back = s - a;
    return (struct pair){s, (a - (s - back)) + (b - back)};
}

struct channel {
    double scale, offset;
    double error; /* relative, of either; infinite where there is none */
};

/* Within this range products of three numbers and what rounding lost of them
 * are normal numbers. */
static const double largest = 0x1p300, smallest = 0x1p-300;

/* Bounds divide by 1 less the error. */
static const double most_error = 0x1p-30;

static double part(const struct lip_tensor *tensor, size_t c, double fallback)
{
    return tensor->data ? lip_tensor_at(tensor, c) : fallback;
}

/* Each step but the last is done to twice the digits of a double, so that a
 * shift by a mean close to the bias keeps its digits: scale.hi + scale.lo is
 * within 2^-100 of s_c, and so is b_c - s_c m_c within 2^-98 (|b_c| + |s_c
 * m_c|). Where root and quotient come out even, so that nothing was lost, the
 * difference is rounded once. */
static struct channel channel(const struct lip_layer *layer, size_t c)
{
    double weight = part(&layer->weight, c, 1), bias = part(&layer->bias, c, 0);
    double mean = lip_tensor_at(&layer->mean, c);
    struct pair v =
        sum(lip_tensor_at(&layer->variance, c), layer->parameter[0]);
    double root = sqrt(v.hi);
    double lost = fma(-root, root, v.hi) + v.lo;
    double root_lo = lost / (2 * root);
    struct pair s = {weight / root, 0};
    double rest = fma(-s.hi, root, weight) - s.hi * root_lo;
    s.lo = rest / root;
    double product = mean * s.hi;
    double product_lo = fma(mean, s.hi, -product) + mean * s.lo;
    struct pair shift = sum(bias, -product);
    struct channel out = {s.hi, shift.hi + (shift.lo - product_lo), 0};
    bool exact = lost == 0 && rest == 0;
    double error = exact ? 0 : 0x1p-98 * (fabs(bias) + fabs(product));
    if (mean != 0 && weight != 0 && fabs(product) < smallest)
        error += 0x1p-1000; /* what is below all doubles, generously */
    out.error = 4 * LIP_UNIT;
    if (error > 0)
        out.error += lip_up(error / fabs(out.offset));
    return out;
}

static enum lip_status check_channel(const struct lip_layer *layer, size_t c,
                                     struct lip_ctx *ctx)
{
    double v = lip_tensor_at(&layer->variance, c), e = layer->parameter[0];
    double weight = fabs(part(&layer->weight, c, 1));
    double scale = weight / sqrt(v + e); /* may be too small for a double */
    double mean = fabs(lip_tensor_at(&layer->mean, c));
    if (!(v >= 0) || !(e >= 0) || !(v + e >= smallest) || v + e > largest)
        return lip_fail(ctx, LIP_INVALID,
                        "the variance of channel %zu is %g and epsilon %g: "
                        "neither may be negative, and their sum must lie "
                        "between %g and %g.",
                        c, v, e, smallest, largest);
    if (scale > largest || (weight > 0 && scale < smallest) || mean > largest ||
        fabs(part(&layer->bias, c, 0)) > largest)
        return lip_fail(ctx, LIP_INVALID,
                        "channel %zu is scaled by %g, its mean is %g and its "
                        "bias %g: such numbers cannot be folded with "
                        "certainty. Sizes up to %g are fine.",
                        c, scale, mean, part(&layer->bias, c, 0), largest);
    if (!(channel(layer, c).error < most_error))
        return lip_fail(ctx, LIP_INVALID,
                        "the shift of channel %zu, of mean %g and bias %g, is "
                        "too small to be known with certainty: a mean of 0, or "
                        "a bias that does not cancel it, is fine.",
                        c, part(&layer->mean, c, 0), part(&layer->bias, c, 0));
    return LIP_OK;
}

static enum lip_status infer(struct lip_layer *layer,
                             const struct lip_shape *in, size_t count,
                             struct lip_ctx *ctx)
{
    static const char *const name[LIP_PARTS] = {"weight", "bias", "mean",
                                                "variance"};
    size_t channels = lip_shape_channels(in);
    (void)count;
    if (!layer->mean.data || !layer->variance.data)
        return lip_fail(ctx, LIP_INVALID,
                        "the %s is missing: give a list of %zu numbers, one a "
                        "channel.",
                        layer->mean.data ? "variance" : "mean", channels);
    enum lip_status status = LIP_OK;
    for (int part = 0; part < LIP_PARTS && status == LIP_OK; part++)
        status = lip_layer_list(lip_layer_tensor(layer, (enum lip_part)part),
                                name[part], channels, "channel", ctx);
    for (size_t c = 0; c < channels && status == LIP_OK; c++)
        status = check_channel(layer, c, ctx);
    layer->out = *in;
    layer->fan_in = 1;
    return status;
}

static size_t channel_of(const struct lip_layer *layer, size_t k)
{
    return k / (layer->outputs / lip_shape_channels(&layer->in));
}

static size_t row(const struct lip_layer *layer, size_t k, size_t *column,
                  double *value)
{
    *column = k;
    *value = channel(layer, channel_of(layer, k)).scale;
    return 1;
}

static double offset(const struct lip_layer *layer, size_t k)
{
    return channel(layer, channel_of(layer, k)).offset;
}

static double uncertainty(const struct lip_layer *layer)
{
    double most = 0;
    for (size_t c = 0; c < lip_shape_channels(&layer->in); c++)
        most = fmax(most, channel(layer, c).error);
    return most;
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    size_t channels = lip_shape_channels(&layer->in);
    size_t area = layer->outputs / channels;
    for (size_t c = 0; c < channels; c++) {
        struct channel own = channel(layer, c);
        for (size_t k = c * area; k < (c + 1) * area; k++)
            y[k] = own.scale * x[k] + own.offset;
    }
}

static const struct lip_parameter parameter[] = {
    {"epsilon", 1e-5, 0, 0x1p300},
    {0},
};

const struct lip_layer_kind lip_layer_batch_norm = {
    .name = "batch-norm",
    .title = "Each channel less its stored mean, by its stored deviation",
    .role = LIP_ROLE_LINEAR,
    .infer_shape = infer,
    .eval = eval,
    .row = row,
    .offset = offset,
    .uncertainty = uncertainty,
    .weight_name = "weight",
    .bias_name = "bias",
    .mean_name = "mean",
    .variance_name = "variance",
    .parameter = parameter,
};
