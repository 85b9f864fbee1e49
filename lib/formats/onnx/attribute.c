/* SPDX-License-Identifier: MIT
 *
 * AttributeProto, searched in the bytes of its node. */
#include "formats/onnx/attribute.h"

#include "formats/reader.h"

#include <stdio.h>
#include <string.h>

/* Fields of AttributeProto: of these, one stands for the value. */
enum { NAME = 1, F = 2, I = 3, S = 4, T = 5, FLOATS = 7, INTS = 8 };

/* Field 1 of the message, the last one. */
static enum lip_status name_of(struct lip_span *out, struct lip_span message,
                               const struct lip_onnx_model *model)
{
    struct lip_wire wire = lip_wire_open(message, model->file, model->ctx);
    struct lip_wire_field field;
    bool more;
    enum lip_status status = lip_wire_next(&wire, &field, &more);
    while (status == LIP_OK && more) {
        if (field.number == NAME) {
            status = lip_wire_expect(&wire, &field, LIP_WIRE_BYTES,
                                     "an attribute's name");
            *out = field.bytes;
        }
        if (status == LIP_OK)
            status = lip_wire_next(&wire, &field, &more);
    }
    return status;
}

/* The AttributeProto of this name, the last one; data NULL: none. */
static enum lip_status find(struct lip_span *out,
                            const struct lip_onnx_node *node, const char *name,
                            const struct lip_onnx_model *model)
{
    struct lip_wire wire =
        lip_wire_open(node->message, model->file, model->ctx);
    struct lip_wire_field field;
    bool more;
    *out = (struct lip_span){0};
    enum lip_status status = lip_wire_next(&wire, &field, &more);
    while (status == LIP_OK && more) {
        struct lip_span own = {0};
        if (field.number == 5)
            status = name_of(&own, field.bytes, model);
        if (lip_span_is(own, name))
            *out = field.bytes;
        if (status == LIP_OK)
            status = lip_wire_next(&wire, &field, &more);
    }
    return status;
}

static enum lip_status wrong(const struct lip_onnx_node *node, const char *name,
                             const struct lip_onnx_model *model)
{
    char label[LIP_SPAN_TEXT];
    return lip_fail(model->ctx, LIP_MALFORMED,
                    "Attribute %s of node \"%.80s\" is of another type than "
                    "it must be, or too long.",
                    name, lip_span_text(label, node->name));
}

/* The last field of this number and type in the attribute; *found says whether
 * the attribute is there at all. */
static enum lip_status take(struct lip_wire_field *out, bool *found,
                            uint32_t number, enum lip_wire_type type,
                            const struct lip_onnx_node *node, const char *name,
                            const struct lip_onnx_model *model)
{
    struct lip_span message;
    struct lip_wire_field field;
    bool more, given = false;
    enum lip_status status = find(&message, node, name, model);
    *found = status == LIP_OK && message.data;
    if (!*found)
        return status;
    struct lip_wire wire = lip_wire_open(message, model->file, model->ctx);
    status = lip_wire_next(&wire, &field, &more);
    while (status == LIP_OK && more) {
        if (field.number == number && field.type == type) {
            *out = field;
            given = true;
        }
        status = lip_wire_next(&wire, &field, &more);
    }
    return status == LIP_OK && !given ? wrong(node, name, model) : status;
}

enum lip_status lip_onnx_attribute_int(int64_t *out,
                                       const struct lip_onnx_node *node,
                                       const char *name,
                                       const struct lip_onnx_model *model)
{
    struct lip_wire_field field;
    bool found;
    enum lip_status status =
        take(&field, &found, I, LIP_WIRE_VARINT, node, name, model);
    if (status == LIP_OK && found)
        *out = (int64_t)field.value;
    return status;
}

