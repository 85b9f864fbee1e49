/* SPDX-License-Identifier: MIT
 *
 * The table of operators that are worked out on constants, and those that make
 * constants. */
#include "formats/onnx/fold.h"

#include "formats/onnx/operator.h"
#include "formats/reader.h"

#include <string.h>

enum lip_status lip_onnx_fold_new(struct lip_onnx_constant **out,
                                  struct lip_onnx_reader *reader, size_t rank,
                                  const size_t *dim, double **reals)
{
    struct lip_onnx_constant *made = *out = lip_onnx_add_constant(reader);
    if (!made)
        return lip_memory_status(reader->ctx);
    enum lip_status status = lip_onnx_account(reader, rank, dim);
    if (status == LIP_OK)
        status = lip_onnx_constant_new(made, rank, dim, reals, reader->ctx);
    if (status == LIP_OK)
        lip_onnx_give_constant(reader, 0, made);
    return status;
}

/* One number of an attribute, as a constant of rank 0. */
static enum lip_status one_number(struct lip_onnx_reader *reader, bool *found)
{
    struct lip_onnx_constant *made = NULL;
    const double odd = -0x1.8p+500;
    double real = odd, *reals;
    int64_t whole = INT64_MIN + 77;
    enum lip_status status = lip_onnx_float(reader, "value_float", &real);
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "value_int", &whole);
    bool is_real = real - odd != 0;
    *found = is_real || whole != INT64_MIN + 77;
    if (status != LIP_OK || !*found)
        return status;
    status = lip_onnx_fold_new(&made, reader, 0, NULL, is_real ? &reals : NULL);
    if (status == LIP_OK && is_real)
        *reals = real;
    else if (status == LIP_OK)
        *made->whole = whole;
    return status;
}

enum lip_status lip_onnx_fold_constant(struct lip_onnx_reader *reader)
{
    char name[LIP_SPAN_TEXT];
    struct lip_span tensor = {0};
    bool found = false;
    struct lip_onnx_constant *made = lip_onnx_add_constant(reader);
    const struct lip_onnx_node *node = reader->node;
    if (!made)
        return lip_memory_status(reader->ctx);
    enum lip_status status =
        lip_onnx_attribute_tensor(&tensor, node, "value", &reader->model);
    if (status == LIP_OK && tensor.data) {
        struct lip_span label = node->name;
        if (!label.size && node->outputs)
            label = reader->model.name[node->output].text;
        status =
            lip_onnx_constant_read(made, tensor, lip_span_text(name, label),
                                   reader->buffer, &reader->model);
        found = true;
    }
    if (status == LIP_OK && !found)
        status = lip_onnx_attribute_list(made, &found, true, node,
                                         "value_floats", &reader->model);
    if (status == LIP_OK && !found)
        status = lip_onnx_attribute_list(made, &found, false, node,
                                         "value_ints", &reader->model);
    if (status == LIP_OK && found)
        lip_onnx_give_constant(reader, 0, made);
    if (status == LIP_OK && !found)
        status = one_number(reader, &found);
    if (status == LIP_OK && !found)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it holds texts or a sparse tensor, or nothing: "
                               "dense numbers are read.");
    return status;
}

/* ConstantOfShape */
enum lip_status lip_onnx_fold_fill(struct lip_onnx_reader *reader)
{
    int64_t shape[LIP_MAX_RANK];
    size_t rank = 0, dim[LIP_MAX_RANK];
    struct lip_span tensor = {0};
    struct lip_onnx_constant *value = lip_onnx_add_constant(reader), *made;
    double *reals = NULL;
    if (!value)
        return lip_memory_status(reader->ctx);
    enum lip_status status =
        lip_onnx_int_input(reader, 0, "shape", shape, &rank, LIP_MAX_RANK);
    if (status == LIP_OK)
        status = lip_onnx_attribute_tensor(&tensor, reader->node, "value",
                                           &reader->model);
    if (status == LIP_OK && tensor.data)
        status = lip_onnx_constant_read(value, tensor, "value", reader->buffer,
                                        &reader->model);
    for (size_t k = 0; k < rank && status == LIP_OK; k++) {
        if (shape[k] < 0)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "its shape has a negative dimension.");
        dim[k] = (size_t)shape[k];
    }
    if (status == LIP_OK && tensor.data && value->count == 0)
        return lip_onnx_refuse(reader, LIP_INVALID, "its value is empty.");
    if (status == LIP_OK)
        status = lip_onnx_fold_new(&made, reader, rank, dim,
                                   value->whole ? NULL : &reals);
    for (size_t k = 0; status == LIP_OK && k < made->count; k++) {
        if (value->whole)
            made->whole[k] = value->whole[0];
        else
            reals[k] = tensor.data ? lip_onnx_constant_at(value, 0) : 0;
    }
    return status;
}

