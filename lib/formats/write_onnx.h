/* SPDX-License-Identifier: MIT
 *
 * How layers are written as nodes of an ONNX graph. */
#ifndef LIP_FORMATS_WRITE_ONNX_H
#define LIP_FORMATS_WRITE_ONNX_H

#include "formats/onnx_out.h"

/* Adds the nodes of a layer, x[count] being what its sources give; returns what
 * it gives. */
#define LIP_ONNX_WRITER(kind)                                                  \
    struct lip_onnx_result lip_onnx_write_##kind(                              \
        struct lip_onnx_out *out, const struct lip_layer *layer,               \
        const struct lip_onnx_result *x, size_t count)
LIP_ONNX_WRITER(activation);
LIP_ONNX_WRITER(conv);
LIP_ONNX_WRITER(conv_transpose);
LIP_ONNX_WRITER(average_pool);
LIP_ONNX_WRITER(max_pool);
LIP_ONNX_WRITER(batch_norm);
LIP_ONNX_WRITER(layer_norm);
LIP_ONNX_WRITER(affine);
LIP_ONNX_WRITER(softmax);
LIP_ONNX_WRITER(group_sort);
LIP_ONNX_WRITER(householder);
LIP_ONNX_WRITER(spline);

/* Whether there are operators for the layer. */
bool lip_onnx_can_activation(const struct lip_layer *layer);
bool lip_onnx_can_average_pool(const struct lip_layer *layer);

/* How layers of one kind are written: a row of the table in
 * write_onnx_layers.c. */
struct lip_onnx_row {
    const struct lip_layer_kind *kind;
    struct lip_onnx_result (*write)(struct lip_onnx_out *out,
                                    const struct lip_layer *layer,
                                    const struct lip_onnx_result *x,
                                    size_t count);
    bool (*can)(const struct lip_layer *layer); /* NULL: always */
};
const struct lip_onnx_row *lip_onnx_row_of(const struct lip_layer *layer);

/* All nodes of a network, in a graph that is all zero but for nodes.ctx;
 * the caller clears out->nodes. LIP_UNSUPPORTED where ONNX cannot say what a
 * layer does: the error names it. */
enum lip_status lip_onnx_nodes(struct lip_onnx_out *out,
                               const struct lip_network *network);

/* The shape that the graph's input has: that of the reshape layers in front,
 * where there are no other ones. */
struct lip_shape lip_onnx_input_shape(const struct lip_network *network);

#endif
