/* SPDX-License-Identifier: MIT
 *
 * Gemm and MatMul with a constant matrix: dense layers, and for the rows of a
 * sequence convolutions with a kernel of one position. */
#include "formats/onnx/operator.h"

#include "formats/reader.h"

#include <math.h>
#include <string.h>

/* The same numbers read as the transpose. */
static void transpose(struct lip_tensor *matrix)
{
    size_t rows = matrix->dim[0];
    matrix->dim[0] = matrix->dim[1];
    matrix->dim[1] = rows;
    matrix->column_major = !matrix->column_major;
}

/* A constant times a factor: as it is for 1, else as doubles, which hold the
 * product of two float32 numbers; LIP_UNSUPPORTED where they do not hold it. */
static enum lip_status scaled(struct lip_tensor *out,
                              struct lip_onnx_reader *reader,
                              const struct lip_onnx_constant *c, double factor,
                              const char *name)
{
    double *numbers;
    if (c->whole)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its %s holds whole numbers: only real numbers "
                               "are read.",
                               name);
    if (factor - 1 == 0) {
        *out = lip_onnx_hold(c);
        return LIP_OK;
    }
    enum lip_status status =
        lip_onnx_tensor(out, &numbers, c->real.rank, c->real.dim, reader);
    for (size_t k = 0; status == LIP_OK && k < c->count; k++) {
        double number = lip_tensor_at(&c->real, k);
        numbers[k] = number * factor;
        if (fma(number, factor, -numbers[k]) != 0)
            status = lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                                     "the factor %g of its %s cannot be "
                                     "multiplied in exactly. Multiply the "
                                     "weights before the export.",
                                     factor, name);
    }
    return status;
}

static enum lip_status check_matrix(struct lip_onnx_reader *reader,
                                    const struct lip_onnx_constant *weight)
{
    if (weight->real.rank != 2)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its weight has %zu dimensions: matrices are "
                               "read.",
                               weight->real.rank);
    return LIP_OK;
}

/* C of Gemm: one number an output, or one for all. */
static enum lip_status set_bias(struct lip_layer *layer,
                                struct lip_onnx_reader *reader,
                                const struct lip_onnx_constant *c, double beta)
{
    size_t outputs = layer->weight.dim[0];
    if (!c || beta == 0)
        return LIP_OK;
    if (c->count == 1 && outputs != 1)
        return lip_onnx_equal(&layer->bias, outputs,
                              beta * lip_onnx_constant_at(c, 0), reader);
    if (c->count != outputs ||
        (c->real.rank > 1 && c->real.dim[c->real.rank - 1] != outputs))
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its bias has %zu numbers for %zu outputs.",
                               c->count, outputs);
    enum lip_status status = scaled(&layer->bias, reader, c, beta, "bias");
    layer->bias.rank = 1;
    layer->bias.dim[0] = outputs;
    return status;
}

struct gemm {
    double alpha, beta;
    int64_t transposed[2];
    const struct lip_onnx_constant *weight, *bias;
};

static enum lip_status append_gemm(struct lip_onnx_reader *reader,
                                   const struct lip_onnx_value *x,
                                   const struct gemm *gemm)
{
    struct lip_layer *layer;
    size_t from;
    enum lip_status status = lip_onnx_enter(&from, reader, x->operand);
    if (status == LIP_OK)
        status =
            lip_onnx_append(&layer, reader, &lip_layer_dense, 1, &from, "");
    if (status == LIP_OK)
        status =
            scaled(&layer->weight, reader, gemm->weight, gemm->alpha, "weight");
    if (status != LIP_OK)
        return status;
    if (!gemm->transposed[1])
        transpose(&layer->weight);
    status = set_bias(layer, reader, gemm->bias, gemm->beta);
    if (status == LIP_OK)
        status = lip_onnx_settle(reader);
    if (status == LIP_OK)
        lip_onnx_give_last(reader, true, x->batch);
    return status;
}

enum lip_status lip_onnx_gemm(struct lip_onnx_reader *reader,
                              const void *detail)
{
    struct lip_onnx_value *x;
    struct gemm gemm = {.alpha = 1, .beta = 1};
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_constant(&gemm.weight, reader, 1, "weight");
    if (status == LIP_OK)
        status = lip_onnx_optional(&gemm.bias, reader, 2, "bias");
    if (status == LIP_OK)
        status = check_matrix(reader, gemm.weight);
    if (status == LIP_OK)
        status = lip_onnx_float(reader, "alpha", &gemm.alpha);
    if (status == LIP_OK)
        status = lip_onnx_float(reader, "beta", &gemm.beta);
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "transA", &gemm.transposed[0]);
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "transB", &gemm.transposed[1]);
    if (status != LIP_OK)
        return status;
    if (gemm.transposed[0] && x->rank == 2 && x->dim[0] != 1 &&
        x->dim[1] == 1 && !x->batch) {
        /* the transpose of one column is a row */
    } else if (gemm.transposed[0]) {
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it transposes its input (transA), which mixes "
                               "the batch.");
    } else if (x->rank != 2 || x->dim[0] != 1) {
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its input is no batch of vectors.");
    }
    return append_gemm(reader, x, &gemm);
}

/* --- MatMul */

static enum lip_status append_axes(struct lip_onnx_reader *reader, size_t from,
                                   const char *suffix)
{
    struct lip_layer *layer;
    enum lip_status status =
        lip_onnx_append(&layer, reader, &lip_layer_transpose, 1, &from, suffix);
    if (status != LIP_OK)
        return status;
    *lip_layer_set(layer, "axes") = (struct lip_setting){2, {1, 0}};
    return lip_onnx_settle(reader);
}

