/* SPDX-License-Identifier: MIT
 *
 * spline: each neuron learns a function of its own, straight between
 * equidistant knots in [-range, range] and beyond them; the weights are its
 * values c_k at the knots. After each step slopes are clipped to [-1, 1],
 *
 *     c' = cumulative sum of clip(c_{k+1} - c_k, -step, step), the mean of c
 *          kept,
 *
 * and the penalty tv2 sum_k |c_{k+1} - 2 c_k + c_{k-1}| / step takes knots away
 * (Ducotterd, Goujon, Bohra, Perdios, Neumayer, Unser, JMLR 25, 2024). */
#include "base/size.h"
#include "training/layers/elementwise.h"
#include "training/layers/serve.h"

#include <math.h>

enum { MOST_KNOTS = 64 };

struct grid {
    size_t knots;
    float first, step;
};

static struct grid grid_of(const struct lip_trainable *layer)
{
    size_t knots = (size_t)layer->parameter[0];
    double range = layer->parameter[1];
    return (struct grid){knots, (float)-range,
                         (float)(2 * range / (double)(knots - 1))};
}

static enum lip_status plan(struct lip_trainable *layer, struct lip_ctx *ctx)
{
    enum lip_status status = lip_elementwise_plan(layer, ctx);
    double knots = layer->parameter[0];
    if (status != LIP_OK)
        return status;
    if (floor(knots) < knots)
        return lip_fail(ctx, LIP_INVALID,
                        "knots is %g: it must be a whole number.", knots);
    if (!lip_size_mul(&layer->weights, layer->inputs, (size_t)knots))
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "the layer's values exceed the address space.");
    return LIP_OK;
}

/* The piece that x is on and how far along, in steps. NaN stays NaN. */
struct spot {
    size_t k;
    float part;
};

static struct spot locate(const struct grid *grid, float x)
{
    float along = (x - grid->first) / grid->step;
    float last = (float)(grid->knots - 2);
    size_t k = along > 0 ? (size_t)(along < last ? along : last) : 0;
    return (struct spot){k, along - (float)k};
}

static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    const struct grid grid = grid_of(layer);
    size_t n = layer->inputs;
    for (size_t j = 0; j < n; j++) {
        const float *c = layer->weight + j * grid.knots;
        for (size_t i = j; i < rows * n; i += n) {
            struct spot at = locate(&grid, x[i]);
            y[i] = c[at.k] + (c[at.k + 1] - c[at.k]) * at.part;
        }
    }
}

static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    (void)y;
    const struct grid grid = grid_of(layer);
    size_t n = layer->inputs;
    for (size_t j = 0; j < n; j++) {
        const float *c = layer->weight + j * grid.knots;
        for (size_t i = j; i < rows * n; i += n) {
            size_t k = locate(&grid, x[i]).k;
            dx[i] = dy[i] * ((c[k + 1] - c[k]) / grid.step);
        }
    }
}

/* The penalty's gradient; a bend that is rounding alone counts as none. */
static void add_penalty(double *g, const float *c, const struct grid *grid,
                        double weight)
{
    for (size_t k = 1; weight > 0 && k + 1 < grid->knots; k++) {
        double bend = (double)c[k + 1] - 2 * (double)c[k] + (double)c[k - 1];
        double pull = weight / (double)grid->step;
        if (fabs(bend) < 1e-6 * (double)grid->step)
            continue;
        pull = bend > 0 ? pull : -pull;
        g[k - 1] += pull;
        g[k] -= 2 * pull;
        g[k + 1] += pull;
    }
}

static void gradient(const struct lip_trainable *layer, size_t first,
                     size_t count, const float *dy, const float *x, size_t rows)
{
    const struct grid grid = grid_of(layer);
    size_t n = layer->inputs;
    for (size_t j = first; j < first + count; j++) {
        double g[MOST_KNOTS] = {0};
        for (size_t i = j; i < rows * n; i += n) {
            struct spot at = locate(&grid, x[i]);
            g[at.k] += (double)(dy[i] * (1 - at.part));
            g[at.k + 1] += (double)(dy[i] * at.part);
        }
        add_penalty(g, layer->weight + j * grid.knots, &grid,
                    layer->parameter[2]);
        for (size_t k = 0; k < grid.knots; k++)
            layer->weight_gradient[j * grid.knots + k] = (float)g[k];
    }
}

