/* SPDX-License-Identifier: MIT
 *
 * ONNX files written in memory, field by field, right or wrong. */
#ifndef LIP_TESTS_SUPPORT_ONNX_FILE_H
#define LIP_TESTS_SUPPORT_ONNX_FILE_H

#include "tests/support/files.h"

/* Fields of a message. */
void proto_varint(struct bytes *bytes, uint64_t value);
void proto_number(struct bytes *bytes, unsigned field, uint64_t value);
void proto_bytes(struct bytes *bytes, unsigned field, const void *data,
                 size_t size);
void proto_text(struct bytes *bytes, unsigned field, const char *text);
/* A message, which is cleared. */
void proto_message(struct bytes *bytes, unsigned field, struct bytes *message);

/* Parts of a graph, appended to its bytes. Names stand with blanks between
 * them; attributes as "alpha=f:0.5 perm=l:0,2,1 axis=i:1 mode=s:edge". */
void onnx_node(struct bytes *graph, const char *op, const char *inputs,
               const char *outputs, const char *attributes);
/* A float32 tensor in raw_data; an int64 one. dims end with 0 where fewer than
 * four. */
void onnx_reals(struct bytes *graph, const char *name, const size_t dim[4],
                const float *value);
void onnx_wholes(struct bytes *graph, const char *name, size_t count,
                 const int64_t *value);
/* An input of float32 numbers: "n,1,28,28" has a named first dimension. */
void onnx_input(struct bytes *graph, const char *name, const char *shape);
void onnx_output(struct bytes *graph, const char *name);

/* The file with this graph, which is cleared. */
void onnx_finish(struct bytes *file, struct bytes *graph, int opset);

#endif
