/* SPDX-License-Identifier: MIT
 *
 * Values: what the nodes take and give. */
#include "formats/onnx/reader.h"

#include "formats/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct lip_onnx_name *name_at(const struct lip_onnx_reader *reader,
                                           size_t k)
{
    return &reader->model.name[k];
}

/* What the node is called: its name, or else its output's. */
static struct lip_span label(const struct lip_onnx_reader *reader,
                             const struct lip_onnx_node *node)
{
    if (node->name.size || !node->outputs)
        return node->name;
    return name_at(reader, node->output)->text;
}

enum lip_status lip_onnx_refuse(struct lip_onnx_reader *reader,
                                enum lip_status status, const char *format, ...)
{
    char text[300], name[LIP_SPAN_TEXT], op[LIP_SPAN_TEXT], where[24];
    const struct lip_onnx_node *node = reader->node;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(where, sizeof where, "%zu",
             (size_t)(node->message.data - reader->model.file));
    return lip_fail_at(reader->ctx, status, LIP_AT_BYTE, where,
                       "Node \"%.60s\" (%.30s): %s",
                       lip_span_text(name, label(reader, node)),
                       lip_span_text(op, node->op), text);
}

static struct lip_onnx_value *value_of(struct lip_onnx_reader *reader,
                                       size_t name)
{
    size_t value = name_at(reader, name)->value;
    return value == SIZE_MAX ? NULL : &reader->value[value];
}

struct lip_onnx_value *lip_onnx_input(struct lip_onnx_reader *reader, size_t k)
{
    const struct lip_onnx_node *node = reader->node;
    return k < node->inputs ? value_of(reader, node->input + k) : NULL;
}

struct lip_onnx_value *lip_onnx_output(struct lip_onnx_reader *reader, size_t k)
{
    const struct lip_onnx_node *node = reader->node;
    return k < node->outputs ? value_of(reader, node->output + k) : NULL;
}

/* --- constants */

struct lip_onnx_constant *lip_onnx_add_constant(struct lip_onnx_reader *reader)
{
    if (reader->constants == reader->constant_room) {
        size_t room = reader->constants ? 2 * reader->constants : 32;
        void *grown = lip_realloc(reader->ctx, reader->constant, room,
                                  sizeof *reader->constant);
        if (!grown)
            return NULL;
        reader->constant = grown;
        reader->constant_room = room;
    }
    struct lip_onnx_constant *made = lip_calloc(reader->ctx, 1, sizeof *made);
    if (made)
        reader->constant[reader->constants++] = made;
    return made;
}

static void set_constant(struct lip_onnx_value *value,
                         const struct lip_onnx_constant *constant)
{
    value->state = LIP_ONNX_CONSTANT;
    value->constant = constant;
    value->rank = constant->real.rank;
    memcpy(value->dim, constant->real.dim, sizeof value->dim);
}

/* Reads an initializer when it is first used. */
static enum lip_status load(struct lip_onnx_value *value,
                            struct lip_onnx_reader *reader)
{
    char name[LIP_SPAN_TEXT];
    const struct lip_onnx_initializer *stored =
        &reader->model.initializer[value->stored];
    struct lip_onnx_constant *made = lip_onnx_add_constant(reader);
    if (!made)
        return lip_memory_status(reader->ctx);
    enum lip_status status = lip_onnx_constant_read(
        made, stored->message, lip_span_text(name, stored->name.text),
        reader->buffer, &reader->model);
    if (status == LIP_OK)
        set_constant(value, made);
    return status;
}

/* Matrices are transposed in place; only products take them so. */
static enum lip_status straighten(struct lip_onnx_value *value,
                                  struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *from = value->constant;
    struct lip_onnx_constant *made = lip_onnx_add_constant(reader);
    size_t size = from->count * lip_dtype_size(from->real.dtype);
    if (!made)
        return lip_memory_status(reader->ctx);
    unsigned char *block = lip_alloc(reader->ctx, size, 1);
    if (!block)
        return lip_memory_status(reader->ctx);
    lip_tensor_copy(block, &from->real);
    struct lip_buffer *buffer = lip_buffer_take(block, size, reader->ctx);
    if (!buffer)
        return lip_memory_status(reader->ctx);
    made->real = from->real;
    made->real.column_major = false;
    made->real.buffer = buffer;
    made->real.data = block;
    made->count = from->count;
    set_constant(value, made);
    return LIP_OK;
}

void lip_onnx_give_constant(struct lip_onnx_reader *reader, size_t k,
                            const struct lip_onnx_constant *constant)
{
    struct lip_onnx_value *value = lip_onnx_output(reader, k);
    if (value)
        set_constant(value, constant);
}

