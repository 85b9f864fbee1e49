/* SPDX-License-Identifier: MIT
 *
 * Nodes of an ONNX graph, encoded as protobuf. Numbers that no layer stores
 * stand in nodes of kind Constant: the graph's initializers are the layers'
 * tensors and nothing else. */
#include "formats/onnx_out.h"

#include "formats/json_string.h"
#include "formats/write_layers.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- the wire format */

enum wire { VARINT = 0, BYTES = 2, FIXED32 = 5 };

static void put_varint(struct lip_output *output, uint64_t value)
{
    unsigned char bytes[10];
    size_t size = 0;
    do {
        bytes[size] = (unsigned char)(value & 127);
        value >>= 7;
        bytes[size++] |= value ? 128 : 0;
    } while (value);
    lip_output_bytes(output, bytes, size);
}

static void put_tag(struct lip_output *output, unsigned field, enum wire wire)
{
    put_varint(output, (uint64_t)field << 3 | wire);
}

void lip_proto_int(struct lip_output *output, unsigned field, int64_t value)
{
    put_tag(output, field, VARINT);
    put_varint(output, (uint64_t)value);
}

void lip_proto_float(struct lip_output *output, unsigned field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_tag(output, field, FIXED32);
    lip_output_little(output, bits, 4);
}

void lip_proto_open(struct lip_output *output, unsigned field, size_t size)
{
    put_tag(output, field, BYTES);
    put_varint(output, size);
}

void lip_proto_bytes(struct lip_output *output, unsigned field,
                     const void *bytes, size_t size)
{
    lip_proto_open(output, field, size);
    lip_output_bytes(output, bytes, size);
}

void lip_proto_text(struct lip_output *output, unsigned field, const char *text)
{
    lip_proto_bytes(output, field, text, strlen(text));
}

void lip_proto_message(struct lip_output *output, unsigned field,
                       struct lip_output *message)
{
    if (output->status == LIP_OK)
        output->status = message->status;
    lip_proto_bytes(output, field, message->data, message->size);
    lip_output_clear(message);
}

/* --- fields of the messages of ONNX */

enum { GRAPH_NODE = 1 };
enum {
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_NAME = 3,
    NODE_OP = 4,
    NODE_ATTRIBUTE = 5
};
enum {
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_FLOAT = 2,
    ATTRIBUTE_INT = 3,
    ATTRIBUTE_TEXT = 4,
    ATTRIBUTE_TENSOR = 5,
    ATTRIBUTE_INTS = 8,
    ATTRIBUTE_TYPE = 20
};
enum { IS_FLOAT = 1, IS_INT = 2, IS_TEXT = 3, IS_TENSOR = 4, IS_INTS = 7 };
enum { TENSOR_DIM = 1, TENSOR_TYPE = 2, TENSOR_RAW = 9 };

enum lip_onnx_element lip_onnx_element_of(enum lip_dtype dtype)
{
    static const enum lip_onnx_element type[] = {[LIP_F64] = LIP_ONNX_DOUBLE,
                                                 [LIP_F32] = LIP_ONNX_FLOAT,
                                                 [LIP_F16] = LIP_ONNX_FLOAT16,
                                                 [LIP_BF16] =
                                                     LIP_ONNX_BFLOAT16};
    return type[dtype];
}

static struct lip_onnx_result name_result(struct lip_onnx_out *out)
{
    struct lip_onnx_result value;
    snprintf(value.name, sizeof value.name, "%zu.%zu", out->layer,
             out->steps++);
    if (strcmp(value.name, out->last) == 0)
        snprintf(value.name, sizeof value.name, "output");
    return value;
}

static void put_attribute(struct lip_output *node,
                          const struct lip_onnx_put_attribute *attribute)
{
    struct lip_output message = {.ctx = node->ctx};
    int type = IS_INT;
    lip_proto_text(&message, ATTRIBUTE_NAME, attribute->name);
    if (attribute->text) {
        type = IS_TEXT;
        lip_proto_text(&message, ATTRIBUTE_TEXT, attribute->text);
    } else if (attribute->is_real) {
        type = IS_FLOAT;
        lip_proto_float(&message, ATTRIBUTE_FLOAT, (float)attribute->real);
    } else if (attribute->is_list) {
        type = IS_INTS;
        for (size_t k = 0; k < attribute->count; k++)
            lip_proto_int(&message, ATTRIBUTE_INTS, attribute->list[k]);
    } else {
        lip_proto_int(&message, ATTRIBUTE_INT, attribute->whole);
    }
    lip_proto_int(&message, ATTRIBUTE_TYPE, type);
    lip_proto_message(node, NODE_ATTRIBUTE, &message);
}

/* Texts are UTF-8: where a name is not, '?' stands for what is beyond ASCII, as
 * in the list of layers. */
static void put_name(struct lip_output *node, const char *name)
{
    size_t size = strlen(name);
    bool valid = lip_utf8_valid((const unsigned char *)name, size);
    lip_proto_open(node, NODE_NAME, size);
    unsigned char *room = lip_output_room(node, size);
    for (size_t k = 0; room && k < size; k++)
        room[k] = valid || !(name[k] & 0x80) ? (unsigned char)name[k] : '?';
}

