/* SPDX-License-Identifier: MIT
 *
 * dense: x -> W x + b with W outputs x inputs. */
#include "network/network.h"

#include <string.h>

static enum lip_status check_weight(const struct lip_tensor *weight,
                                    struct lip_ctx *ctx)
{
    if (!weight->data)
        return lip_fail(ctx, LIP_INVALID,
                        "the weight is missing: give a matrix, outputs x "
                        "inputs.");
    if (weight->rank != 2)
        return lip_fail(ctx, LIP_INVALID,
                        "the weight has %zu dimensions: a matrix, outputs x "
                        "inputs, has 2.",
                        weight->rank);
    if (weight->dim[0] == 0 || weight->dim[1] == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "the weight is empty (%zu x %zu): it needs at least "
                        "one row and one column.",
                        weight->dim[0], weight->dim[1]);
    return LIP_OK;
}

static enum lip_status check_bias(const struct lip_tensor *bias, size_t outputs,
                                  struct lip_ctx *ctx)
{
    if (!bias->data)
        return LIP_OK;
    if (bias->rank != 1)
        return lip_fail(ctx, LIP_INVALID,
                        "the bias has %zu dimensions: a list of %zu numbers, "
                        "one an output, has 1.",
                        bias->rank, outputs);
    if (bias->dim[0] != outputs)
        return lip_fail(ctx, LIP_INVALID,
                        "the bias has %zu numbers where the weight has %zu "
                        "rows: give one number a row.",
                        bias->dim[0], outputs);
    return LIP_OK;
}

static enum lip_status infer(struct lip_layer *layer, size_t inputs,
                             struct lip_ctx *ctx)
{
    const struct lip_tensor *weight = &layer->weight;
    enum lip_status status = check_weight(weight, ctx);
    if (status == LIP_OK)
        status = check_bias(&layer->bias, weight->dim[0], ctx);
    if (status != LIP_OK)
        return status;
    if (inputs && inputs != weight->dim[1])
        return lip_fail(ctx, LIP_INVALID,
                        "the weight is %zu x %zu (outputs x inputs), but %zu "
                        "numbers come in: its second dimension must be "
                        "%zu%s.",
                        weight->dim[0], weight->dim[1], inputs, inputs,
                        inputs == weight->dim[0]
                            ? "; it looks transposed, then send it with "
                              "layout=io"
                            : "");
    layer->inputs = weight->dim[1];
    layer->outputs = weight->dim[0];
    return LIP_OK;
}

enum { CHUNK = 512 };

/* sum_k run[first + k] x[k], the run being `count` stored weights; `chunk` is
 * room for CHUNK of them. */
static double dot(const struct lip_tensor *weight, size_t first, size_t count,
                  const double *x, double *chunk)
{
    double sum = 0;
    for (size_t j = 0; j < count; j += CHUNK) {
        size_t n = count - j < CHUNK ? count - j : CHUNK;
        lip_tensor_widen_stored(chunk, weight, first + j, n);
        for (size_t k = 0; k < n; k++)
            sum += chunk[k] * x[j + k];
    }
    return sum;
}

/* y += x * run */
static void add_multiple(double *y, const struct lip_tensor *weight,
                         size_t first, size_t count, double x, double *chunk)
{
    for (size_t i = 0; i < count; i += CHUNK) {
        size_t n = count - i < CHUNK ? count - i : CHUNK;
        lip_tensor_widen_stored(chunk, weight, first + i, n);
        for (size_t k = 0; k < n; k++)
            y[i + k] += chunk[k] * x;
    }
}

static void eval(double *y, const struct lip_layer *layer, const double *x)
{
    size_t rows = layer->outputs, cols = layer->inputs;
    double chunk[CHUNK];
    if (layer->bias.data)
        lip_tensor_widen(y, &layer->bias);
    else
        memset(y, 0, rows * sizeof *y);
    if (layer->weight.column_major)
        for (size_t j = 0; j < cols; j++)
            add_multiple(y, &layer->weight, j * rows, rows, x[j], chunk);
    else
        for (size_t i = 0; i < rows; i++)
            y[i] += dot(&layer->weight, i * cols, cols, x, chunk);
}

const struct lip_layer_kind lip_layer_dense = {
    .name = "dense",
    .title = "Fully connected layer, W x + b",
    .role = LIP_ROLE_LINEAR,
    .infer = infer,
    .eval = eval,
    .weight_name = "weight",
    .bias_name = "bias",
    .weight_rank = 2,
};
