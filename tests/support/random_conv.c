/* SPDX-License-Identifier: MIT
 *
 * Random convolutions and their singular values. */
#include "tests/support/random_conv.h"

#include "linalg/random.h"
#include "network/operator.h"
#include "tests/support/graph.h"

#include <check.h>
#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t from(uint64_t *seed, size_t least, size_t most)
{
    return least + lip_random_next(seed) % (most - least + 1);
}

/* Mostly the first. */
static size_t mostly(uint64_t *seed, size_t usual, size_t least, size_t most)
{
    return from(seed, 0, 2) ? usual : from(seed, least, most);
}

static double normal(uint64_t *seed)
{
    double sum = 0;
    for (int k = 0; k < 12; k++)
        sum += (double)(lip_random_next(seed) >> 11) * 0x1p-53;
    return sum - 6;
}

static struct lip_layer random_layer(uint64_t *seed, bool transposed,
                                     size_t axes, const size_t *size, size_t in,
                                     size_t out, size_t groups,
                                     const long *setting, struct lip_ctx *ctx)
{
    size_t dim[5] = {transposed ? in : out, (transposed ? out : in) / groups};
    size_t count = dim[0] * dim[1];
    for (size_t k = 0; k < axes; k++) {
        dim[k + 2] = size[k];
        count *= size[k];
    }
    double *weight = malloc(count * sizeof *weight);
    ck_assert_ptr_nonnull(weight);
    bool positive = from(seed, 0, 3) == 0;
    for (size_t k = 0; k < count; k++) {
        weight[k] = normal(seed);
        if (positive)
            weight[k] = fabs(weight[k]);
    }
    struct lip_layer layer =
        make_kind(transposed ? &lip_layer_conv_transpose : &lip_layer_conv);
    layer.weight = make_array(dim, weight, ctx);
    free(weight);
    set(&layer, "stride", axes, setting);
    set(&layer, "dilation", axes, setting + 2);
    set(&layer, "padding", 2 * axes, setting + 4);
    set(&layer, "groups", 1, (long[]){(long)groups});
    return layer;
}

/* Tries until the kernel fits. */
static struct lip_network *attempt(uint64_t *seed, size_t most, char *text,
                                   struct lip_ctx *ctx)
{
    size_t axes = from(seed, 0, 4) ? 2 : 1, size[2], image[2];
    bool transposed = from(seed, 0, 3) == 0;
    size_t groups = mostly(seed, 1, 2, 4), in = groups * from(seed, 1, 6);
    size_t out = groups * from(seed, 1, 6);
    size_t limit = most / (in > out ? in : out);
    limit = axes == 2 ? (size_t)sqrt((double)limit) : limit;
    long setting[8];
    if (limit < 3)
        return NULL;
    for (size_t k = 0; k < axes; k++) {
        image[k] = from(seed, 1 + limit / 2, limit);
        size[k] = mostly(seed, 3, 1, 6);
        setting[k] = (long)mostly(seed, 1, 1, 4);
        setting[2 + k] = (long)mostly(seed, 1, 1, 3);
        setting[4 + k] = (long)from(seed, 0, 2);
        setting[4 + axes + k] = (long)from(seed, 0, 2);
        if (transposed)
            image[k] = image[k] / (size_t)setting[k] + 1;
    }
    struct lip_layer layer[2] = {
        make_reshape(axes == 2
                         ? (long[]){(long)in, (long)image[0], (long)image[1], 0}
                         : (long[]){(long)in, (long)image[0], 0}),
        random_layer(seed, transposed, axes, size, in, out, groups, setting,
                     ctx)};
    struct lip_network *network = NULL;
    if (make_network(&network, layer, 2, ctx) != LIP_OK)
        lip_error_clear(ctx);
    snprintf(text, 96,
             "%s %zu->%zu/%zu image %zux%zu kernel %zux%zu stride "
             "%ld,%ld dilation %ld,%ld",
             transposed ? "transposed" : "conv", in, out, groups, image[0],
             axes == 2 ? image[1] : 1, size[0], axes == 2 ? size[1] : 1,
             setting[0], axes == 2 ? setting[1] : 1, setting[2],
             axes == 2 ? setting[3] : 1);
    return network;
}

struct lip_network *random_conv(uint64_t *seed, size_t most, char *text,
                                struct lip_ctx *ctx)
{
    struct lip_network *network = NULL;
    while (!network)
        network = attempt(seed, most, text, ctx);
    return network;
}

void layer_matrix(struct lip_matrix *out, const struct lip_layer *layer)
{
    struct lip_operator op;
    ck_assert_int_eq(lip_matrix_new(out, layer->outputs, layer->inputs, NULL),
                     LIP_OK);
    ck_assert_int_eq(lip_operator_new(&op, layer, NULL), LIP_OK);
    memset(out->data, 0, out->rows * out->cols * sizeof *out->data);
    for (size_t k = 0; k < layer->outputs; k++)
        for (size_t j = 0, n = lip_operator_row(&op, k); j < n; j++)
            out->data[op.column[j] * out->rows + k] = op.value[j];
    lip_operator_clear(&op);
}

double layer_sigma(const struct lip_layer *layer)
{
    struct lip_matrix a;
    layer_matrix(&a, layer);
    int m = (int)a.rows, n = (int)a.cols;
    double *sigma = malloc((size_t)(m < n ? m : n) * sizeof *sigma);
    ck_assert_ptr_nonnull(sigma);
    ck_assert_int_eq(LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', m, n, a.data, m,
                                    sigma, NULL, 1, NULL, 1),
                     0);
    double largest = sigma[0];
    lip_matrix_clear(&a);
    free(sigma);
    return largest;
}