/* Inputs, results (the first one counts), what the node is called and does. */
static struct lip_onnx_result
open_node(struct lip_output *node, struct lip_onnx_out *out, const char *op,
          size_t inputs, const struct lip_onnx_result *input, size_t results)
{
    const char *name = out->network->layer[out->layer].name;
    while (inputs && !*input[inputs - 1].name)
        inputs--;
    for (size_t k = 0; k < inputs; k++)
        lip_proto_text(node, NODE_INPUT, input[k].name);
    struct lip_onnx_result result = name_result(out);
    lip_proto_text(node, NODE_OUTPUT, result.name);
    for (size_t k = 1; k < results; k++)
        lip_proto_text(node, NODE_OUTPUT, name_result(out).name);
    if (*name)
        put_name(node, name);
    lip_proto_text(node, NODE_OP, op);
    return result;
}

struct lip_onnx_result
lip_onnx_put_op(struct lip_onnx_out *out, const char *op, size_t inputs,
                const struct lip_onnx_result *input, size_t attributes,
                const struct lip_onnx_put_attribute *attribute)
{
    struct lip_output node = {.ctx = out->nodes.ctx};
    struct lip_onnx_result result = open_node(&node, out, op, inputs, input, 1);
    for (size_t k = 0; k < attributes; k++)
        put_attribute(&node, &attribute[k]);
    lip_proto_message(&out->nodes, GRAPH_NODE, &node);
    return result;
}

struct lip_onnx_result lip_onnx_put_unary(struct lip_onnx_out *out,
                                          const char *op,
                                          struct lip_onnx_result x)
{
    return lip_onnx_put_op(out, op, 1, &x, 0, NULL);
}

struct lip_onnx_result lip_onnx_put_binary(struct lip_onnx_out *out,
                                           const char *op,
                                           struct lip_onnx_result a,
                                           struct lip_onnx_result b)
{
    return lip_onnx_put_op(out, op, 2, (struct lip_onnx_result[]){a, b}, 0,
                           NULL);
}

struct lip_onnx_result lip_onnx_put_top(struct lip_onnx_out *out,
                                        struct lip_onnx_result x,
                                        struct lip_onnx_result k)
{
    struct lip_output node = {.ctx = out->nodes.ctx};
    struct lip_onnx_result input[] = {x, k};
    struct lip_onnx_result result = open_node(&node, out, "TopK", 2, input, 2);
    lip_proto_message(&out->nodes, GRAPH_NODE, &node);
    return result;
}

/* --- constants */

/* A Constant node of a tensor, whose dimensions and type are put. */
static struct lip_onnx_result put_constant(struct lip_onnx_out *out,
                                           struct lip_output *tensor,
                                           const struct lip_output *raw)
{
    struct lip_output node = {.ctx = out->nodes.ctx};
    struct lip_output attribute = {.ctx = out->nodes.ctx};
    struct lip_onnx_result result =
        open_node(&node, out, "Constant", 0, NULL, 1);
    if (tensor->status == LIP_OK)
        tensor->status = raw->status;
    lip_proto_bytes(tensor, TENSOR_RAW, raw->data, raw->size);
    lip_proto_text(&attribute, ATTRIBUTE_NAME, "value");
    lip_proto_message(&attribute, ATTRIBUTE_TENSOR, tensor);
    lip_proto_int(&attribute, ATTRIBUTE_TYPE, IS_TENSOR);
    lip_proto_message(&node, NODE_ATTRIBUTE, &attribute);
    lip_proto_message(&out->nodes, GRAPH_NODE, &node);
    return result;
}

static void put_real(struct lip_output *raw, double value, bool wide)
{
    uint64_t bits;
    float narrow = (float)fmin(fmax(value, -FLT_MAX), FLT_MAX);
    uint32_t narrow_bits;
    memcpy(&bits, &value, sizeof bits);
    memcpy(&narrow_bits, &narrow, sizeof narrow_bits);
    lip_output_little(raw, wide ? bits : narrow_bits, wide ? 8 : 4);
}

/* Numbers of a list, each `times` times; no list: one without dimensions. */
static struct lip_onnx_result put_numbers(struct lip_onnx_out *out,
                                          bool is_list, size_t count,
                                          const double *value, size_t times)
{
    struct lip_output tensor = {.ctx = out->nodes.ctx};
    struct lip_output raw = {.ctx = out->nodes.ctx};
    if (is_list)
        lip_proto_int(&tensor, TENSOR_DIM, (int64_t)(count * times));
    lip_proto_int(&tensor, TENSOR_TYPE,
                  out->wide ? LIP_ONNX_DOUBLE : LIP_ONNX_FLOAT);
    for (size_t k = 0; k < count * times; k++)
        put_real(&raw, value[k / times], out->wide);
    struct lip_onnx_result result = put_constant(out, &tensor, &raw);
    lip_output_clear(&raw);
    return result;
}

struct lip_onnx_result lip_onnx_put_number(struct lip_onnx_out *out,
                                           double value)
{
    return put_numbers(out, false, 1, &value, 1);
}

