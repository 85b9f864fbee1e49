/* SPDX-License-Identifier: MIT
 *
 * The wire format of protocol buffers, read one field at a time. Nothing is
 * copied and nothing recurses: a field that holds a message is a run of bytes,
 * over which its reader opens a cursor of its own. */
#ifndef LIP_FORMATS_ONNX_WIRE_H
#define LIP_FORMATS_ONNX_WIRE_H

#include "base/context.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A run of bytes of the file. data == NULL: not given. */
struct lip_span {
    const unsigned char *data;
    size_t size;
};

enum lip_wire_type {
    LIP_WIRE_VARINT = 0,
    LIP_WIRE_FIXED64 = 1,
    LIP_WIRE_BYTES = 2,
    LIP_WIRE_FIXED32 = 5
};

struct lip_wire {
    const unsigned char *at, *end;
    const unsigned char *file; /* its first byte: places in errors count on */
    struct lip_ctx *ctx;
};

struct lip_wire_field {
    uint32_t number;
    enum lip_wire_type type;
    uint64_t value;        /* of a number, its bits */
    struct lip_span bytes; /* of a number, too, where it lies */
};

/* A cursor over `span`, which lies in the file that begins at `file`. */
struct lip_wire lip_wire_open(struct lip_span span, const unsigned char *file,
                              struct lip_ctx *ctx);

/* Takes the next field; *more is false at the end. Groups, which no message of
 * ours has, are passed over. LIP_MALFORMED: the bytes are no fields, a length
 * runs past the end, a number has more than 10 bytes. */
enum lip_status lip_wire_next(struct lip_wire *wire,
                              struct lip_wire_field *field, bool *more);

/* Takes a bare number, as packed ones stand one after the other. */
enum lip_status lip_wire_varint(struct lip_wire *wire, uint64_t *value);

/* LIP_MALFORMED where the field is not of this type; `what` names it. */
enum lip_status lip_wire_expect(const struct lip_wire *wire,
                                const struct lip_wire_field *field,
                                enum lip_wire_type type, const char *what);

/* A failure at the place of the cursor. */
enum lip_status lip_wire_fail(const struct lip_wire *wire,
                              enum lip_status status, const char *sentence);

/* Whether the bytes are this text. */
bool lip_span_is(struct lip_span span, const char *text);

/* The bytes as text for people and for the names of layers: cut at the size,
 * with '?' in the place of control characters and of what is not UTF-8.
 * Returns text. */
enum { LIP_SPAN_TEXT = 128 };
const char *lip_span_text(char text[LIP_SPAN_TEXT], struct lip_span span);

#endif
