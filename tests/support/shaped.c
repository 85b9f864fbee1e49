/* SPDX-License-Identifier: MIT
 *
 * One layer behind a reshape. */
#include "tests/support/shaped.h"

#include "network/operator.h"
#include "tests/support/plain.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

double shaped_uniform(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)*seed * 0x1p-63;
}

size_t shaped_from(uint64_t *seed, size_t least, size_t most)
{
    double u = 0.5 * (shaped_uniform(seed) + 1);
    size_t span = most - least + 1;
    return least + (size_t)(u * (double)span) % span;
}

static enum lip_status try(struct lip_network **out, const long *shape,
                           const struct lip_layer *layer, struct lip_ctx *ctx)
{
    struct lip_layer both[] = {make_reshape(shape), *layer};
    return make_network(out, both, 2, ctx);
}

struct lip_network *shaped(const long *shape, struct lip_layer layer)
{
    struct lip_ctx ctx = {0};
    struct lip_network *network;
    enum lip_status status = try(&network, shape, &layer, &ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    return network;
}

void shaped_refused(const long *shape, struct lip_layer layer, const char *says)
{
    struct lip_ctx ctx = {0};
    struct lip_network *network;
    ck_assert_int_ne(try(&network, shape, &layer, &ctx), LIP_OK);
    ck_assert_msg(strstr(ctx.error.detail, says), "%s", ctx.error.detail);
    ck_assert(strncmp(ctx.error.detail, "Layer 1 (", 9) == 0);
}

static void check_row(const struct lip_operator *op, size_t n, char *seen)
{
    size_t inputs = op->layer->inputs;
    ck_assert_uint_le(n, op->layer->fan_in);
    memset(seen, 0, inputs);
    for (size_t j = 0; j < n; j++) {
        ck_assert_uint_lt(op->column[j], inputs);
        ck_assert(!seen[op->column[j]]);
        seen[op->column[j]] = 1;
    }
}

void shaped_rows_agree(const struct lip_network *network)
{
    const struct lip_layer *layer = &network->layer[1];
    double *x = calloc(layer->inputs, sizeof *x);
    double *y = calloc(layer->outputs, sizeof *y);
    char *seen = calloc(layer->inputs, 1);
    struct lip_operator op;
    uint64_t seed = 3;
    for (size_t i = 0; i < layer->inputs; i++)
        x[i] = shaped_uniform(&seed);
    ck_assert_int_eq(lip_network_eval(y, network, x, NULL), LIP_OK);
    ck_assert_int_eq(lip_operator_new(&op, layer, NULL), LIP_OK);
    for (size_t k = 0; k < layer->outputs; k++) {
        size_t n = lip_operator_row(&op, k);
        double sum = lip_operator_offset(&op, k);
        check_row(&op, n, seen);
        for (size_t j = 0; j < n; j++)
            sum += op.value[j] * x[op.column[j]];
        ck_assert_double_eq_tol(sum, y[k], 1e-12 * (1 + fabs(sum)));
    }
    lip_operator_clear(&op);
    free(x);
    free(y);
    free(seen);
}

void shaped_out(const struct lip_network *network, const size_t *dim)
{
    const struct lip_shape *out = &network->layer[1].out;
    for (size_t k = 0; k < out->rank; k++)
        ck_assert_uint_eq(out->dim[k], dim[k]);
    ck_assert_uint_eq(dim[out->rank], 0);
}

double shaped_steepest(const struct lip_network *network, enum lip_norm p,
                       double size, int tries)
{
    size_t n = network->inputs, m = network->outputs;
    double *a = calloc(2 * (n + m), sizeof *a), most = 0;
    double *b = a + n, *fa = b + n, *fb = fa + m;
    uint64_t seed = 5;
    for (int t = 0; t < tries; t++) {
        double step = size * (t % 2 ? 1e-4 : 1);
        for (size_t i = 0; i < n; i++) {
            a[i] = size * shaped_uniform(&seed);
            b[i] = a[i] + step * shaped_uniform(&seed);
        }
        lip_network_eval(fa, network, a, NULL);
        lip_network_eval(fb, network, b, NULL);
        for (size_t i = 0; i < n; i++)
            a[i] -= b[i];
        for (size_t i = 0; i < m; i++)
            fa[i] -= fb[i];
        most = fmax(most, vector_norm(fa, m, p) / vector_norm(a, n, p));
    }
    free(a);
    return most;
}