/* A kernel of one position: channels are mixed, positions are not. */
static enum lip_status append_mixing(struct lip_onnx_reader *reader,
                                     size_t from, struct lip_tensor weight)
{
    struct lip_layer *layer;
    weight.rank = 3;
    weight.dim[2] = 1;
    enum lip_status status =
        lip_onnx_append(&layer, reader, &lip_layer_conv, 1, &from, "");
    if (status != LIP_OK) {
        lip_tensor_clear(&weight);
        return status;
    }
    layer->weight = weight;
    return lip_onnx_settle(reader);
}

/* x W for each of several rows x: columns become channels and back. */
static enum lip_status multiply_rows(struct lip_onnx_reader *reader,
                                     const struct lip_onnx_value *x,
                                     struct lip_tensor weight)
{
    size_t width = x->dim[x->rank - 1], out = weight.dim[0], layer;
    size_t dim[LIP_MAX_RANK];
    struct lip_shape rows = {2, {1, width}};
    for (size_t k = 0; k + 1 < x->rank; k++)
        rows.dim[0] *= x->dim[k];
    enum lip_status status =
        lip_onnx_enter_as(&layer, reader, x->operand, &rows);
    if (status == LIP_OK)
        status = append_axes(reader, layer, ":columns");
    if (status != LIP_OK) {
        lip_tensor_clear(&weight);
        return status;
    }
    status = append_mixing(reader, lip_onnx_last(reader), weight);
    if (status == LIP_OK)
        status = append_axes(reader, lip_onnx_last(reader), ":rows");
    memcpy(dim, x->dim, x->rank * sizeof *dim);
    dim[x->rank - 1] = out;
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, lip_onnx_plain(lip_onnx_last(reader)), x->rank,
                      dim, x->batch);
    return status;
}

static enum lip_status multiply_right(struct lip_onnx_reader *reader,
                                      const struct lip_onnx_value *x,
                                      const struct lip_onnx_constant *c)
{
    struct lip_layer *layer;
    struct lip_tensor weight = {0};
    size_t from, dim[LIP_MAX_RANK], rows = 1;
    if (x->rank == 0 || x->dim[x->rank - 1] != c->real.dim[0])
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its weight is %zu x %zu, but %zu numbers come "
                               "in.",
                               c->real.dim[0], c->real.dim[1],
                               x->rank ? x->dim[x->rank - 1] : 1);
    enum lip_status status = scaled(&weight, reader, c, 1, "weight");
    if (status != LIP_OK)
        return status;
    transpose(&weight);
    for (size_t k = 0; k + 1 < x->rank; k++)
        rows *= x->dim[k];
    if (rows > 1)
        return multiply_rows(reader, x, weight);
    status = lip_onnx_enter(&from, reader, x->operand);
    if (status == LIP_OK)
        status =
            lip_onnx_append(&layer, reader, &lip_layer_dense, 1, &from, "");
    if (status != LIP_OK) {
        lip_tensor_clear(&weight);
        return status;
    }
    layer->weight = weight;
    memcpy(dim, x->dim, x->rank * sizeof *dim);
    dim[x->rank - 1] = c->real.dim[1];
    status = lip_onnx_settle(reader);
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, lip_onnx_plain(lip_onnx_last(reader)), x->rank,
                      dim, x->batch);
    return status;
}

/* W x of a matrix x, or a batch of one: its rows are channels. */
static enum lip_status multiply_left(struct lip_onnx_reader *reader,
                                     const struct lip_onnx_value *x,
                                     const struct lip_onnx_constant *c)
{
    struct lip_tensor weight = {0};
    size_t lead = x->rank == 3 && x->dim[0] == 1, from;
    size_t dim[LIP_MAX_RANK];
    if (x->rank - lead != 2 || x->dim[lead] != c->real.dim[1] ||
        (lead == 0 && x->batch))
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its first factor is a constant, whose columns "
                               "must be the rows of one matrix that comes "
                               "in.");
    enum lip_status status = lip_onnx_enter_axes(&from, reader, x, lead);
    if (status == LIP_OK)
        status = scaled(&weight, reader, c, 1, "weight");
    if (status == LIP_OK)
        status = append_mixing(reader, from, weight);
    memcpy(dim, x->dim, x->rank * sizeof *dim);
    dim[lead] = c->real.dim[0];
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, lip_onnx_plain(lip_onnx_last(reader)), x->rank,
                      dim, x->batch);
    return status;
}

enum lip_status lip_onnx_matmul(struct lip_onnx_reader *reader,
                                const void *detail)
{
    struct lip_onnx_value *x = lip_onnx_input(reader, 0);
    struct lip_onnx_value *y = lip_onnx_input(reader, 1);
    const struct lip_onnx_constant *weight;
    bool first = x && x->state == LIP_ONNX_NUMBERS;
    (void)detail;
    if (first && y && y->state == LIP_ONNX_NUMBERS)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "the product of two values that both depend on "
                               "the input (attention) has no Lipschitz "
                               "constant over all inputs.");
    enum lip_status status =
        lip_onnx_constant(&weight, reader, first, "factor");
    if (status == LIP_OK)
        status = lip_onnx_numbers(&x, reader, !first, "factor");
    if (status == LIP_OK)
        status = check_matrix(reader, weight);
    if (status != LIP_OK)
        return status;
    return first ? multiply_right(reader, x, weight)
                 : multiply_left(reader, x, weight);
}
