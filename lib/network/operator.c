/* SPDX-License-Identifier: MIT
 *
 * Linear layers by their rows. */
#include "network/operator.h"

#include <math.h>
#include <string.h>

/* Row k of a dense weight. */
static size_t dense_row(const struct lip_layer *layer, size_t k, size_t *column,
                        double *value)
{
    size_t n = layer->inputs;
    for (size_t j = 0; j < n; j++)
        column[j] = j;
    lip_tensor_widen_part(value, &layer->weight, k * n, n);
    return n;
}

enum lip_status lip_operator_new(struct lip_operator *out,
                                 const struct lip_layer *layer,
                                 struct lip_ctx *ctx)
{
    size_t room = layer->kind->row ? layer->fan_in : layer->inputs;
    *out = (struct lip_operator){.layer = layer};
    if (layer->kind->uncertainty)
        out->uncertainty = layer->kind->uncertainty(layer);
    out->column = lip_alloc(ctx, room, sizeof *out->column);
    if (out->column)
        out->value = lip_alloc(ctx, room, sizeof *out->value);
    if (out->value)
        return LIP_OK;
    lip_operator_clear(out);
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

void lip_operator_clear(struct lip_operator *op)
{
    lip_free(op->column);
    lip_free(op->value);
    op->column = NULL;
    op->value = NULL;
}

size_t lip_operator_row(struct lip_operator *op, size_t k)
{
    const struct lip_layer *layer = op->layer;
    return layer->kind->row ? layer->kind->row(layer, k, op->column, op->value)
                            : dense_row(layer, k, op->column, op->value);
}

double lip_operator_offset(const struct lip_operator *op, size_t k)
{
    const struct lip_layer *layer = op->layer;
    if (layer->kind->row)
        return layer->kind->offset ? layer->kind->offset(layer, k) : 0;
    return layer->bias.data ? lip_tensor_at(&layer->bias, k) : 0;
}

void lip_operator_apply(double *y, struct lip_operator *op, const double *x)
{
    for (size_t k = 0; k < op->layer->outputs; k++) {
        size_t n = lip_operator_row(op, k);
        double sum = 0;
        for (size_t j = 0; j < n; j++)
            sum += op->value[j] * x[op->column[j]];
        y[k] = sum;
    }
}

void lip_operator_apply_abs(double *y, struct lip_operator *op, const double *x)
{
    for (size_t k = 0; k < op->layer->outputs; k++) {
        size_t n = lip_operator_row(op, k);
        double sum = 0;
        for (size_t j = 0; j < n; j++)
            sum += fabs(op->value[j]) * x[op->column[j]];
        y[k] = sum;
    }
}

void lip_operator_adjoint(double *x, struct lip_operator *op, const double *y)
{
    memset(x, 0, op->layer->inputs * sizeof *x);
    for (size_t k = 0; k < op->layer->outputs; k++) {
        size_t n = lip_operator_row(op, k);
        for (size_t j = 0; j < n; j++)
            x[op->column[j]] += op->value[j] * y[k];
    }
}

void lip_operator_adjoint_abs(double *x, struct lip_operator *op,
                              const double *y)
{
    memset(x, 0, op->layer->inputs * sizeof *x);
    for (size_t k = 0; k < op->layer->outputs; k++) {
        size_t n = lip_operator_row(op, k);
        for (size_t j = 0; j < n; j++)
            x[op->column[j]] += fabs(op->value[j]) * y[k];
    }
}
