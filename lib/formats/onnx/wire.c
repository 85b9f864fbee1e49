/* SPDX-License-Identifier: MIT
 *
 * Tags, numbers and lengths. */
#include "formats/onnx/wire.h"

#include <stdio.h>
#include <string.h>

enum { GROUP_BEGIN = 3, GROUP_END = 4, GROUP_DEPTH = 32 };

struct lip_wire lip_wire_open(struct lip_span span, const unsigned char *file,
                              struct lip_ctx *ctx)
{
    return (struct lip_wire){
        span.data, span.data ? span.data + span.size : NULL, file, ctx};
}

enum lip_status lip_wire_fail(const struct lip_wire *wire,
                              enum lip_status status, const char *sentence)
{
    char where[24];
    snprintf(where, sizeof where, "%zu", (size_t)(wire->at - wire->file));
    return lip_fail_at(wire->ctx, status, LIP_AT_BYTE, where, "%s", sentence);
}

enum lip_status lip_wire_varint(struct lip_wire *wire, uint64_t *value)
{
    uint64_t bits = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (wire->at == wire->end)
            return lip_wire_fail(wire, LIP_MALFORMED,
                                 "The ONNX file ends within a number. Is it "
                                 "complete?");
        unsigned char byte = *wire->at++;
        /* the tenth byte has one bit left; what is beyond is dropped */
        bits |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = bits;
            return LIP_OK;
        }
    }
    return lip_wire_fail(wire, LIP_MALFORMED,
                         "A number of the ONNX file has more than 10 bytes.");
}

static enum lip_status take(struct lip_wire *wire, uint64_t size,
                            struct lip_span *out)
{
    if (size > (uint64_t)(wire->end - wire->at))
        return lip_wire_fail(wire, LIP_MALFORMED,
                             "A part of the ONNX file is longer than what "
                             "holds it. Is the file complete?");
    *out = (struct lip_span){wire->at, (size_t)size};
    wire->at += size;
    return LIP_OK;
}

static uint64_t little_endian(struct lip_span span)
{
    uint64_t value = 0;
    for (size_t i = span.size; i-- > 0;)
        value = value << 8 | span.data[i];
    return value;
}

static enum lip_status take_tag(struct lip_wire *wire, uint32_t *number,
                                unsigned *type)
{
    uint64_t tag;
    enum lip_status status = lip_wire_varint(wire, &tag);
    if (status != LIP_OK)
        return status;
    if (tag > UINT32_MAX || tag >> 3 == 0)
        return lip_wire_fail(wire, LIP_MALFORMED,
                             "The ONNX file has a field of an impossible "
                             "number.");
    *number = (uint32_t)(tag >> 3);
    *type = (unsigned)(tag & 7);
    return LIP_OK;
}

static enum lip_status take_value(struct lip_wire *wire, unsigned type,
                                  struct lip_wire_field *field)
{
    const unsigned char *from = wire->at;
    enum lip_status status;
    field->type = (enum lip_wire_type)type;
    if (type == LIP_WIRE_VARINT) {
        status = lip_wire_varint(wire, &field->value);
        field->bytes = (struct lip_span){from, (size_t)(wire->at - from)};
        return status;
    }
    if (type == LIP_WIRE_BYTES) {
        status = lip_wire_varint(wire, &field->value);
        return status == LIP_OK ? take(wire, field->value, &field->bytes)
                                : status;
    }
    if (type != LIP_WIRE_FIXED32 && type != LIP_WIRE_FIXED64)
        return lip_wire_fail(wire, LIP_MALFORMED,
                             "The ONNX file has a field of a type that does "
                             "not exist.");
    status = take(wire, type == LIP_WIRE_FIXED32 ? 4 : 8, &field->bytes);
    field->value = status == LIP_OK ? little_endian(field->bytes) : 0;
    return status;
}

/* Passes over what stands between the begin of group `number` and its end. */
static enum lip_status skip_group(struct lip_wire *wire, uint32_t number)
{
    uint32_t open[GROUP_DEPTH] = {number};
    size_t depth = 1;
    while (depth > 0) {
        struct lip_wire_field ignored;
        unsigned type;
        enum lip_status status = take_tag(wire, &number, &type);
        if (status != LIP_OK)
            return status;
        if (type == GROUP_END && open[--depth] == number)
            continue;
        if (type == GROUP_END || (type == GROUP_BEGIN && depth == GROUP_DEPTH))
            return lip_wire_fail(wire, LIP_MALFORMED,
                                 "Groups of the ONNX file are not closed, or "
                                 "lie too deep in each other.");
        if (type == GROUP_BEGIN)
            open[depth++] = number;
        else if ((status = take_value(wire, type, &ignored)) != LIP_OK)
            return status;
    }
    return LIP_OK;
}

enum lip_status lip_wire_next(struct lip_wire *wire,
                              struct lip_wire_field *field, bool *more)
{
    while (wire->at != wire->end) {
        unsigned type;
        enum lip_status status = take_tag(wire, &field->number, &type);
        *more = true;
        if (status != LIP_OK)
            return status;
        if (type != GROUP_BEGIN)
            return take_value(wire, type, field);
        status = skip_group(wire, field->number);
        if (status != LIP_OK)
            return status;
    }
    *more = false;
    return LIP_OK;
}

enum lip_status lip_wire_expect(const struct lip_wire *wire,
                                const struct lip_wire_field *field,
                                enum lip_wire_type type, const char *what)
{
    char sentence[160];
    if (field->type == type)
        return LIP_OK;
    snprintf(sentence, sizeof sentence,
             "In the ONNX file %s is stored as something else than it must "
             "be. Is this an ONNX file?",
             what);
    return lip_wire_fail(wire, LIP_MALFORMED, sentence);
}

bool lip_span_is(struct lip_span span, const char *text)
{
    return span.data && span.size == strlen(text) &&
           memcmp(span.data, text, span.size) == 0;
}

/* Bytes of the UTF-8 character that begins here, 0 where there is none. */
static size_t character(const unsigned char *at, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = *at < 0x80             ? 1
                  : (*at & 0xe0) == 0xc0 ? 2
                  : (*at & 0xf0) == 0xe0 ? 3
                  : (*at & 0xf8) == 0xf0 ? 4
                                         : 0;
    if (size == 1)
        return *at >= 0x20 && *at != 0x7f;
    if (size == 0 || size > left)
        return 0;
    uint32_t code = *at & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < least[size] || code > 0x10ffff || surrogate ? 0 : size;
}

const char *lip_span_text(char text[LIP_SPAN_TEXT], struct lip_span span)
{
    size_t used = 0;
    for (size_t i = 0; i < span.size;) {
        size_t size = character(span.data + i, span.size - i);
        size_t room = size ? size : 1;
        if (used + room >= LIP_SPAN_TEXT)
            break;
        if (size)
            memcpy(text + used, span.data + i, size);
        else
            text[used] = '?';
        used += room;
        i += room;
    }
    text[used] = '\0';
    return text;
}
