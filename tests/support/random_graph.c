/* SPDX-License-Identifier: MIT
 *
 * Drawing graphs. A layer that does not fit what comes before it is drawn
 * again. */
#include "tests/support/random_graph.h"

#include "linalg/random.h"
#include "tests/support/graph.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

enum { LAYERS = 10, NUMBERS = 4096 };

struct drawing {
    uint64_t *seed;
    struct lip_ctx *ctx;
    struct lip_layer layer[LAYERS];
    struct lip_shape shape[LAYERS]; /* what comes out of each */
    size_t count;
};

static size_t from(struct drawing *d, size_t least, size_t most)
{
    return least + (size_t)(lip_random_next(d->seed) % (most - least + 1));
}

static struct lip_tensor tensor(struct drawing *d, const size_t *dim,
                                size_t rank, bool positive)
{
    double value[NUMBERS];
    enum lip_dtype dtype = (enum lip_dtype)from(d, 0, 3);
    size_t count = 1;
    for (size_t k = 0; k < rank; k++)
        count *= dim[k];
    ck_assert_uint_le(count, NUMBERS);
    for (size_t i = 0; i < count; i++) {
        value[i] = ((double)from(d, 0, 254) - 127) / 64;
        if (positive)
            value[i] = fabs(value[i]) + 1;
    }
    struct lip_tensor out = make_tensor(dtype, false, count, 0, value, d->ctx);
    out.rank = rank;
    for (size_t k = 0; k < rank; k++)
        out.dim[k] = dim[k];
    return out;
}

static void sizes(struct drawing *d, struct lip_layer *layer, const char *name,
                  size_t count, size_t least, size_t most)
{
    long value[LIP_MAX_RANK];
    for (size_t k = 0; k < count; k++)
        value[k] = (long)from(d, least, most);
    if (from(d, 0, 3))
        set(layer, name, from(d, 0, 2) ? count : 1, value);
}

static void window(struct drawing *d, struct lip_layer *layer, size_t axes)
{
    sizes(d, layer, "stride", axes, 1, 2);
    sizes(d, layer, "padding", from(d, 1, 2) * axes, 0, 1);
    sizes(d, layer, "dilation", axes, 1, 2);
}

static void conv(struct drawing *d, struct lip_layer *layer,
                 const struct lip_shape *in)
{
    bool up = layer->kind == &lip_layer_conv_transpose;
    size_t groups = in->dim[0] % 2 ? 1 : from(d, 1, 2), axes = in->rank - 1;
    size_t out = groups * from(d, 1, 2);
    size_t dim[] = {up ? in->dim[0] : out, (up ? out : in->dim[0]) / groups,
                    from(d, 1, 3), from(d, 1, 3)};
    if (axes < 1 || axes > 2)
        return;
    layer->weight = tensor(d, dim, axes + 2, false);
    if (from(d, 0, 1))
        layer->bias = tensor(d, &out, 1, false);
    window(d, layer, axes);
    set(layer, "groups", 1, &(long){(long)groups});
}

static void pool(struct drawing *d, struct lip_layer *layer,
                 const struct lip_shape *in)
{
    sizes(d, layer, "kernel", in->rank - 1, 1, 3);
    window(d, layer, in->rank - 1);
    if (layer->kind == &lip_layer_average_pool)
        sizes(d, layer, "include_padding", 1, 0, 1);
}

static void channels(struct drawing *d, struct lip_layer *layer,
                     const struct lip_shape *in)
{
    bool norm = layer->kind == &lip_layer_batch_norm;
    size_t rank = norm ? 1 : from(d, 0, in->rank);
    if (layer->kind == &lip_layer_layer_norm) {
        size_t axis = from(d, 0, in->rank - 1);
        layer->weight = tensor(d, in->dim + axis, in->rank - axis, false);
        return;
    }
    if (from(d, 0, 2) || !norm)
        layer->weight =
            tensor(d, in->dim, norm || rank == in->rank ? rank : 1, false);
    if (from(d, 0, 1))
        layer->bias = tensor(d, in->dim, 1, false);
    if (norm) {
        layer->mean = tensor(d, in->dim, 1, false);
        layer->variance = tensor(d, in->dim, 1, true);
    }
}

static void axes(struct drawing *d, struct lip_layer *layer,
                 const struct lip_shape *in)
{
    long order[LIP_MAX_RANK];
    for (size_t k = 0; k < in->rank; k++)
        order[k] = (long)k;
    for (size_t k = in->rank; k-- > 1;) {
        size_t j = from(d, 0, k);
        long kept = order[k];
        order[k] = order[j];
        order[j] = kept;
    }
    set(layer, "axes", in->rank, order);
}

static void positions(struct drawing *d, struct lip_layer *layer,
                      const struct lip_shape *in)
{
    double index[12];
    size_t n = from(d, 1, 12), inputs = lip_shape_count(in);
    for (size_t k = 0; k < n; k++)
        index[k] = (double)from(d, 0, inputs) - 1;
    layer->weight = make_tensor(LIP_F32, false, n, 0, index, d->ctx);
    if (n % 4 == 0)
        set(layer, "shape", 3, (long[]){2, 2, (long)n / 4});
}

