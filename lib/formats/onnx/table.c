/* SPDX-License-Identifier: MIT
 *
 * The operators, in the order of their names. */
#include "formats/onnx/elementwise.h"
#include "formats/onnx/operator.h"
#include "formats/onnx/reduce.h"
#include "network/activations/list.h"

#include <string.h>

#define ELEMENTWISE(id, attribute, fallback)                                   \
    lip_onnx_activation, &(const struct lip_onnx_elementwise)                  \
    {                                                                          \
        &lip_activation_##id, attribute, fallback                              \
    }
/* Axes are an input from opset 18 on, of ReduceSum from 13 on. */
static const struct lip_onnx_reduction mean = {&lip_layer_average_pool, false,
                                               false, 18},
                                       sum = {&lip_layer_average_pool, true,
                                              false, 13},
                                       largest = {&lip_layer_max_pool, false,
                                                  false, 18},
                                       smallest = {&lip_layer_max_pool, false,
                                                   true, 18};
static const char minus[] = "minus", upsample[] = "upsample", least[] = "least",
                  like[] = "like";

#define STEEP                                                                  \
    "its slope grows without bound, so that it has no Lipschitz constant "     \
    "over "                                                                    \
    "all inputs."
#define JUMPS "it jumps, so that it has no Lipschitz constant."
#define NOT_OFFERED "no bound is offered for this operator."
#define SUBGRAPH                                                               \
    "graphs within a node are not read. Export the model without control "     \
    "flow."
#define QUANTISED "quantised models are not read. Export the model in float32."
#define DYNAMIC                                                                \
    "recurrent operators are not read: no bound is offered for them."
#define PRODUCT                                                                \
    "the product of two values that both depend on the input has no "          \
    "Lipschitz constant over all inputs."
#define ZERO_NORM                                                              \
    "it divides by what depends on the input, so that it has no Lipschitz "    \
    "constant over all inputs."

