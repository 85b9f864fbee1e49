/* SPDX-License-Identifier: MIT
 *
 * The table of operators: one row each, with the function that reads a node of
 * it, or the reason why there is none. */
#ifndef LIP_FORMATS_ONNX_OPERATOR_H
#define LIP_FORMATS_ONNX_OPERATOR_H

#include "formats/onnx/reader.h"

typedef enum lip_status lip_onnx_operator_fn(struct lip_onnx_reader *reader,
                                             const void *detail);

struct lip_onnx_operator {
    const char *name;
    lip_onnx_operator_fn *read;
    const void *detail;
    /* Of constants alone it is worked out here (fold.c). */
    bool folds;
    const char *reason; /* where `read` is NULL */
};

/* The row of this operator, or NULL. */
const struct lip_onnx_operator *lip_onnx_operator_find(struct lip_span name);

/* Works the node out, all of whose inputs are constants. *done is false where
 * that is not known for this operator. */
enum lip_status lip_onnx_fold(struct lip_onnx_reader *reader, bool *done);

lip_onnx_operator_fn lip_onnx_activation, lip_onnx_clip, lip_onnx_prelu,
    lip_onnx_selu, lip_onnx_hard_sigmoid, lip_onnx_gelu, lip_onnx_shrink,
    lip_onnx_log, lip_onnx_identity, lip_onnx_dropout, lip_onnx_cast,
    lip_onnx_neg, lip_onnx_add, lip_onnx_sum, lip_onnx_mul, lip_onnx_div,
    lip_onnx_pow, lip_onnx_sqrt, lip_onnx_extreme, lip_onnx_gemm,
    lip_onnx_matmul, lip_onnx_conv, lip_onnx_conv_transpose, lip_onnx_pool,
    lip_onnx_global_pool, lip_onnx_reduce, lip_onnx_batch_norm,
    lip_onnx_layer_norm, lip_onnx_softmax, lip_onnx_reshape, lip_onnx_flatten,
    lip_onnx_squeeze, lip_onnx_unsqueeze, lip_onnx_shape, lip_onnx_transpose,
    lip_onnx_slice, lip_onnx_pad, lip_onnx_concat, lip_onnx_split,
    lip_onnx_gather, lip_onnx_resize, lip_onnx_depth_to_space,
    lip_onnx_space_to_depth, lip_onnx_expand, lip_onnx_tile,
    lip_onnx_constant_node;

/* Parts that several operators share. */

/* a * b, a + b or a - b of two values made of the input: a layer, or a part of
 * a pattern. */
enum lip_status lip_onnx_multiply(struct lip_onnx_reader *reader,
                                  const struct lip_onnx_value *a,
                                  const struct lip_onnx_value *b);
/* The operand times, or plus, one number, and divided by it: exactly. */
enum lip_status lip_onnx_scale(struct lip_onnx_operand *operand, double factor,
                               struct lip_onnx_reader *reader);
enum lip_status lip_onnx_shift(struct lip_onnx_operand *operand, double term,
                               struct lip_onnx_reader *reader);
enum lip_status lip_onnx_divide(struct lip_onnx_operand *operand,
                                double divisor, struct lip_onnx_reader *reader);

/* Whether a product is a known function of one number (x sigmoid(x), ...): its
 * result is then *result. */
enum lip_status lip_onnx_recognise(struct lip_onnx_reader *reader, bool *known,
                                   struct lip_onnx_operand *result,
                                   struct lip_onnx_operand a,
                                   struct lip_onnx_operand b);

/* Appends a gather of numbers: output k (of shape dim) is number index[k] of
 * the layer. Takes `index`, a list. */
enum lip_status lip_onnx_take(struct lip_onnx_reader *reader, size_t layer,
                              struct lip_tensor index, size_t rank,
                              const size_t *dim);

/* Sliding windows: attributes of convolutions and pools. */
struct lip_onnx_window {
    size_t axes; /* 1 or 2 */
    size_t in[2], kernel[2], stride[2], dilation[2], before[2], after[2];
};
enum lip_status lip_onnx_window(struct lip_onnx_window *out,
                                struct lip_onnx_reader *reader,
                                const struct lip_onnx_value *value,
                                const size_t *kernel);

#endif