static void slices(struct drawing *d, struct lip_layer *layer,
                   const struct lip_shape *in)
{
    sizes(d, layer, "start", in->rank, 0, 1);
    sizes(d, layer, "step", in->rank, 1, 2);
}

static void pads(struct drawing *d, struct lip_layer *layer,
                 const struct lip_shape *in)
{
    sizes(d, layer, "before", in->rank, 0, 1);
    sizes(d, layer, "after", in->rank, 0, 1);
    layer->parameter[0] = (double)from(d, 0, 5) / 3;
}

static void factors(struct drawing *d, struct lip_layer *layer,
                    const struct lip_shape *in)
{
    set(layer, "factor", in->rank - 1,
        (long[]){(long)from(d, 1, 2), 1, 1, 1, 1, 1, 1, 1});
}

/* The last layer and an earlier one. */
static void join(struct drawing *d, struct lip_layer *layer,
                 const struct lip_shape *in)
{
    (void)in;
    size_t source[] = {d->count - 1, from(d, 0, d->count - 1)};
    take_from(layer, 2, source, d->ctx);
    if (layer->kind == &lip_layer_add && from(d, 0, 1))
        set(layer, "sign", 2, (long[]){1, -1});
}

static void nothing(struct drawing *d, struct lip_layer *layer,
                    const struct lip_shape *in)
{
    (void)d;
    (void)layer;
    (void)in;
}

static const struct {
    const struct lip_layer_kind *kind;
    void (*draw)(struct drawing *, struct lip_layer *,
                 const struct lip_shape *);
} draws[] = {
    {&lip_layer_conv, conv},
    {&lip_layer_conv_transpose, conv},
    {&lip_layer_average_pool, pool},
    {&lip_layer_max_pool, pool},
    {&lip_layer_batch_norm, channels},
    {&lip_layer_affine, channels},
    {&lip_layer_layer_norm, channels},
    {&lip_layer_transpose, axes},
    {&lip_layer_gather, positions},
    {&lip_layer_slice, slices},
    {&lip_layer_pad, pads},
    {&lip_layer_upsample, factors},
    {&lip_layer_add, join},
    {&lip_layer_concat, join},
    {&lip_layer_add, join},
    {&lip_layer_softmax, nothing},
};

/* Whether the layer fits; its own settings stay as they were drawn. */
static bool fits(struct drawing *d, const struct lip_layer *layer)
{
    struct lip_layer trial = *layer;
    struct lip_shape in[2] = {d->shape[d->count - 1]};
    size_t count = layer->sources ? layer->sources : 1;
    if (count == 2)
        in[1] = d->shape[layer->source[1]];
    trial.in = in[0];
    trial.inputs = 0;
    for (size_t k = 0; k < count; k++)
        trial.inputs += lip_shape_count(&in[k]);
    if (trial.kind->infer_shape(&trial, in, count, NULL) != LIP_OK ||
        lip_shape_count(&trial.out) == 0 || lip_shape_count(&trial.out) > 400)
        return false;
    d->shape[d->count] = trial.out;
    return true;
}

static void name(struct drawing *d, struct lip_layer *layer)
{
    static const char *const names[] = {"", "input", "a \"b\"\\/", "\xc3\xa9"};
    if (from(d, 0, 1))
        snprintf(layer->name, sizeof layer->name, "%s", names[from(d, 0, 3)]);
    else
        snprintf(layer->name, sizeof layer->name, "layer %zu", d->count);
}

static void draw(struct drawing *d)
{
    size_t k = from(d, 0, sizeof draws / sizeof *draws);
    struct lip_layer *layer = &d->layer[d->count];
    if (k == sizeof draws / sizeof *draws) {
        *layer = make_activation("relu");
        d->shape[d->count] = d->shape[d->count - 1];
    } else {
        *layer = make_kind(draws[k].kind);
        draws[k].draw(d, layer, &d->shape[d->count - 1]);
        if (!fits(d, layer)) {
            lip_layer_clear(layer);
            return;
        }
    }
    name(d, layer);
    d->count++;
}

struct lip_network *random_graph(uint64_t *seed, struct lip_ctx *ctx)
{
    struct drawing d = {.seed = seed, .ctx = ctx, .count = 1};
    struct lip_network *network;
    struct lip_shape *in = &d.shape[0];
    in->rank = from(&d, 2, 3);
    long shape[4] = {0};
    for (size_t k = 0; k < in->rank; k++)
        shape[k] = (long)(in->dim[k] = from(&d, k ? 3 : 1, k ? 6 : 4));
    d.layer[0] = make_reshape(shape);
    for (size_t tries = from(&d, 1, 30); tries && d.count < LAYERS; tries--)
        draw(&d);
    enum lip_status status = make_network(&network, d.layer, d.count, ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx->error.detail);
    return network;
}
