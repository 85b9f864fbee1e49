/* SPDX-License-Identifier: MIT
 *
 * The table of operators: one row each, with the function that reads a node of
 * it, or the reason why there is none. */
#ifndef LIP_FORMATS_ONNX_OPERATOR_H
#define LIP_FORMATS_ONNX_OPERATOR_H

#include "formats/onnx/reader.h"

struct lip_onnx_operator {
    const char *name;
    enum lip_status (*read)(struct lip_onnx_reader *reader, const void *detail);
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

/* The functions of the rows, which read the node that reader->node is. */
#define LIP_ONNX_OPERATOR(name)                                                \
    enum lip_status lip_onnx_##name(struct lip_onnx_reader *reader,            \
                                    const void *detail)
LIP_ONNX_OPERATOR(activation);
LIP_ONNX_OPERATOR(clip);
LIP_ONNX_OPERATOR(prelu);
LIP_ONNX_OPERATOR(selu);
LIP_ONNX_OPERATOR(hard_sigmoid);
LIP_ONNX_OPERATOR(gelu);
LIP_ONNX_OPERATOR(shrink);
LIP_ONNX_OPERATOR(log);
LIP_ONNX_OPERATOR(identity);
LIP_ONNX_OPERATOR(dropout);
LIP_ONNX_OPERATOR(cast);
LIP_ONNX_OPERATOR(neg);
LIP_ONNX_OPERATOR(add);
LIP_ONNX_OPERATOR(sum);
LIP_ONNX_OPERATOR(mul);
LIP_ONNX_OPERATOR(div);
LIP_ONNX_OPERATOR(pow);
LIP_ONNX_OPERATOR(sqrt);
LIP_ONNX_OPERATOR(extreme);
LIP_ONNX_OPERATOR(gemm);
LIP_ONNX_OPERATOR(matmul);
LIP_ONNX_OPERATOR(conv);
LIP_ONNX_OPERATOR(conv_transpose);
LIP_ONNX_OPERATOR(pool);
LIP_ONNX_OPERATOR(global_pool);
LIP_ONNX_OPERATOR(reduce);
LIP_ONNX_OPERATOR(batch_norm);
LIP_ONNX_OPERATOR(layer_norm);
LIP_ONNX_OPERATOR(softmax);
LIP_ONNX_OPERATOR(reshape);
LIP_ONNX_OPERATOR(flatten);
LIP_ONNX_OPERATOR(squeeze);
LIP_ONNX_OPERATOR(unsqueeze);
LIP_ONNX_OPERATOR(shape);
LIP_ONNX_OPERATOR(transpose);
LIP_ONNX_OPERATOR(slice);
LIP_ONNX_OPERATOR(pad);
LIP_ONNX_OPERATOR(concat);
LIP_ONNX_OPERATOR(split);
LIP_ONNX_OPERATOR(gather);
LIP_ONNX_OPERATOR(resize);
LIP_ONNX_OPERATOR(depth_to_space);
LIP_ONNX_OPERATOR(space_to_depth);
LIP_ONNX_OPERATOR(expand);
LIP_ONNX_OPERATOR(tile);
LIP_ONNX_OPERATOR(constant_node);
#undef LIP_ONNX_OPERATOR

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