struct lip_onnx_result lip_onnx_put_reals(struct lip_onnx_out *out,
                                          size_t count, const double *value)
{
    return put_numbers(out, true, count, value, 1);
}

struct lip_onnx_result lip_onnx_put_filled(struct lip_onnx_out *out,
                                           size_t count, double value)
{
    return put_numbers(out, true, 1, &value, count);
}

/* A list where `is_list`, else one number without dimensions. */
static struct lip_onnx_result put_wholes(struct lip_onnx_out *out, bool is_list,
                                         size_t count, const long *value)
{
    struct lip_output tensor = {.ctx = out->nodes.ctx};
    struct lip_output raw = {.ctx = out->nodes.ctx};
    if (is_list)
        lip_proto_int(&tensor, TENSOR_DIM, (int64_t)count);
    lip_proto_int(&tensor, TENSOR_TYPE, LIP_ONNX_INT64);
    for (size_t k = 0; k < count; k++)
        lip_output_little(&raw, (uint64_t)value[k], 8);
    struct lip_onnx_result result = put_constant(out, &tensor, &raw);
    lip_output_clear(&raw);
    return result;
}

struct lip_onnx_result lip_onnx_put_whole(struct lip_onnx_out *out, long value)
{
    return put_wholes(out, false, 1, &value);
}

struct lip_onnx_result lip_onnx_put_list(struct lip_onnx_out *out, size_t count,
                                         const long *value)
{
    return put_wholes(out, true, count, value);
}

bool lip_onnx_says(const struct lip_onnx_out *out, double value)
{
    float narrow = (float)fmin(fmax(value, -FLT_MAX), FLT_MAX);
    return !out->wide || !(narrow < value || narrow > value);
}

/* --- shapes and tensors */

struct lip_onnx_result lip_onnx_put_cast(struct lip_onnx_out *out,
                                         struct lip_onnx_result x,
                                         enum lip_onnx_element type)
{
    return lip_onnx_put_op(
        out, "Cast", 1, &x, 1,
        &(struct lip_onnx_put_attribute){"to", .whole = type});
}

/* As `shape`, with the batch in front where `batch`. */
static struct lip_onnx_result reshape(struct lip_onnx_out *out,
                                      struct lip_onnx_result x, bool batch,
                                      const struct lip_shape *shape)
{
    long dim[LIP_MAX_RANK + 1] = {0}; /* 0: as it is */
    for (size_t k = 0; k < shape->rank; k++)
        dim[k + batch] = (long)shape->dim[k];
    struct lip_onnx_result list =
        lip_onnx_put_list(out, shape->rank + batch, dim);
    return lip_onnx_put_binary(out, "Reshape", x, list);
}

struct lip_onnx_result lip_onnx_put_reshape(struct lip_onnx_out *out,
                                            struct lip_onnx_result x,
                                            const struct lip_shape *shape)
{
    return reshape(out, x, true, shape);
}

struct lip_onnx_result lip_onnx_put_array(struct lip_onnx_out *out,
                                          struct lip_onnx_result x,
                                          const struct lip_shape *shape)
{
    return reshape(out, x, false, shape);
}

struct lip_onnx_result lip_onnx_put_flat(struct lip_onnx_out *out,
                                         const struct lip_layer *layer,
                                         struct lip_onnx_result x)
{
    if (layer->in.rank == 1)
        return x;
    if (layer->in.rank > 1)
        return lip_onnx_put_unary(out, "Flatten", x);
    struct lip_shape one = lip_shape_vector(1);
    return lip_onnx_put_reshape(out, x, &one);
}

struct lip_onnx_result lip_onnx_put_unflat(struct lip_onnx_out *out,
                                           const struct lip_layer *layer,
                                           struct lip_onnx_result x)
{
    return layer->out.rank == 1 ? x : lip_onnx_put_reshape(out, x, &layer->out);
}

struct lip_onnx_result lip_onnx_put_stored(struct lip_onnx_out *out,
                                           enum lip_part part)
{
    struct lip_onnx_result value = {""};
    struct lip_written_tensor written;
    if (lip_written_tensor(&written, out->network, out->layer, part))
        snprintf(value.name, sizeof value.name, "%s", written.name);
    return value;
}

struct lip_onnx_result lip_onnx_put_tensor(struct lip_onnx_out *out,
                                           enum lip_part part,
                                           const struct lip_shape *shape)
{
    const struct lip_tensor *tensor =
        lip_layer_tensor_const(&out->network->layer[out->layer], part);
    struct lip_onnx_result value = lip_onnx_put_stored(out, part);
    if (!tensor->data)
        return value;
    if (tensor->dtype != (out->wide ? LIP_F64 : LIP_F32))
        value = lip_onnx_put_cast(out, value,
                                  out->wide ? LIP_ONNX_DOUBLE : LIP_ONNX_FLOAT);
    bool same = !shape || shape->rank == tensor->rank;
    for (size_t k = 0; same && shape && k < shape->rank; k++)
        same = shape->dim[k] == tensor->dim[k];
    return same ? value : reshape(out, value, false, shape);
}