enum lip_status lip_onnx_fold_range(struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *part[3];
    struct lip_onnx_constant *made = NULL;
    enum lip_status status = LIP_OK;
    for (size_t k = 0; k < 3 && status == LIP_OK; k++) {
        status = lip_onnx_constant(&part[k], reader, k, "bound");
        if (status == LIP_OK && (!part[k]->whole || part[k]->count != 1))
            return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                                   "it counts by other than whole numbers.");
    }
    if (status != LIP_OK)
        return status;
    int64_t start = part[0]->whole[0], limit = part[1]->whole[0];
    int64_t delta = part[2]->whole[0], way;
    if (delta == 0 || delta == INT64_MIN ||
        __builtin_sub_overflow(limit, start, &way) || way == INT64_MIN)
        return lip_onnx_refuse(reader, LIP_INVALID, "its bounds are wild.");
    if (delta < 0) {
        way = -way;
        delta = -delta;
    }
    size_t count = way <= 0 ? 0 : (size_t)((way - 1) / delta + 1);
    status = lip_onnx_fold_new(&made, reader, 1, &count, NULL);
    for (size_t k = 0; status == LIP_OK && k < count; k++)
        made->whole[k] = start + (int64_t)k * part[2]->whole[0];
    return status;
}

/* ReduceProd of a list */
enum lip_status lip_onnx_fold_product(struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *in;
    struct lip_onnx_constant *made = NULL;
    int64_t keep = 1, product = 1;
    enum lip_status status = lip_onnx_constant(&in, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "keepdims", &keep);
    if (status != LIP_OK)
        return status;
    if (!in->whole || in->real.rank != 1)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "a product of other than a list of whole "
                               "numbers is not read.");
    for (size_t k = 0; k < in->count; k++)
        if (__builtin_mul_overflow(product, in->whole[k], &product))
            return lip_onnx_refuse(reader, LIP_TOO_LARGE,
                                   "the product is beyond 64 bits.");
    size_t one = 1;
    status = lip_onnx_fold_new(&made, reader, keep != 0, &one, NULL);
    if (status == LIP_OK)
        *made->whole = product;
    return status;
}

static const struct {
    const char *name;
    enum lip_status (*fold)(struct lip_onnx_reader *reader);
} table[] = {
    {"Abs", lip_onnx_fold_unary},
    {"Add", lip_onnx_fold_binary},
    {"Cast", lip_onnx_fold_cast},
    {"Ceil", lip_onnx_fold_unary},
    {"Concat", lip_onnx_fold_concat},
    {"Constant", lip_onnx_fold_constant},
    {"ConstantOfShape", lip_onnx_fold_fill},
    {"Div", lip_onnx_fold_binary},
    {"Equal", lip_onnx_fold_binary},
    {"Expand", lip_onnx_fold_expand},
    {"Floor", lip_onnx_fold_unary},
    {"Gather", lip_onnx_fold_gather},
    {"Max", lip_onnx_fold_binary},
    {"Min", lip_onnx_fold_binary},
    {"Mul", lip_onnx_fold_binary},
    {"Neg", lip_onnx_fold_unary},
    {"Range", lip_onnx_fold_range},
    {"ReduceProd", lip_onnx_fold_product},
    {"Slice", lip_onnx_fold_slice},
    {"Sqrt", lip_onnx_fold_unary},
    {"Sub", lip_onnx_fold_binary},
    {"Transpose", lip_onnx_fold_transpose},
    {"Where", lip_onnx_fold_where},
};

enum lip_status lip_onnx_fold(struct lip_onnx_reader *reader, bool *done)
{
    *done = false;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (lip_span_is(reader->node->op, table[i].name)) {
            *done = true;
            return table[i].fold(reader);
        }
    return LIP_OK;
}
