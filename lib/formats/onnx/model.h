/* SPDX-License-Identifier: MIT
 *
 * What an ONNX file holds, as bounded lists of views into its bytes: the nodes
 * of the graph, its inputs, outputs and stored tensors. What a node says of
 * itself besides (attributes) is read where it is asked for (attribute.h). */
#ifndef LIP_FORMATS_ONNX_MODEL_H
#define LIP_FORMATS_ONNX_MODEL_H

#include "formats/onnx/wire.h"
#include "network/metadata.h"
#include "network/shape.h"

enum {
    LIP_ONNX_NODES = 100000,
    LIP_ONNX_NAMES = 1000000, /* inputs and outputs of all nodes */
    LIP_ONNX_OUTPUTS = 1024
};

/* A use of a value's name, and which one that is (graph.h). */
struct lip_onnx_name {
    struct lip_span text;
    size_t value;
};

struct lip_onnx_node {
    struct lip_span message, name, op, domain;
    size_t input, inputs, output, outputs; /* in model->name */
};

/* A stored tensor: the TensorProto is read when it is used. */
struct lip_onnx_initializer {
    struct lip_onnx_name name;
    struct lip_span message;
};

/* An input or output of the graph, with its TypeProto. */
struct lip_onnx_port {
    struct lip_onnx_name name;
    struct lip_span type;
};

struct lip_onnx_model {
    const unsigned char *file;
    struct lip_ctx *ctx;
    size_t max_tensors;
    int64_t opset; /* of the standard operators; 0: not said */
    struct lip_onnx_node *node;
    struct lip_onnx_name *name;
    struct lip_onnx_initializer *initializer;
    struct lip_onnx_port *input, *output;
    size_t nodes, names, initializers, inputs, outputs;
    size_t room[5]; /* of the lists, in that order */
    bool has_graph;
    struct lip_metadata metadata;
    struct lip_span layers; /* the property LIP_LAYERS_KEY, or not given */
};

/* The shape that the type of an input says: dim -1 where it has a name or
 * nothing, which `parameter` then is. */
struct lip_onnx_type {
    int64_t element; /* TensorProto.DataType; 0: not said */
    bool has_shape, is_tensor;
    size_t rank;
    int64_t dim[LIP_MAX_RANK];
    struct lip_span parameter[LIP_MAX_RANK];
};

/* Whether the bytes are those of a ModelProto, to the last one; a file that
 * breaks off within its graph counts. */
bool lip_onnx_detect(const unsigned char *bytes, size_t size);

/* Reads the lists of a model that is all zero but for ctx and max_tensors.
 * LIP_MALFORMED, LIP_TOO_LARGE, LIP_UNSUPPORTED (sparse initializers), memory.
 * O(size of the file but for the tensors). */
enum lip_status lip_onnx_model_read(struct lip_onnx_model *model,
                                    struct lip_span file);
void lip_onnx_model_clear(struct lip_onnx_model *model);

enum lip_status lip_onnx_type_read(struct lip_onnx_type *out,
                                   const struct lip_onnx_port *port,
                                   const struct lip_onnx_model *model);

#endif
