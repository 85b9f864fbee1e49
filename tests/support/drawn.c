/* SPDX-License-Identifier: MIT
 *
 * Random graphs, layer by layer. */
#include "tests/support/drawn.h"

#include "tests/support/graph.h"
#include "tests/support/plain.h"
#include "tests/support/shaped.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 40 };

struct draft {
    struct lip_layer layer[MOST];
    size_t shape[MOST][3]; /* channels, height, width */
    bool used[MOST];
    size_t count;
    uint64_t *seed;
    struct drawn what;
    struct lip_ctx *ctx;
};

static double *normals(struct draft *d, size_t count, double scale)
{
    double *x = malloc(count * sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (size_t i = 0; i < count; i++)
        x[i] = scale * plain_normal(d->seed);
    return x;
}

static size_t pick(struct draft *d, size_t count)
{
    return shaped_from(d->seed, 0, count - 1);
}

/* Appends a layer on one or two earlier ones. */
static void append(struct draft *d, struct lip_layer layer, size_t a, size_t b,
                   size_t c, size_t h, size_t w)
{
    size_t source[2] = {a, b};
    ck_assert_uint_lt(d->count, MOST);
    take_from(&layer, b < MOST ? 2 : 1, source, d->ctx);
    d->used[a] = true;
    if (b < MOST)
        d->used[b] = true;
    d->layer[d->count] = layer;
    size_t shape[3] = {c, h, w};
    memcpy(d->shape[d->count++], shape, sizeof shape);
}

static void add_conv(struct draft *d, size_t a)
{
    const size_t *s = d->shape[a];
    size_t k = pick(d, 2) ? 3 : 1, out = 1 + pick(d, 2);
    size_t dim[] = {out, s[0], k, k, 0};
    long pad[] = {(long)k / 2};
    double scale = d->what.scale > 0 ? d->what.scale : 1;
    double *w =
        normals(d, out * s[0] * k * k, scale / sqrt((double)(s[0] * k * k)));
    double *bias = normals(d, out, d->what.straight ? 0 : 0.3);
    struct lip_layer layer = make_conv(dim, w, bias, d->ctx);
    set(&layer, "padding", 1, pad);
    append(d, layer, a, MOST, out, s[1], s[2]);
    free(w);
    free(bias);
}

static void add_activation(struct draft *d, size_t a)
{
    static const char *const name[] = {"relu", "leaky-relu", "abs",
                                       "relu", "tanh",       "silu"};
    const size_t *s = d->shape[a];
    bool stacks = d->layer[a].activation || /* slopes are a range then */
                  d->layer[a].kind == &lip_layer_max_pool;
    if (d->what.straight && stacks)
        return;
    append(d, make_activation(name[pick(d, d->what.straight ? 4 : 6)]), a, MOST,
           s[0], s[1], s[2]);
}

/* Some layer of the same shape, or of the same image size. */
static size_t like(struct draft *d, size_t a, bool channels)
{
    for (int t = 0; t < 20; t++) {
        size_t b = pick(d, d->count);
        if (memcmp(d->shape[a] + !channels, d->shape[b] + !channels,
                   (3 - !channels) * sizeof(size_t)) == 0)
            return b;
    }
    return a;
}

static void add_sum(struct draft *d, size_t a)
{
    const size_t *s = d->shape[a];
    long sign[] = {1, pick(d, 2) ? 1 : -1};
    size_t b = like(d, a, true);
    struct lip_layer layer = make_kind(&lip_layer_add);
    set(&layer, "sign", 2, a == b ? (long[]){1, 1} : sign);
    append(d, layer, a, b, s[0], s[1], s[2]);
}

static void add_join(struct draft *d, size_t a)
{
    const size_t *s = d->shape[a];
    size_t b = like(d, a, false);
    if (s[0] + d->shape[b][0] <= 4)
        append(d, make_kind(&lip_layer_concat), a, b, s[0] + d->shape[b][0],
               s[1], s[2]);
}

static void add_pool(struct draft *d, size_t a, bool largest)
{
    const size_t *s = d->shape[a];
    long kernel[] = {2, 2}, stride[] = {1 + (long)pick(d, 2)};
    if (s[1] < 2 || s[2] < 2)
        return;
    struct lip_layer layer =
        make_kind(largest ? &lip_layer_max_pool : &lip_layer_average_pool);
    set(&layer, "kernel", 2, kernel);
    set(&layer, "stride", 1, stride);
    size_t step = (size_t)stride[0];
    append(d, layer, a, MOST, s[0], (s[1] - 2) / step + 1,
           (s[2] - 2) / step + 1);
}

static void add_norm(struct draft *d, size_t a)
{
    const size_t *s = d->shape[a], dim[] = {s[0], 0};
    double *x = normals(d, 4 * s[0], d->what.straight ? 0 : 0.3);
    double *scale = normals(d, s[0], 1);
    struct lip_layer layer = make_kind(&lip_layer_batch_norm);
    for (size_t k = 0; k < s[0]; k++)
        x[k] = 0.5 + shaped_uniform(d->seed) * shaped_uniform(d->seed) + 0.5;
    layer.weight = make_array(dim, scale, d->ctx);
    layer.variance = make_array(dim, x, d->ctx);
    layer.mean = make_array(dim, x + s[0], d->ctx);
    layer.bias = make_array(dim, x + 2 * s[0], d->ctx);
    append(d, layer, a, MOST, s[0], s[1], s[2]);
    free(x);
    free(scale);
}

static void add_pairs(struct draft *d, size_t a)
{
    const size_t *s = d->shape[a];
    static const size_t group[] = {2, 2, 3, 4, 6};
    struct lip_layer layer = make_kind(&lip_layer_group_sort);
    size_t n = s[0] * s[1] * s[2], i = pick(d, 5);
    layer.group = i < 5 ? group[i] : n < 9 ? 0 : 2;
    if (layer.group == 0 || n % layer.group == 0)
        append(d, layer, a, MOST, s[0], s[1], s[2]);
}

static void add_mirrors(struct draft *d, size_t a)
{
    const size_t *s = d->shape[a];
    size_t dim[] = {s[0] * s[1] * s[2] / 2, 0};
    struct lip_layer layer = make_kind(&lip_layer_householder);
    if (s[0] * s[1] * s[2] % 2)
        return;
    double *angle = normals(d, dim[0], 3);
    layer.weight = make_array(dim, angle, d->ctx);
    append(d, layer, a, MOST, s[0], s[1], s[2]);
    free(angle);
}

static void step(struct draft *d)
{
    size_t a = pick(d, 4) ? d->count - 1 : pick(d, d->count);
    switch (pick(d, d->what.pairs ? 13 : 9)) {
    case 0:
    case 1:
        add_conv(d, a);
        break;
    case 2:
    case 3:
    case 4:
        add_activation(d, a);
        break;
    case 5:
        add_sum(d, a);
        break;
    case 6:
        add_join(d, a);
        break;
    case 7:
        add_pool(d, a, false);
        break;
    case 8:
        add_norm(d, a);
        break;
    case 9:
        add_pool(d, a, true);
        break;
    case 10:
    case 11:
        add_pairs(d, a);
        break;
    default:
        add_mirrors(d, a);
    }
}

/* Everything that nothing takes yet side by side, and a dense layer on it. */
static struct lip_network *finish(struct draft *d)
{
    size_t open[MOST], opened = 0, width = 0, count = d->count;
    for (size_t i = 0; i < count; i++) {
        const size_t *s = d->shape[i];
        if (d->used[i])
            continue;
        open[opened++] = d->count;
        width += s[0] * s[1] * s[2];
        append(d, make_flatten(), i, MOST, s[0] * s[1] * s[2], 1, 1);
    }
    size_t join = open[0];
    if (opened > 1) {
        struct lip_layer layer = make_kind(&lip_layer_concat);
        take_from(&layer, opened, open, d->ctx);
        join = d->count;
        d->layer[d->count++] = layer;
    }
    size_t outputs = d->what.outputs ? d->what.outputs : 1 + pick(d, 3);
    double *w = normals(d, outputs * width, 1 / sqrt((double)width));
    append(d, make_dense(outputs, width, w, NULL, d->ctx), join, MOST, 0, 0, 0);
    free(w);
    struct lip_network *network;
    enum lip_status status = make_network(&network, d->layer, d->count, d->ctx);
    ck_assert_msg(status == LIP_OK, "%s",
                  d->ctx ? d->ctx->error.detail : "no network");
    return network;
}

struct lip_network *drawn_graph(uint64_t *seed, struct drawn what,
                                struct lip_ctx *ctx)
{
    struct draft d = {.seed = seed, .what = what, .ctx = ctx};
    size_t c = 1 + pick(&d, 2), h = 2 + pick(&d, 3), w = 2 + pick(&d, 3);
    long dim[] = {(long)c, (long)h, (long)w, 0};
    d.layer[0] = make_reshape(dim);
    size_t shape[3] = {c, h, w};
    memcpy(d.shape[0], shape, sizeof shape);
    d.count = 1;
    size_t most = 3 + pick(&d, 8);
    while (d.count < most)
        step(&d);
    size_t unused = 0;
    for (size_t i = 0; i < d.count; i++)
        unused += !d.used[i];
    while (unused-- > 6) /* a join takes eight */
        append(&d, make_flatten(), d.count - 1, MOST, 0, 0, 0);
    return finish(&d);
}

static struct lip_layer dense(struct draft *d, size_t outputs, size_t inputs,
                              double gain)
{
    double *w = normals(d, outputs * inputs, gain / sqrt((double)inputs));
    struct lip_layer layer = make_dense(outputs, inputs, w, NULL, d->ctx);
    free(w);
    return layer;
}

struct lip_network *drawn_residual(uint64_t *seed, const char *activation,
                                   size_t inputs, size_t n, size_t h,
                                   size_t blocks, size_t outputs, double gain,
                                   struct lip_ctx *ctx)
{
    struct draft d = {.seed = seed, .ctx = ctx};
    struct lip_network *network;
    d.layer[d.count++] = dense(&d, n, inputs, 1);
    for (size_t b = 0; b < blocks; b++) {
        size_t from = d.count - 1;
        append(&d, dense(&d, h, n, gain), from, MOST, h, 1, 1);
        append(&d, make_activation(activation), from + 1, MOST, h, 1, 1);
        append(&d, dense(&d, n, h, gain), from + 2, MOST, n, 1, 1);
        append(&d, make_kind(&lip_layer_add), from, from + 3, n, 1, 1);
    }
    append(&d, make_activation(activation), d.count - 1, MOST, n, 1, 1);
    append(&d, dense(&d, outputs, n, 1), d.count - 1, MOST, outputs, 1, 1);
    ck_assert_int_eq(make_network(&network, d.layer, d.count, ctx), LIP_OK);
    return network;
}