/* clang-format off */
static const struct lip_onnx_operator table[] = {
    {"Abs", ELEMENTWISE(abs, NULL, 0), true, NULL},
    {"Acos", NULL, NULL, false, STEEP},
    {"Acosh", NULL, NULL, false, STEEP},
    {"Add", lip_onnx_add, NULL, true, NULL},
    {"And", NULL, NULL, false, JUMPS},
    {"ArgMax", NULL, NULL, false, JUMPS},
    {"ArgMin", NULL, NULL, false, JUMPS},
    {"Asin", NULL, NULL, false, STEEP},
    {"Asinh", NULL, NULL, false, NOT_OFFERED},
    {"Atan", ELEMENTWISE(arctan, NULL, 0), false, NULL},
    {"Atanh", NULL, NULL, false, STEEP},
    {"Attention", NULL, NULL, false, PRODUCT},
    {"AveragePool", lip_onnx_pool, &lip_layer_average_pool, false, NULL},
    {"BatchNormalization", lip_onnx_batch_norm, NULL, false, NULL},
    {"BitShift", NULL, NULL, false, JUMPS},
    {"Cast", lip_onnx_cast, NULL, true, NULL},
    {"CastLike", lip_onnx_cast, like, false, NULL},
    {"Ceil", NULL, NULL, true, JUMPS},
    {"Celu", ELEMENTWISE(celu, "alpha", 1), false, NULL},
    {"Clip", lip_onnx_clip, NULL, false, NULL},
    {"Concat", lip_onnx_concat, NULL, true, NULL},
    {"Constant", lip_onnx_constant_node, NULL, true, NULL},
    {"ConstantOfShape", lip_onnx_constant_node, NULL, true, NULL},
    {"Conv", lip_onnx_conv, NULL, false, NULL},
    {"ConvInteger", NULL, NULL, false, QUANTISED},
    {"ConvTranspose", lip_onnx_conv_transpose, NULL, false, NULL},
    {"Cos", ELEMENTWISE(cos, NULL, 0), false, NULL},
    {"Cosh", NULL, NULL, false, STEEP},
    {"CumSum", NULL, NULL, false, NOT_OFFERED},
    {"DepthToSpace", lip_onnx_depth_to_space, NULL, false, NULL},
    {"DequantizeLinear", NULL, NULL, false, QUANTISED},
    {"Det", NULL, NULL, false, STEEP},
    {"Div", lip_onnx_div, NULL, true, NULL},
    {"Dropout", lip_onnx_dropout, NULL, false, NULL},
    {"DynamicQuantizeLinear", NULL, NULL, false, QUANTISED},
    {"Einsum", NULL, NULL, false, PRODUCT},
    {"Elu", ELEMENTWISE(elu, "alpha", 1), false, NULL},
    {"Equal", NULL, NULL, true, JUMPS},
    {"Erf", ELEMENTWISE(erf, NULL, 0), false, NULL},
    {"Exp", NULL, NULL, false, STEEP},
    {"Expand", lip_onnx_expand, NULL, true, NULL},
    {"Flatten", lip_onnx_flatten, NULL, false, NULL},
    {"Floor", NULL, NULL, true, JUMPS},
    {"GRU", NULL, NULL, false, DYNAMIC},
    {"Gather", lip_onnx_gather, NULL, true, NULL},
    {"GatherElements", NULL, NULL, false, NOT_OFFERED},
    {"GatherND", NULL, NULL, false, NOT_OFFERED},
    {"Gelu", lip_onnx_gelu, NULL, false, NULL},
    {"Gemm", lip_onnx_gemm, NULL, false, NULL},
    {"GlobalAveragePool", lip_onnx_global_pool, &mean, false, NULL},
    {"GlobalLpPool", NULL, NULL, false, NOT_OFFERED},
    {"GlobalMaxPool", lip_onnx_global_pool, &largest, false, NULL},
    {"Greater", NULL, NULL, false, JUMPS},
    {"GreaterOrEqual", NULL, NULL, false, JUMPS},
    {"GroupNormalization", NULL, NULL, false, NOT_OFFERED},
    {"HardSigmoid", lip_onnx_hard_sigmoid, NULL, false, NULL},
    {"HardSwish", ELEMENTWISE(hard_swish, NULL, 0), false, NULL},
    {"Hardmax", NULL, NULL, false, JUMPS},
    {"Identity", lip_onnx_identity, NULL, false, NULL},
    {"If", NULL, NULL, false, SUBGRAPH},
    {"InstanceNormalization", NULL, NULL, false, NOT_OFFERED},
    {"LRN", NULL, NULL, false, NOT_OFFERED},
    {"LSTM", NULL, NULL, false, DYNAMIC},
    {"LayerNormalization", lip_onnx_layer_norm, NULL, false, NULL},
    {"LeakyRelu", ELEMENTWISE(leaky_relu, "alpha", 0.01f), false, NULL},
    {"Less", NULL, NULL, false, JUMPS},
    {"LessOrEqual", NULL, NULL, false, JUMPS},
    {"Log", lip_onnx_log, NULL, false, NULL},
    {"LogSoftmax", NULL, NULL, false, NOT_OFFERED},
    {"Loop", NULL, NULL, false, SUBGRAPH},
    {"LpNormalization", NULL, NULL, false, ZERO_NORM},
    {"LpPool", NULL, NULL, false, NOT_OFFERED},
    {"MatMul", lip_onnx_matmul, NULL, false, NULL},
    {"MatMulInteger", NULL, NULL, false, QUANTISED},
    {"Max", lip_onnx_extreme, NULL, true, NULL},
    {"MaxPool", lip_onnx_pool, &lip_layer_max_pool, false, NULL},
    {"Mean", lip_onnx_sum, like, false, NULL},
    {"MeanVarianceNormalization", NULL, NULL, false, NOT_OFFERED},
    {"Min", lip_onnx_extreme, least, true, NULL},
    {"Mish", ELEMENTWISE(mish, NULL, 0), false, NULL},
    {"Mod", NULL, NULL, false, JUMPS},
    {"Mul", lip_onnx_mul, NULL, true, NULL},
    {"Multinomial", NULL, NULL, false, JUMPS},
    {"Neg", lip_onnx_neg, NULL, true, NULL},
    {"NonMaxSuppression", NULL, NULL, false, JUMPS},
    {"NonZero", NULL, NULL, false, JUMPS},
    {"Not", NULL, NULL, false, JUMPS},
    {"OneHot", NULL, NULL, false, JUMPS},
    {"Or", NULL, NULL, false, JUMPS},
    {"PRelu", lip_onnx_prelu, NULL, false, NULL},
    {"Pad", lip_onnx_pad, NULL, false, NULL},
    {"Pow", lip_onnx_pow, NULL, false, NULL},
    {"QLinearConv", NULL, NULL, false, QUANTISED},
    {"QLinearMatMul", NULL, NULL, false, QUANTISED},
    {"QuantizeLinear", NULL, NULL, false, QUANTISED},
    {"RNN", NULL, NULL, false, DYNAMIC},
    {"Range", NULL, NULL, true, JUMPS},
    {"Reciprocal", NULL, NULL, false, STEEP},
    {"ReduceL1", NULL, NULL, false, NOT_OFFERED},
    {"ReduceL2", NULL, NULL, false, NOT_OFFERED},
    {"ReduceLogSum", NULL, NULL, false, STEEP},
    {"ReduceLogSumExp", NULL, NULL, false, NOT_OFFERED},
    {"ReduceMax", lip_onnx_reduce, &largest, false, NULL},
    {"ReduceMean", lip_onnx_reduce, &mean, false, NULL},
    {"ReduceMin", lip_onnx_reduce, &smallest, false, NULL},
    {"ReduceProd", NULL, NULL, true, PRODUCT},
    {"ReduceSum", lip_onnx_reduce, &sum, false, NULL},
    {"ReduceSumSquare", NULL, NULL, false, PRODUCT},
    {"Relu", ELEMENTWISE(relu, NULL, 0), false, NULL},
    {"Reshape", lip_onnx_reshape, NULL, false, NULL},
    {"Resize", lip_onnx_resize, NULL, false, NULL},
    {"Round", NULL, NULL, false, JUMPS},
    {"Scan", NULL, NULL, false, SUBGRAPH},
    {"ScatterElements", NULL, NULL, false, NOT_OFFERED},
    {"ScatterND", NULL, NULL, false, NOT_OFFERED},
    {"Selu", lip_onnx_selu, NULL, false, NULL},
    {"Shape", lip_onnx_shape, NULL, false, NULL},
    {"Shrink", lip_onnx_shrink, NULL, false, NULL},
    {"Sigmoid", ELEMENTWISE(sigmoid, NULL, 0), false, NULL},
    {"Sign", NULL, NULL, false, JUMPS},
    {"Sin", ELEMENTWISE(sin, NULL, 0), false, NULL},
    {"Sinh", NULL, NULL, false, STEEP},
    {"Slice", lip_onnx_slice, NULL, true, NULL},
    {"Softmax", lip_onnx_softmax, NULL, false, NULL},
    {"Softplus", ELEMENTWISE(softplus, NULL, 0), false, NULL},
    {"Softsign", ELEMENTWISE(softsign, NULL, 0), false, NULL},
    {"SpaceToDepth", lip_onnx_space_to_depth, NULL, false, NULL},
    {"Split", lip_onnx_split, NULL, false, NULL},
    {"Sqrt", lip_onnx_sqrt, NULL, true, NULL},
    {"Squeeze", lip_onnx_squeeze, NULL, false, NULL},
    {"Sub", lip_onnx_add, minus, true, NULL},
    {"Sum", lip_onnx_sum, NULL, false, NULL},
    {"Tan", NULL, NULL, false, STEEP},
    {"Tanh", ELEMENTWISE(tanh, NULL, 0), false, NULL},
    {"ThresholdedRelu", NULL, NULL, false, JUMPS},
    {"Tile", lip_onnx_tile, NULL, false, NULL},
    {"TopK", NULL, NULL, false, NOT_OFFERED},
    {"Transpose", lip_onnx_transpose, NULL, true, NULL},
    {"Unsqueeze", lip_onnx_unsqueeze, NULL, false, NULL},
    {"Upsample", lip_onnx_resize, upsample, false, NULL},
    {"Where", NULL, NULL, true, JUMPS},
    {"Xor", NULL, NULL, false, JUMPS},
};
/* clang-format on */

const struct lip_onnx_operator *lip_onnx_operator_find(struct lip_span name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (lip_span_is(name, table[i].name))
            return &table[i];
    return NULL;
}

/* Without inputs, or with constant ones, these are worked out before. */
enum lip_status lip_onnx_constant_node(struct lip_onnx_reader *reader,
                                       const void *detail)
{
    (void)detail;
    return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                           "its shape depends on the network's input.");
}
