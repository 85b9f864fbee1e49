/* SPDX-License-Identifier: MIT
 *
 * A row at a time, on all inputs of the block. */
#include "certify/forward_rows.h"

#include "base/size.h"
#include "bounds/norms/layer_norm.h"
#include "certify/forward.h"
#include "linalg/rounding.h"
#include "network/operator.h"

#include <math.h>
#include <string.h>

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

/* b' */
static enum lip_status offset_norm(double *out, const struct lip_layer *layer,
                                   enum lip_norm norm, struct lip_ctx *ctx)
{
    size_t m = layer->outputs;
    *out = 0;
    if (!layer->kind->offset)
        return LIP_OK;
    double *b = lip_alloc(ctx, m, sizeof *b);
    if (!b)
        return memory(ctx);
    for (size_t k = 0; k < m; k++)
        b[k] = layer->kind->offset(layer, k);
    *out = lip_vector_upper(b, m, norm);
    lip_free(b);
    return LIP_OK;
}

/* | |A| |_2 <= sqrt(|A|_1 |A|_inf); in the other norms it is |A|. What is known
 * of A is one of A' too, but for the uncertainty. */
enum lip_status lip_forward_norms(struct lip_forward_norms *out,
                                  const struct lip_layer *layer,
                                  enum lip_norm norm, struct lip_ctx *ctx)
{
    struct lip_layer_norm own, one, inf;
    const struct lip_layer_kind *kind = layer->kind;
    *out = (struct lip_forward_norms){.terms = layer->fan_in};
    out->uncertainty = kind->uncertainty ? kind->uncertainty(layer) : 0;
    enum lip_status status = lip_layer_norm(&own, layer, norm, 0, false, ctx);
    if (status == LIP_OK)
        status = offset_norm(&out->offset, layer, norm, ctx);
    if (status != LIP_OK)
        return status;
    out->norm = out->absolute = lip_big_double(own.value);
    if (norm == LIP_NORM_2) {
        status = lip_layer_norm(&one, layer, LIP_NORM_1, 0, false, ctx);
        if (status == LIP_OK)
            status = lip_layer_norm(&inf, layer, LIP_NORM_INF, 0, false, ctx);
        if (status != LIP_OK)
            return status;
        out->absolute =
            lip_big_double(lip_big_sqrt(lip_big_mul(one.value, inf.value)));
    }
    out->absolute = lip_mul_up(out->absolute, 1 + 2 * out->uncertainty);
    return LIP_OK;
}

/* to[n x count] = from[count x n]' */
static void turn(double *to, const double *from, size_t count, size_t n)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < n; j++)
            to[j * count + i] = from[i * n + j];
}

enum lip_status lip_forward_rows(double *y, const struct lip_layer *layer,
                                 const double *x, size_t count,
                                 struct lip_ctx *ctx)
{
    struct lip_operator op;
    size_t n = layer->inputs, m = layer->outputs, room;
    enum lip_status status = lip_operator_new(&op, layer, ctx);
    if (status != LIP_OK)
        return status;
    double *turned = NULL;
    if (lip_size_mul(&room, n + 1, count))
        turned = lip_alloc(ctx, room, sizeof *turned);
    if (!turned) {
        lip_operator_clear(&op);
        return memory(ctx);
    }
    double *sum = turned + n * count;
    turn(turned, x, count, n);
    for (size_t k = 0; k < m; k++) {
        size_t entries = lip_operator_row(&op, k);
        memset(sum, 0, count * sizeof *sum);
        for (size_t j = 0; j < entries; j++) {
            const double *from = turned + op.column[j] * count;
            double value = op.value[j];
            for (size_t i = 0; i < count; i++)
                sum[i] += value * from[i];
        }
        double b = lip_operator_offset(&op, k);
        for (size_t i = 0; i < count; i++)
            y[i * m + k] = sum[i] + b;
    }
    lip_free(turned);
    lip_operator_clear(&op);
    return LIP_OK;
}

double lip_forward_rows_bytes(const struct lip_layer *layer, double count)
{
    double n = (double)layer->inputs, m = (double)layer->outputs;
    double entries = (double)layer->fan_in * m;
    return 64 * (n + m) + 64 * entries + 8 * (n + 1) * count;
}
