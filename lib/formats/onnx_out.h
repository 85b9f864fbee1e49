/* SPDX-License-Identifier: MIT
 *
 * The graph of an ONNX file while it is written: nodes one after another, each
 * with one result. What lies between two layers has the batch in front of its
 * shape. Failures stick to the output, as in output.h. */
#ifndef LIP_FORMATS_ONNX_OUT_H
#define LIP_FORMATS_ONNX_OUT_H

#include "formats/output.h"
#include "network/network.h"

enum { LIP_ONNX_OPSET = 17, LIP_ONNX_RESULT = 48 };

/* TensorProto.DataType */
enum lip_onnx_element {
    LIP_ONNX_FLOAT = 1,
    LIP_ONNX_INT64 = 7,
    LIP_ONNX_FLOAT16 = 10,
    LIP_ONNX_DOUBLE = 11,
    LIP_ONNX_BFLOAT16 = 16
};
enum lip_onnx_element lip_onnx_element_of(enum lip_dtype dtype);

/* --- the wire format: fields of a message, appended */

void lip_proto_int(struct lip_output *output, unsigned field, int64_t value);
void lip_proto_float(struct lip_output *output, unsigned field, float value);
void lip_proto_bytes(struct lip_output *output, unsigned field,
                     const void *bytes, size_t size);
void lip_proto_text(struct lip_output *output, unsigned field,
                    const char *text);
/* Only the tag and the length: `size` bytes are to follow. */
void lip_proto_open(struct lip_output *output, unsigned field, size_t size);
/* A message, which is cleared. */
void lip_proto_message(struct lip_output *output, unsigned field,
                       struct lip_output *message);

/* --- nodes */

struct lip_onnx_result {
    char name[LIP_ONNX_RESULT];
};

struct lip_onnx_out {
    const struct lip_network *network;
    struct lip_output nodes;    /* field 1 of a GraphProto, many times */
    bool wide;                  /* arithmetic is in float64, else in float32 */
    size_t layer, steps;        /* results are called "layer.step" */
    char last[LIP_ONNX_RESULT]; /* but this one "output" */
};

/* One attribute of a node: a whole number, a list of them, a real number or a
 * text. */
struct lip_onnx_put_attribute {
    const char *name;
    bool is_list, is_real;
    int64_t whole;
    const long *list;
    size_t count;
    double real;
    const char *text;
};

/* Adds a node. Inputs with an empty name are those that are not there. */
struct lip_onnx_result
lip_onnx_put_op(struct lip_onnx_out *out, const char *op, size_t inputs,
                const struct lip_onnx_result *input, size_t attributes,
                const struct lip_onnx_put_attribute *attribute);
struct lip_onnx_result lip_onnx_put_unary(struct lip_onnx_out *out,
                                          const char *op,
                                          struct lip_onnx_result x);
struct lip_onnx_result lip_onnx_put_binary(struct lip_onnx_out *out,
                                           const char *op,
                                           struct lip_onnx_result a,
                                           struct lip_onnx_result b);

/* The numbers of the last axis in falling order, the first k (a list of one) of
 * them. */
struct lip_onnx_result lip_onnx_put_top(struct lip_onnx_out *out,
                                        struct lip_onnx_result x,
                                        struct lip_onnx_result k);

/* One number in the type of the arithmetic, rounded to it (the largest finite
 * one where it is beyond). */
struct lip_onnx_result lip_onnx_put_number(struct lip_onnx_out *out,
                                           double value);
/* A whole number, without dimensions, and a list of them. */
struct lip_onnx_result lip_onnx_put_whole(struct lip_onnx_out *out, long value);
struct lip_onnx_result lip_onnx_put_list(struct lip_onnx_out *out, size_t count,
                                         const long *value);
/* A list of real numbers, and one number `count` times. */
struct lip_onnx_result lip_onnx_put_reals(struct lip_onnx_out *out,
                                          size_t count, const double *value);
struct lip_onnx_result lip_onnx_put_filled(struct lip_onnx_out *out,
                                           size_t count, double value);

struct lip_onnx_result lip_onnx_put_cast(struct lip_onnx_out *out,
                                         struct lip_onnx_result x,
                                         enum lip_onnx_element type);
/* A constant as an array of this shape. */
struct lip_onnx_result lip_onnx_put_array(struct lip_onnx_out *out,
                                          struct lip_onnx_result x,
                                          const struct lip_shape *shape);
/* x [batch, ...] as [batch, shape]. */
struct lip_onnx_result lip_onnx_put_reshape(struct lip_onnx_out *out,
                                            struct lip_onnx_result x,
                                            const struct lip_shape *shape);
/* x as [batch, count] where it has not that shape yet. */
struct lip_onnx_result lip_onnx_put_flat(struct lip_onnx_out *out,
                                         const struct lip_layer *layer,
                                         struct lip_onnx_result x);
/* The layer's result as what the next ones expect, from [batch, count]. */
struct lip_onnx_result lip_onnx_put_unflat(struct lip_onnx_out *out,
                                           const struct lip_layer *layer,
                                           struct lip_onnx_result x);

/* A tensor of the layer that is written, in the type of the arithmetic and,
 * where `shape` is not NULL, as an array of that shape; no name where the layer
 * has no such tensor. */
struct lip_onnx_result lip_onnx_put_tensor(struct lip_onnx_out *out,
                                           enum lip_part part,
                                           const struct lip_shape *shape);
/* As it is stored. */
struct lip_onnx_result lip_onnx_put_stored(struct lip_onnx_out *out,
                                           enum lip_part part);

/* Whether float32, in which attributes are, says the number as well as the type
 * of the arithmetic does. */
bool lip_onnx_says(const struct lip_onnx_out *out, double value);

#endif
