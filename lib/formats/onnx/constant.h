/* SPDX-License-Identifier: MIT
 *
 * Numbers that an ONNX file states, in whichever of its ways: initializers,
 * attributes of nodes, and what is computed from them. Real ones keep their
 * stored type, and lie in the file where they stand there in one piece; whole
 * ones are widened to 64 bits. */
#ifndef LIP_FORMATS_ONNX_CONSTANT_H
#define LIP_FORMATS_ONNX_CONSTANT_H

#include "formats/onnx/model.h"

struct lip_onnx_constant {
    struct lip_tensor real; /* its rank and dim count for whole ones, too */
    int64_t *whole;         /* or NULL: real; from lip_alloc */
    size_t count;
};

/* Reads a TensorProto; `buffer` holds the file. `what` names the tensor in
 * messages: "Tensor \"fc1.weight\"". LIP_MALFORMED: sizes that do not fit;
 * LIP_UNSUPPORTED: external data, texts, complex numbers, more than 8
 * dimensions. */
enum lip_status lip_onnx_constant_read(struct lip_onnx_constant *out,
                                       struct lip_span message,
                                       const char *what,
                                       struct lip_buffer *buffer,
                                       const struct lip_onnx_model *model);

/* Room for numbers of the given shape: real (double) ones, whose place is then
 * *numbers, or whole ones where `numbers` is NULL. LIP_TOO_LARGE, memory. */
enum lip_status lip_onnx_constant_new(struct lip_onnx_constant *out,
                                      size_t rank, const size_t *dim,
                                      double **numbers, struct lip_ctx *ctx);
void lip_onnx_constant_clear(struct lip_onnx_constant *constant);

/* Element i, in row-major order. */
double lip_onnx_constant_at(const struct lip_onnx_constant *constant, size_t i);

#endif
