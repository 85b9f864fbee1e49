/* SPDX-License-Identifier: MIT
 *
 * What sums and products are made of. */
#ifndef LIP_FORMATS_ONNX_ARITHMETIC_H
#define LIP_FORMATS_ONNX_ARITHMETIC_H

#include "formats/onnx/reader.h"

/* The shape of two arrays together. LIP_INVALID where there is none. */
enum lip_status lip_onnx_broadcast(size_t *rank, size_t *dim,
                                   struct lip_onnx_reader *reader,
                                   size_t rank_a, const size_t *a,
                                   size_t rank_b, const size_t *b);
/* The value repeated to a shape that it broadcasts to, as a layer. */
enum lip_status lip_onnx_widen_to(size_t *layer, struct lip_onnx_reader *reader,
                                  const struct lip_onnx_value *x, size_t rank,
                                  const size_t *dim);

/* Output 0 becomes a + b or a - b, x c, x / c. */
enum lip_status lip_onnx_add_numbers(struct lip_onnx_reader *reader,
                                     const struct lip_onnx_value *a,
                                     const struct lip_onnx_value *b,
                                     long sign_b);
enum lip_status lip_onnx_times_constant(struct lip_onnx_reader *reader,
                                        const struct lip_onnx_value *x,
                                        const struct lip_onnx_constant *c);
enum lip_status lip_onnx_over_constant(struct lip_onnx_reader *reader,
                                       const struct lip_onnx_value *x,
                                       const struct lip_onnx_constant *c);

#endif