static double float_of(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

enum lip_status lip_onnx_attribute_float(double *out,
                                         const struct lip_onnx_node *node,
                                         const char *name,
                                         const struct lip_onnx_model *model)
{
    struct lip_wire_field field;
    bool found;
    enum lip_status status =
        take(&field, &found, F, LIP_WIRE_FIXED32, node, name, model);
    if (status == LIP_OK && found)
        *out = float_of(field.value);
    return status;
}

static enum lip_status bytes_of(struct lip_span *out, uint32_t number,
                                const struct lip_onnx_node *node,
                                const char *name,
                                const struct lip_onnx_model *model)
{
    struct lip_wire_field field;
    bool found;
    enum lip_status status =
        take(&field, &found, number, LIP_WIRE_BYTES, node, name, model);
    if (status == LIP_OK && found)
        *out = field.bytes;
    return status;
}

enum lip_status lip_onnx_attribute_text(struct lip_span *out,
                                        const struct lip_onnx_node *node,
                                        const char *name,
                                        const struct lip_onnx_model *model)
{
    return bytes_of(out, S, node, name, model);
}

enum lip_status lip_onnx_attribute_tensor(struct lip_span *out,
                                          const struct lip_onnx_node *node,
                                          const char *name,
                                          const struct lip_onnx_model *model)
{
    return bytes_of(out, T, node, name, model);
}

/* Takes the numbers of one field, packed or alone. *count goes on past `most`,
 * but nothing is written there. */
static enum lip_status take_some(int64_t *whole, double *reals, size_t *count,
                                 size_t most,
                                 const struct lip_wire_field *field,
                                 const struct lip_onnx_model *model)
{
    struct lip_wire packed =
        lip_wire_open(field->bytes, model->file, model->ctx);
    while (packed.at != packed.end) {
        uint64_t bits = 0;
        enum lip_status status = LIP_OK;
        if (!reals) {
            status = lip_wire_varint(&packed, &bits);
        } else if (packed.end - packed.at < 4) {
            status = lip_wire_fail(&packed, LIP_MALFORMED,
                                   "A list of numbers breaks off.");
        } else {
            for (size_t k = 4; k-- > 0;)
                bits = bits << 8 | packed.at[k];
            packed.at += 4;
        }
        if (status != LIP_OK)
            return status;
        if (*count < most && reals)
            reals[*count] = float_of(bits);
        else if (*count < most)
            whole[*count] = (int64_t)bits;
        ++*count;
    }
    return LIP_OK;
}

static enum lip_status take_all(int64_t *whole, double *reals, size_t *count,
                                size_t most, struct lip_span message,
                                const struct lip_onnx_model *model)
{
    struct lip_wire wire = lip_wire_open(message, model->file, model->ctx);
    struct lip_wire_field field;
    bool more;
    uint32_t number = reals ? FLOATS : INTS;
    enum lip_wire_type alone = reals ? LIP_WIRE_FIXED32 : LIP_WIRE_VARINT;
    *count = 0;
    enum lip_status status = lip_wire_next(&wire, &field, &more);
    while (status == LIP_OK && more) {
        if (field.number == number) {
            if (field.type != alone)
                status = lip_wire_expect(&wire, &field, LIP_WIRE_BYTES,
                                         "a list of numbers");
            if (status == LIP_OK)
                status = take_some(whole, reals, count, most, &field, model);
        }
        if (status == LIP_OK)
            status = lip_wire_next(&wire, &field, &more);
    }
    return status;
}

enum lip_status lip_onnx_attribute_list(struct lip_onnx_constant *out,
                                        bool *found, bool real,
                                        const struct lip_onnx_node *node,
                                        const char *name,
                                        const struct lip_onnx_model *model)
{
    struct lip_span message;
    double *reals = NULL, none;
    size_t count = 0;
    enum lip_status status = find(&message, node, name, model);
    *found = status == LIP_OK && message.data;
    if (!*found)
        return status;
    status = take_all(NULL, real ? &none : NULL, &count, 0, message, model);
    if (status == LIP_OK)
        status = lip_onnx_constant_new(out, 1, &count, real ? &reals : NULL,
                                       model->ctx);
    if (status == LIP_OK)
        status = take_all(out->whole, reals, &count, count, message, model);
    return status;
}

enum lip_status lip_onnx_attribute_ints(int64_t *out, size_t *count,
                                        size_t most,
                                        const struct lip_onnx_node *node,
                                        const char *name,
                                        const struct lip_onnx_model *model)
{
    struct lip_span message;
    size_t given = 0;
    enum lip_status status = find(&message, node, name, model);
    if (status != LIP_OK || !message.data)
        return status;
    status = take_all(out, NULL, &given, most, message, model);
    if (status == LIP_OK && given > most)
        return wrong(node, name, model);
    *count = status == LIP_OK ? given : *count;
    return status;
}