static void mend_one(float *c, const struct grid *grid)
{
    double sum[MOST_KNOTS] = {0}, shift = c[0], step = grid->step;
    bool inside = true;
    for (size_t k = 1; k < grid->knots; k++) {
        double rise = (double)c[k] - (double)c[k - 1];
        inside = inside && fabs(rise) <= step;
        sum[k] = sum[k - 1] + fmax(fmin(rise, step), -step);
        shift += (double)c[k] - sum[k];
    }
    for (size_t k = 0; !inside && k < grid->knots; k++)
        c[k] = (float)(sum[k] + shift / (double)grid->knots);
}

static void mend(const struct lip_trainable *layer, float *weight)
{
    const struct grid grid = grid_of(layer);
    for (size_t j = 0; j < layer->inputs; j++)
        mend_one(weight + j * grid.knots, &grid);
}

static bool contracts(double *slope, const struct lip_trainable *layer,
                      enum lip_norm norm)
{
    (void)layer;
    (void)norm;
    *slope = 1;
    return true;
}

/* x and |x| in turn. */
static void begin(const struct lip_trainable *layer)
{
    const struct grid grid = grid_of(layer);
    for (size_t i = 0; i < layer->weights; i++) {
        float at = grid.first + (float)(i % grid.knots) * grid.step;
        layer->weight[i] = i / grid.knots % 2 ? fabsf(at) : at;
    }
}

/* False where |a - b| is the step, exactly, or less by more than roundings. The
 * difference of two floats of very different size is rounded even in double. */
static bool steeper(float a, float b, float step)
{
    double high = fmax(a, b), low = fmin(a, b), rise = high - low;
    double back = rise - high, lost = (high - (rise - back)) + (-low - back);
    bool whole = lost == 0 && rise <= step;
    return rise > step * (1 - 0x1p-40) && !(whole && rise >= step);
}

/* No rise above the step, in exact arithmetic, whatever rounding has left. */
static void settle(float *c, const struct grid *grid)
{
    for (size_t k = 1; k < grid->knots; k++) {
        if (!steeper(c[k], c[k - 1], grid->step))
            continue;
        c[k] = c[k - 1] + (c[k] > c[k - 1] ? grid->step : -grid->step);
        while (steeper(c[k], c[k - 1], grid->step))
            c[k] = nextafterf(c[k], c[k - 1]);
    }
}

static enum lip_status serve(struct lip_layer *out,
                             const struct lip_trainable *layer,
                             struct lip_ctx *ctx)
{
    const struct grid grid = grid_of(layer);
    const float ends[] = {grid.first, grid.step};
    size_t shape[] = {layer->inputs, grid.knots}, two[] = {2};
    mend(layer, layer->weight);
    for (size_t j = 0; j < layer->inputs; j++)
        settle(layer->weight + j * grid.knots, &grid);
    out->kind = &lip_layer_spline;
    enum lip_status status =
        lip_float_tensor(&out->weight, layer->weight, shape, 2, ctx);
    if (status == LIP_OK)
        status = lip_float_tensor(&out->bias, ends, two, 1, ctx);
    return status;
}

const struct lip_trainable_kind lip_trainable_spline = {
    .name = "spline",
    .title = "A learned function for each neuron, straight between knots",
    .parameter = {{"knots", 9, 2, MOST_KNOTS},
                  {"range", 4, 1e-3, 1e6},
                  {"tv2", 0, 0, 1e3}},
    .flat = true,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .gradient = gradient,
    .mend = mend,
    .contracts = contracts,
    .serve = serve,
    .begin = begin,
};
