/* SPDX-License-Identifier: MIT
 *
 * Drawing networks. */
#include "tests/support/random_network.h"

#include "linalg/random.h"
#include "tests/support/layers.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LAYERS = 8, WIDTH = 12 };

struct drawing {
    uint64_t *seed;
    struct random_network what;
    struct lip_ctx *ctx;
    size_t width; /* of what the last layer gives */
};

static size_t below(struct drawing *drawing, size_t n)
{
    return (size_t)(lip_random_next(drawing->seed) % n);
}

static double uniform(struct drawing *drawing)
{
    return ldexp((double)(int64_t)lip_random_next(drawing->seed), -63);
}

/* A number that the type holds. */
static double number(struct drawing *drawing, enum lip_dtype dtype)
{
    static const double odd[] = {-0.0, 5e-324, -2.5e-310, 1e300, 0.1, 1e22};
    double value = uniform(drawing);
    if (!drawing->what.wild)
        return value;
    if (dtype == LIP_F16)
        return nearbyint(1000 * value) / 64;
    if (dtype == LIP_BF16)
        return nearbyint(127 * value) / 16;
    if (dtype == LIP_F32)
        return (float)ldexp(value, (int)below(drawing, 40) - 20);
    return below(drawing, 4) ? ldexp(value, (int)below(drawing, 60) - 30)
                             : odd[below(drawing, 6)];
}

static struct lip_tensor tensor(struct drawing *drawing, size_t rows,
                                size_t cols)
{
    double value[WIDTH * WIDTH];
    enum lip_dtype dtype = LIP_F64;
    bool by_columns = false;
    if (drawing->what.wild) {
        dtype = (enum lip_dtype)below(drawing, 4);
        by_columns = cols && below(drawing, 2);
    }
    for (size_t i = 0; i < rows * (cols ? cols : 1); i++)
        value[i] = number(drawing, dtype);
    return make_tensor(dtype, by_columns, rows, cols, value, drawing->ctx);
}

static void name(struct lip_layer *layer, struct drawing *drawing)
{
    static const char *const names[] = {"", "fc1", "a \"b\"\\/", "\xc3\xa9\t"};
    if (drawing->what.wild)
        snprintf(layer->name, sizeof layer->name, "%s",
                 names[below(drawing, 4)]);
}

static void dense(struct lip_layer *layer, struct drawing *drawing)
{
    size_t outputs = 1 + below(drawing, WIDTH);
    if (below(drawing, 2))
        outputs = WIDTH;
    layer->kind = &lip_layer_dense;
    layer->weight = tensor(drawing, outputs, drawing->width);
    if (below(drawing, 2))
        layer->bias = tensor(drawing, outputs, 0);
    drawing->width = outputs;
}

static void groupsort(struct lip_layer *layer, struct drawing *drawing)
{
    if (drawing->what.pairs_only && drawing->width % 2) {
        dense(layer, drawing);
        return;
    }
    layer->kind = &lip_layer_group_sort;
    size_t group = below(drawing, drawing->width + 1);
    layer->group = group && drawing->width % group ? 0 : group;
    if (drawing->what.pairs_only)
        layer->group = 2;
}

static void householder(struct lip_layer *layer, struct drawing *drawing)
{
    if (drawing->width % 2 || drawing->what.pairs_only) {
        groupsort(layer, drawing);
        return;
    }
    layer->kind = &lip_layer_householder;
    layer->weight = tensor(drawing, drawing->width / 2, 0);
}

static void flatten(struct lip_layer *layer, struct drawing *drawing)
{
    (void)drawing;
    layer->kind = &lip_layer_flatten;
}

static void activation(struct lip_layer *layer, struct drawing *drawing)
{
    size_t count = 0;
    while (lip_activations[count])
        count++;
    *layer = make_activation(lip_activations[below(drawing, count)]->name);
    const struct lip_parameter *parameter = layer->activation->parameter;
    for (size_t k = 0; parameter[k].name && below(drawing, 3); k++) {
        double lo = fmax(parameter[k].min, -2), hi = fmin(parameter[k].max, 2);
        layer->parameter[k] = lo + (hi - lo) * fabs(uniform(drawing));
    }
    if (layer->activation->per_neuron && drawing->width > 1) {
        struct random_network what = drawing->what;
        drawing->what.wild = false; /* slopes have bounds */
        layer->weight = tensor(drawing, drawing->width, 0);
        drawing->what = what;
    }
}

static void draw(struct lip_layer *layer, struct drawing *drawing)
{
    static void (*const draws[])(struct lip_layer *, struct drawing *) = {
        dense, groupsort, householder, dense, activation, activation, flatten};
    draws[below(drawing, drawing->what.sorts_only ? 4 : 7)](layer, drawing);
}

struct lip_network *random_network(uint64_t *seed, struct random_network what,
                                   struct lip_ctx *ctx)
{
    struct drawing drawing = {.seed = seed, .what = what, .ctx = ctx};
    struct lip_layer layer[LAYERS] = {{0}};
    struct lip_network *network;
    size_t count = 1 + below(&drawing, LAYERS);
    drawing.width = 1 + below(&drawing, WIDTH);
    dense(&layer[0], &drawing);
    for (size_t i = 1; i < count; i++)
        draw(&layer[i], &drawing);
    for (size_t i = 0; i < count; i++)
        name(&layer[i], &drawing);
    enum lip_status status = make_network(&network, layer, count, ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx->error.detail);
    return network;
}
