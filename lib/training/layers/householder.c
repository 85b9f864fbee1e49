/* SPDX-License-Identifier: MIT
 *
 * householder: with v = (sin t/2, -cos t/2) for each pair z of numbers, z
 * where v'z > 0 and its mirror image z - 2 (v'z) v otherwise; the angle t
 * learns (Singla, Singla, Feizi 2022). t = pi/2 is MaxMin. The two pieces meet
 * on the mirror, so that the map keeps or shrinks every l2 distance. */
#include "training/layers/list.h"
#include "training/layers/serve.h"

#include <math.h>

static enum lip_status plan(struct lip_trainable *layer, struct lip_ctx *ctx)
{
    if (layer->inputs % 2 != 0)
        return lip_fail(ctx, LIP_INVALID,
                        "the layer turns pairs of numbers, but %zu come in: "
                        "make the layer before it even.",
                        layer->inputs);
    layer->outputs = layer->inputs;
    layer->weights = layer->inputs / 2;
    return LIP_OK;
}

/* a v'z < 0 pair's mirror; d = derivative of v by t. */
struct mirror {
    float v[2], d[2];
};

static struct mirror mirror_of(float angle)
{
    float s = sinf(angle / 2), c = cosf(angle / 2);
    return (struct mirror){{s, -c}, {c / 2, s / 2}};
}

static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    for (size_t j = 0; j < layer->inputs; j += 2) {
        struct mirror m = mirror_of(layer->weight[j / 2]);
        for (size_t i = j; i < rows * layer->inputs; i += layer->inputs) {
            float s = m.v[0] * x[i] + m.v[1] * x[i + 1];
            float twice = s > 0 ? 0 : 2 * s;
            y[i] = x[i] - twice * m.v[0];
            y[i + 1] = x[i + 1] - twice * m.v[1];
        }
    }
}

/* A reflection is its own transpose. */
static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    (void)y;
    for (size_t j = 0; j < layer->inputs; j += 2) {
        struct mirror m = mirror_of(layer->weight[j / 2]);
        for (size_t i = j; i < rows * layer->inputs; i += layer->inputs) {
            float s = m.v[0] * x[i] + m.v[1] * x[i + 1];
            float t = m.v[0] * dy[i] + m.v[1] * dy[i + 1];
            float twice = s > 0 ? 0 : 2 * t;
            dx[i] = dy[i] - twice * m.v[0];
            dx[i + 1] = dy[i + 1] - twice * m.v[1];
        }
    }
}

/* d/dt (z - 2 (v'z) v) = -2 ((d'z) v + (v'z) d). */
static void gradient(const struct lip_trainable *layer, size_t first,
                     size_t count, const float *dy, const float *x, size_t rows)
{
    for (size_t j = first; j < first + count; j += 2) {
        struct mirror m = mirror_of(layer->weight[j / 2]);
        float sum = 0;
        for (size_t i = j; i < rows * layer->inputs; i += layer->inputs) {
            float s = m.v[0] * x[i] + m.v[1] * x[i + 1];
            float r = m.d[0] * x[i] + m.d[1] * x[i + 1];
            float a = r * m.v[0] + s * m.d[0], b = r * m.v[1] + s * m.d[1];
            sum += s > 0 ? 0 : -2 * (dy[i] * a + dy[i + 1] * b);
        }
        layer->weight_gradient[j / 2] = sum;
    }
}

static bool contracts(double *slope, const struct lip_trainable *layer,
                      enum lip_norm norm)
{
    (void)layer;
    *slope = 1;
    return norm == LIP_NORM_2;
}

static void begin(const struct lip_trainable *layer)
{
    for (size_t k = 0; k < layer->weights; k++)
        layer->weight[k] = 1.5707964F;
}

static enum lip_status serve(struct lip_layer *out,
                             const struct lip_trainable *layer,
                             struct lip_ctx *ctx)
{
    out->kind = &lip_layer_householder;
    return lip_float_tensor(&out->weight, layer->weight, &layer->weights, 1,
                            ctx);
}

const struct lip_trainable_kind lip_trainable_householder = {
    .name = "householder",
    .title = "Pairs of numbers mirrored at a line whose angle learns",
    .flat = true,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .gradient = gradient,
    .contracts = contracts,
    .serve = serve,
    .begin = begin,
};
