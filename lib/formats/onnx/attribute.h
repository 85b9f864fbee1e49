/* SPDX-License-Identifier: MIT
 *
 * What a node says of itself: named numbers, lists, texts and tensors. */
#ifndef LIP_FORMATS_ONNX_ATTRIBUTE_H
#define LIP_FORMATS_ONNX_ATTRIBUTE_H

#include "formats/onnx/constant.h"

/* Each leaves *out alone where the node has no attribute of this name, and is
 * LIP_MALFORMED where that is of another type. O(attributes of the node). */
enum lip_status lip_onnx_attribute_int(int64_t *out,
                                       const struct lip_onnx_node *node,
                                       const char *name,
                                       const struct lip_onnx_model *model);
enum lip_status lip_onnx_attribute_float(double *out,
                                         const struct lip_onnx_node *node,
                                         const char *name,
                                         const struct lip_onnx_model *model);
/* Of a text, and of a tensor, its bytes. */
enum lip_status lip_onnx_attribute_text(struct lip_span *out,
                                        const struct lip_onnx_node *node,
                                        const char *name,
                                        const struct lip_onnx_model *model);
enum lip_status lip_onnx_attribute_tensor(struct lip_span *out,
                                          const struct lip_onnx_node *node,
                                          const char *name,
                                          const struct lip_onnx_model *model);
/* Of a list of whole or real numbers, as a constant of rank 1. */
enum lip_status lip_onnx_attribute_list(struct lip_onnx_constant *out,
                                        bool *found, bool real,
                                        const struct lip_onnx_node *node,
                                        const char *name,
                                        const struct lip_onnx_model *model);
/* Of a list of at most `most` whole numbers; *count is untouched where there is
 * none. */
enum lip_status lip_onnx_attribute_ints(int64_t *out, size_t *count,
                                        size_t most,
                                        const struct lip_onnx_node *node,
                                        const char *name,
                                        const struct lip_onnx_model *model);

#endif