enum lip_status lip_onnx_optional(const struct lip_onnx_constant **out,
                                  struct lip_onnx_reader *reader, size_t k,
                                  const char *what)
{
    struct lip_onnx_value *value = lip_onnx_input(reader, k);
    *out = NULL;
    if (!value)
        return LIP_OK;
    if (value->state == LIP_ONNX_NUMBERS)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its %s depends on the network's input, where "
                               "only a constant is read.",
                               what);
    if (value->state == LIP_ONNX_STORED) {
        enum lip_status status = load(value, reader);
        if (status != LIP_OK)
            return status;
    }
    if (value->constant->real.column_major &&
        !lip_span_is(reader->node->op, "Gemm") &&
        !lip_span_is(reader->node->op, "MatMul")) {
        enum lip_status status = straighten(value, reader);
        if (status != LIP_OK)
            return status;
    }
    *out = value->constant;
    return LIP_OK;
}

enum lip_status lip_onnx_constant(const struct lip_onnx_constant **out,
                                  struct lip_onnx_reader *reader, size_t k,
                                  const char *what)
{
    enum lip_status status = lip_onnx_optional(out, reader, k, what);
    return status == LIP_OK && !*out
               ? lip_onnx_refuse(reader, LIP_INVALID, "its %s is missing.",
                                 what)
               : status;
}

/* --- numbers */

enum lip_status lip_onnx_numbers(struct lip_onnx_value **out,
                                 struct lip_onnx_reader *reader, size_t k,
                                 const char *what)
{
    struct lip_onnx_value *value = *out = lip_onnx_input(reader, k);
    if (!value)
        return lip_onnx_refuse(reader, LIP_INVALID, "its %s is missing.", what);
    if (value->state == LIP_ONNX_NUMBERS)
        return LIP_OK;
    return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                           "its %s is a constant, where numbers that depend on "
                           "the network's input are expected.",
                           what);
}

void lip_onnx_give(struct lip_onnx_reader *reader, size_t k,
                   struct lip_onnx_operand operand, size_t rank,
                   const size_t *dim, bool batch)
{
    struct lip_onnx_value *value = lip_onnx_output(reader, k);
    if (!value)
        return;
    value->state = LIP_ONNX_NUMBERS;
    value->operand = operand;
    value->batch = batch;
    value->rank = rank;
    memmove(value->dim, dim, rank * sizeof *dim);
}

void lip_onnx_give_like(struct lip_onnx_reader *reader, size_t layer,
                        const struct lip_onnx_value *like)
{
    lip_onnx_give(reader, 0, lip_onnx_plain(layer), like->rank, like->dim,
                  like->batch);
}

void lip_onnx_give_last(struct lip_onnx_reader *reader, bool lead, bool batch)
{
    size_t last = lip_onnx_last(reader), dim[LIP_MAX_RANK + 1] = {1};
    const struct lip_shape *shape = &reader->layer[last].out;
    size_t most = LIP_MAX_RANK - lead, rank = shape->rank;
    rank = rank < most ? rank : most;
    memcpy(dim + lead, shape->dim, rank * sizeof *dim);
    lip_onnx_give(reader, 0, lip_onnx_plain(last), rank + lead, dim, batch);
}

/* --- attributes and whole numbers */

enum lip_status lip_onnx_int(struct lip_onnx_reader *reader, const char *name,
                             int64_t *out)
{
    return lip_onnx_attribute_int(out, reader->node, name, &reader->model);
}

enum lip_status lip_onnx_float(struct lip_onnx_reader *reader, const char *name,
                               double *out)
{
    return lip_onnx_attribute_float(out, reader->node, name, &reader->model);
}

enum lip_status lip_onnx_ints(struct lip_onnx_reader *reader, const char *name,
                              int64_t *out, size_t *count)
{
    return lip_onnx_attribute_ints(out, count, LIP_MAX_RANK, reader->node, name,
                                   &reader->model);
}

enum lip_status lip_onnx_int_input(struct lip_onnx_reader *reader, size_t k,
                                   const char *what, int64_t *out,
                                   size_t *count, size_t most)
{
    const struct lip_onnx_constant *constant;
    enum lip_status status = lip_onnx_optional(&constant, reader, k, what);
    if (status != LIP_OK || !constant)
        return status;
    if (!constant->whole)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its %s must be whole numbers.", what);
    if (constant->count > most)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its %s has %zu numbers: at most %zu are read.",
                               what, constant->count, most);
    if (constant->count)
        memcpy(out, constant->whole, constant->count * sizeof *out);
    *count = constant->count;
    return LIP_OK;
}

enum lip_status lip_onnx_ints_since(struct lip_onnx_reader *reader,
                                    int64_t opset, const char *name, size_t k,
                                    int64_t *out, size_t *count)
{
    if (reader->model.opset < opset)
        return lip_onnx_ints(reader, name, out, count);
    return lip_onnx_int_input(reader, k, name, out, count, LIP_MAX_RANK);
}

enum lip_status lip_onnx_axis(size_t *out, struct lip_onnx_reader *reader,
                              int64_t axis, size_t rank)
{
    int64_t from_front = axis < 0 ? axis + (int64_t)rank : axis;
    if (axis < -(int64_t)rank || from_front < 0 || from_front >= (int64_t)rank)
        return lip_onnx_refuse(
            reader, LIP_INVALID,
            "its axis is %" PRId64 ", but there are %zu axes.", axis, rank);
    *out = (size_t)from_front;
    return LIP_OK;
}
