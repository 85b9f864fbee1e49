/* SPDX-License-Identifier: MIT
 *
 * Random graphs, grown layer by layer. */
#include "tests/support/grown_graph.h"

#include "tests/support/attained.h"
#include "tests/support/graph.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LAYERS = 96, IMAGE = 3 };

/* Shapes are kept here, as the network knows them only at the end: images
 * [channels, height, width]. */
struct grown {
    struct lip_layer layer[MOST_LAYERS];
    size_t dim[MOST_LAYERS][IMAGE];
    bool used[MOST_LAYERS];
    size_t count;
    uint64_t *seed;
    struct lip_ctx *ctx;
};

static size_t below(struct grown *g, size_t n)
{
    double x = plain_uniform(g->seed, 0, (double)n);
    return (size_t)x < n ? (size_t)x : n - 1;
}

static double *numbers(struct grown *g, size_t count, double size)
{
    double *x = malloc((count + 1) * sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (size_t k = 0; k < count; k++)
        x[k] = size * plain_normal(g->seed);
    return x;
}

static void append(struct grown *g, struct lip_layer layer, size_t count,
                   const size_t *source, size_t c, size_t h, size_t w)
{
    ck_assert_uint_lt(g->count, MOST_LAYERS);
    take_from(&layer, count, source, g->ctx);
    for (size_t k = 0; k < count; k++)
        g->used[source[k]] = true;
    size_t *dim = g->dim[g->count];
    dim[0] = c;
    dim[1] = h;
    dim[2] = w;
    g->layer[g->count++] = layer;
}

static void grow_conv(struct grown *g, size_t from)
{
    const size_t *in = g->dim[from];
    size_t kernel = 1 + 2 * below(g, 2),
           groups = in[0] % 2 ? 1 : 1 + below(g, 2);
    size_t out = groups * (1 + below(g, 2)), stride = 1 + below(g, 2);
    size_t pad = kernel / 2;
    if (in[1] + 2 * pad < kernel || in[2] + 2 * pad < kernel)
        return;
    /* The same size often, so that there is something to add. */
    if (below(g, 2)) {
        stride = 1;
        out = in[0];
    }
    size_t dim[] = {out, in[0] / groups, kernel, kernel, 0};
    size_t n = dim[1] * kernel * kernel;
    double *weight = numbers(g, out * n, sqrt(1.5 / (double)n));
    double *bias = numbers(g, out, 0.3);
    struct lip_layer layer =
        make_conv(dim, weight, below(g, 2) ? bias : NULL, g->ctx);
    long s = (long)stride, p = (long)pad, many = (long)groups;
    set(&layer, "stride", 1, &s);
    set(&layer, "padding", 1, &p);
    set(&layer, "groups", 1, &many);
    append(g, layer, 1, &from, out, (in[1] + 2 * pad - kernel) / stride + 1,
           (in[2] + 2 * pad - kernel) / stride + 1);
    free(weight);
    free(bias);
}

static void grow_batch_norm(struct grown *g, size_t from)
{
    const size_t *in = g->dim[from];
    struct lip_layer layer = make_kind(&lip_layer_batch_norm);
    double *x = numbers(g, 4 * in[0], 1);
    for (size_t k = 0; k < in[0]; k++)
        x[3 * in[0] + k] = 0.5 + fabs(x[3 * in[0] + k]);
    size_t n = in[0];
    layer.weight = make_tensor(LIP_F64, false, n, 0, x, g->ctx);
    layer.bias = make_tensor(LIP_F64, false, n, 0, x + n, g->ctx);
    layer.mean = make_tensor(LIP_F64, false, n, 0, x + 2 * n, g->ctx);
    layer.variance = make_tensor(LIP_F64, false, n, 0, x + 3 * n, g->ctx);
    append(g, layer, 1, &from, in[0], in[1], in[2]);
    free(x);
}

static void grow_pool(struct grown *g, size_t from,
                      const struct lip_layer_kind *kind)
{
    const size_t *in = g->dim[from];
    long k = 2, s = 1 + (long)below(g, 2);
    if (in[1] < 2 || in[2] < 2)
        return;
    struct lip_layer layer = make_kind(kind);
    set(&layer, "kernel", 1, &k);
    set(&layer, "stride", 1, &s);
    append(g, layer, 1, &from, in[0], (in[1] - 2) / (size_t)s + 1,
           (in[2] - 2) / (size_t)s + 1);
}

static void grow_activation(struct grown *g, size_t from)
{
    static const char *const name[] = {"relu", "tanh", "abs", "gelu", "elu"};
    const size_t *in = g->dim[from];
    append(g, make_activation(name[below(g, 5)]), 1, &from, in[0], in[1],
           in[2]);
}

static void grow_joint(struct grown *g, size_t from, bool softmax)
{
    const size_t *in = g->dim[from];
    struct lip_layer layer = {.kind = &lip_layer_group_sort, .group = 0};
    if (softmax && below(g, 2)) {
        layer = make_kind(&lip_layer_softmax);
        for (size_t k = 0; layer.kind->setting && k < LIP_MAX_SETTINGS; k++)
            layer.setting[k].count = 0;
    }
    append(g, layer, 1, &from, in[0], in[1], in[2]);
}

/* An earlier layer of the same height and width, and channels where asked. */
static size_t partner(struct grown *g, size_t from, bool channels)
{
    for (int try = 0; try < 40; try++) {
        size_t i = below(g, g->count);
        if (g->dim[i][1] == g->dim[from][1] &&
            g->dim[i][2] == g->dim[from][2] &&
            (!channels || g->dim[i][0] == g->dim[from][0]))
            return i;
    }
    return from;
}

static void grow_add(struct grown *g, size_t from)
{
    size_t source[] = {partner(g, from, true), from};
    long sign[] = {below(g, 3) ? 1 : -1, 1};
    struct lip_layer layer = make_kind(&lip_layer_add);
    set(&layer, "sign", 2, sign);
    append(g, layer, 2, source, g->dim[from][0], g->dim[from][1],
           g->dim[from][2]);
}

static void grow_concat(struct grown *g, size_t from)
{
    size_t source[] = {partner(g, from, false), from};
    if (g->dim[source[0]][0] + g->dim[from][0] > 6)
        return;
    append(g, make_kind(&lip_layer_concat), 2, source,
           g->dim[source[0]][0] + g->dim[from][0], g->dim[from][1],
           g->dim[from][2]);
}

static void grow(struct grown *g, bool softmax)
{
    size_t from = below(g, 3) ? g->count - 1 : below(g, g->count);
    switch (below(g, 10)) {
    case 0:
    case 1:
    case 2:
        grow_conv(g, from);
        break;
    case 3:
        grow_batch_norm(g, from);
        break;
    case 4:
        grow_pool(g, from,
                  below(g, 2) ? &lip_layer_max_pool : &lip_layer_average_pool);
        break;
    case 5:
    case 6:
        grow_activation(g, from);
        break;
    case 7:
        grow_joint(g, from, softmax);
        break;
    case 8:
        grow_concat(g, from);
        break;
    default:
        grow_add(g, from);
    }
}

/* Every loose end into three numbers, and their sum. */
static void collect(struct grown *g)
{
    size_t end[MOST_LAYERS], ends = 0, grown = g->count;
    for (size_t i = 0; i < grown; i++) {
        if (g->used[i])
            continue;
        size_t n = g->dim[i][0] * g->dim[i][1] * g->dim[i][2];
        double *weight = numbers(g, 3 * n, sqrt(1 / (double)n));
        append(g, make_flatten(), 1, &i, n, 1, 1);
        size_t flat = g->count - 1;
        append(g, make_dense(3, n, weight, NULL, g->ctx), 1, &flat, 3, 1, 1);
        end[ends++] = g->count - 1;
        free(weight);
        if (ends == LIP_MAX_RANK) {
            append(g, make_kind(&lip_layer_add), ends, end, 3, 1, 1);
            end[0] = g->count - 1;
            ends = 1;
        }
    }
    if (ends > 1)
        append(g, make_kind(&lip_layer_add), ends, end, 3, 1, 1);
}

struct lip_network *grown_graph(uint64_t *seed, size_t most, bool softmax,
                                struct lip_ctx *ctx)
{
    struct grown *g = calloc(1, sizeof *g);
    struct lip_network *network;
    ck_assert_ptr_nonnull(g);
    g->seed = seed;
    g->ctx = ctx;
    size_t c = 2 + below(g, 3), h = 2 + below(g, 3), w = 2 + below(g, 3);
    long dim[] = {(long)c, (long)h, (long)w, 0};
    g->layer[0] = make_reshape(dim);
    g->dim[0][0] = c;
    g->dim[0][1] = h;
    g->dim[0][2] = w;
    g->count = 1;
    for (size_t k = 0; k + 1 < most; k++)
        grow(g, softmax);
    collect(g);
    enum lip_status s = make_network(&network, g->layer, g->count, ctx);
    ck_assert_msg(s == LIP_OK, "%s", ctx->error.detail);
    free(g);
    return network;
}

/* J by rows, by central differences. */
static void jacobian(double *j, const struct lip_network *network, double *x)
{
    const double h = 1e-6;
    size_t n = network->inputs, m = network->outputs;
    double *up = malloc(m * sizeof *up), *down = malloc(m * sizeof *down);
    ck_assert(up && down);
    for (size_t c = 0; c < n; c++) {
        double at = x[c];
        x[c] = at + h;
        ck_assert_int_eq(lip_network_eval(up, network, x, NULL), LIP_OK);
        x[c] = at - h;
        ck_assert_int_eq(lip_network_eval(down, network, x, NULL), LIP_OK);
        x[c] = at;
        for (size_t k = 0; k < m; k++)
            j[k * n + c] = (up[k] - down[k]) / (2 * h);
    }
    free(up);
    free(down);
}

void attained_in_pairs(double out[9], const struct lip_network *network,
                       int points, uint64_t seed)
{
    size_t n = network->inputs, m = network->outputs;
    double *x = malloc(n * sizeof *x), *j = malloc(n * m * sizeof *j);
    ck_assert(x && j);
    memset(out, 0, 9 * sizeof *out);
    for (int k = 0; k < points; k++) {
        for (size_t c = 0; c < n; c++)
            x[c] = 2 * plain_normal(&seed);
        jacobian(j, network, x);
        for (int p = 0; p < 9; p++)
            if (lip_norm_pair_easy(nth_pair(p)) || (n <= 16 && m <= 16))
                out[p] = fmax(out[p], plain_norm(j, m, n, nth_pair(p)));
    }
    free(x);
    free(j);
}
