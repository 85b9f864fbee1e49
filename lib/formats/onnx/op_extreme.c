/* SPDX-License-Identifier: MIT
 *
 * Max and Min: of a value and a number a shifted relu, of several values a pool
 * over what stands side by side. */
#include "formats/onnx/arithmetic.h"
#include "formats/onnx/operator.h"

#include "network/activations/list.h"

#include <string.h>

/* max(x, c) = c + relu(x - c), min(x, c) = c - relu(c - x). */
static enum lip_status bounded(struct lip_onnx_reader *reader, bool least)
{
    struct lip_onnx_value *x = lip_onnx_input(reader, 0);
    const struct lip_onnx_constant *c;
    bool first = x && x->state == LIP_ONNX_NUMBERS;
    double sign = least ? -1 : 1;
    enum lip_status status = lip_onnx_constant(&c, reader, first, "bound");
    if (status == LIP_OK)
        status = lip_onnx_numbers(&x, reader, !first, "input");
    if (status != LIP_OK)
        return status;
    if (reader->node->inputs != 2 || c->count != 1 || c->real.rank > x->rank)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it compares with more than one number.");
    double bound = lip_onnx_constant_at(c, 0);
    struct lip_onnx_operand o = x->operand;
    status = lip_onnx_shift(&o, -bound, reader);
    if (status == LIP_OK)
        status = lip_onnx_scale(&o, sign, reader);
    if (status == LIP_OK)
        status = lip_onnx_activate(reader, &lip_activation_relu, NULL, o);
    o = lip_onnx_plain(lip_onnx_last(reader));
    if (status == LIP_OK)
        status = lip_onnx_scale(&o, sign, reader);
    if (status == LIP_OK)
        status = lip_onnx_shift(&o, bound, reader);
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, o, x->rank, x->dim, x->batch);
    return status;
}

/* --- of branches */

/* The shape that all inputs have together. */
static enum lip_status common_shape(size_t *rank, size_t *dim, bool *batch,
                                    struct lip_onnx_reader *reader)
{
    enum lip_status status = LIP_OK;
    *rank = 0;
    *batch = false;
    for (size_t k = 0; k < reader->node->inputs && status == LIP_OK; k++) {
        struct lip_onnx_value *x;
        status = lip_onnx_numbers(&x, reader, k, "term");
        if (status != LIP_OK)
            return status;
        *batch |= x->batch;
        status =
            lip_onnx_broadcast(rank, dim, reader, *rank, dim, x->rank, x->dim);
    }
    return status;
}

/* Input k, negated for a minimum, as a column. */
static enum lip_status enter_column(size_t *layer,
                                    struct lip_onnx_reader *reader, size_t k,
                                    bool least, size_t rank, const size_t *dim)
{
    struct lip_onnx_value x = *lip_onnx_input(reader, k);
    struct lip_shape column = {2, {1, 1}};
    enum lip_status status = LIP_OK;
    for (size_t a = 0; a < rank; a++)
        column.dim[0] *= dim[a];
    if (least)
        status = lip_onnx_scale(&x.operand, -1, reader);
    if (status == LIP_OK &&
        (x.rank != rank || memcmp(x.dim, dim, rank * sizeof *dim) != 0)) {
        status = lip_onnx_widen_to(layer, reader, &x, rank, dim);
        x.operand = lip_onnx_plain(*layer);
    }
    return status == LIP_OK
               ? lip_onnx_enter_as(layer, reader, x.operand, &column)
               : status;
}

/* The largest of each row of columns that stand side by side. */
static enum lip_status append_largest(struct lip_onnx_reader *reader,
                                      size_t *source, size_t count)
{
    struct lip_layer *layer;
    enum lip_status status = lip_onnx_append(&layer, reader, &lip_layer_concat,
                                             count, source, ":join");
    if (status != LIP_OK)
        return status;
    *lip_layer_set(layer, "axis") = (struct lip_setting){1, {1}};
    status = lip_onnx_settle(reader);
    source[0] = lip_onnx_last(reader);
    if (status == LIP_OK)
        status =
            lip_onnx_append(&layer, reader, &lip_layer_max_pool, 1, source, "");
    source[0] = lip_onnx_last(reader);
    return status == LIP_OK ? lip_onnx_settle(reader) : status;
}

static enum lip_status largest(struct lip_onnx_reader *reader, bool least)
{
    size_t rank, dim[LIP_MAX_RANK], source[LIP_MAX_RANK], count = 0;
    size_t inputs = reader->node->inputs;
    bool batch;
    enum lip_status status = common_shape(&rank, dim, &batch, reader);
    for (size_t k = 0; k < inputs && status == LIP_OK; k++) {
        status = enter_column(&source[count++], reader, k, least, rank, dim);
        if (status == LIP_OK && (count == LIP_MAX_RANK || k + 1 == inputs)) {
            status = append_largest(reader, source, count);
            count = 1;
        }
    }
    struct lip_onnx_operand result = lip_onnx_plain(lip_onnx_last(reader));
    if (status == LIP_OK && least)
        status = lip_onnx_scale(&result, -1, reader);
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, result, rank, dim, batch);
    return status;
}

enum lip_status lip_onnx_extreme(struct lip_onnx_reader *reader,
                                 const void *detail)
{
    bool all = true;
    if (reader->node->inputs == 1)
        return lip_onnx_identity(reader, NULL);
    for (size_t k = 0; k < reader->node->inputs; k++) {
        const struct lip_onnx_value *x = lip_onnx_input(reader, k);
        all &= x && x->state == LIP_ONNX_NUMBERS;
    }
    return all ? largest(reader, detail != NULL)
               : bounded(reader, detail != NULL);
}
