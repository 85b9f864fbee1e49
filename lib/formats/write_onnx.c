/* SPDX-License-Identifier: MIT
 *
 * Writing ONNX: the layers as standard operators of opset 17, their tensors as
 * initializers in the type in which they are stored, and, among the metadata,
 * the layers as we know them. Arithmetic is in float64 where a tensor is, else
 * in float32, to which 16-bit tensors are cast. */
#include "formats/write_onnx.h"

#include "base/size.h"
#include "formats/json_string.h"
#include "formats/tensor_list.h"
#include "formats/write_layers.h"
#include "formats/writer.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { IR_VERSION = 8 };
enum {
    MODEL_IR = 1,
    MODEL_PRODUCER = 2,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    MODEL_METADATA = 14
};
enum { OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT };
enum { TENSOR_DIM = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { PORT_NAME = 1, PORT_TYPE = 2 };
enum { TYPE_TENSOR = 1, TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_PARAMETER = 2 };

/* --- nodes */

static enum lip_status refuse(const struct lip_network *network, size_t i,
                              struct lip_ctx *ctx)
{
    const struct lip_layer *layer = &network->layer[i];
    const char *quote = *layer->name ? "\"" : "", *comma = *quote ? ", " : "";
    char where[24];
    snprintf(where, sizeof where, "%zu", i);
    return lip_fail_at(ctx, LIP_UNSUPPORTED, LIP_AT_LAYER, where,
                       "Layer %zu (%s%s%s%s%s) is nothing that ONNX has "
                       "operators for at opset %d. Ask for safetensors, npz or "
                       "JSON.",
                       i, quote, layer->name, quote, comma,
                       lip_layer_type(layer), LIP_ONNX_OPSET);
}

/* Positions are whole numbers, whatever type they are stored in. */
static bool is_wide(const struct lip_network *network)
{
    for (size_t i = 0; i < network->count; i++)
        for (int part = 0; part < LIP_PARTS; part++) {
            const struct lip_tensor *tensor =
                lip_layer_tensor_const(&network->layer[i], (enum lip_part)part);
            if (tensor->data && tensor->dtype == LIP_F64 &&
                network->layer[i].kind != &lip_layer_gather)
                return true;
        }
    return false;
}

struct lip_shape lip_onnx_input_shape(const struct lip_network *network)
{
    const struct lip_shape *shape = NULL;
    struct lip_shape flat = lip_shape_vector(network->inputs);
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        for (size_t k = 0; k < lip_network_sources(network, i); k++) {
            if (lip_network_source(network, i, k) != LIP_FROM_INPUT)
                continue;
            if (layer->kind != &lip_layer_reshape ||
                (shape && !lip_shape_equal(shape, &layer->out)))
                return flat;
            shape = &layer->out;
        }
    }
    return shape ? *shape : flat;
}

static void write_layer(struct lip_onnx_out *out, struct lip_onnx_result *value,
                        size_t i)
{
    const struct lip_layer *layer = &out->network->layer[i];
    size_t count = lip_network_sources(out->network, i);
    struct lip_onnx_result x[LIP_MAX_RANK] = {{"input"}};
    for (size_t k = 0; k < count && k < LIP_MAX_RANK; k++) {
        size_t from = lip_network_source(out->network, i, k);
        if (from != LIP_FROM_INPUT)
            x[k] = value[from];
        else
            snprintf(x[k].name, sizeof x[k].name, "input");
    }
    out->layer = i;
    out->steps = 0;
    value[i] = lip_onnx_row_of(layer)->write(out, layer, x, count);
}

/* All layers; where the last one gives what it got, a node that copies it. */
static void write_layers(struct lip_onnx_out *out,
                         struct lip_onnx_result *value)
{
    size_t last = out->network->count - 1;
    for (size_t i = 0; i <= last && out->nodes.status == LIP_OK; i++)
        write_layer(out, value, i);
    if (out->nodes.status == LIP_OK && out->steps == 0)
        value[last] = lip_onnx_put_unary(out, "Identity", value[last]);
}

enum lip_status lip_onnx_nodes(struct lip_onnx_out *out,
                               const struct lip_network *network)
{
    struct lip_ctx *ctx = out->nodes.ctx;
    out->network = network;
    out->wide = is_wide(network);
    for (size_t i = 0; i < network->count; i++)
        if (!lip_onnx_row_of(&network->layer[i]))
            return out->nodes.status = refuse(network, i, ctx);
    struct lip_onnx_result *value =
        lip_alloc(ctx, network->count, sizeof *value);
    if (!value)
        return out->nodes.status = ctx ? ctx->error.status : LIP_NO_MEMORY;
    /* What the last result would be called is known once it is written. */
    write_layers(out, value);
    if (out->nodes.status == LIP_OK) {
        memcpy(out->last, value[network->count - 1].name, sizeof out->last);
        out->nodes.size = 0;
        write_layers(out, value);
    }
    lip_free(value);
    return out->nodes.status;
}

/* --- the rest of the graph */

static void put_dimension(struct lip_output *shape, const char *name,
                          size_t size)
{
    struct lip_output dim = {.ctx = shape->ctx};
    if (name)
        lip_proto_text(&dim, DIM_PARAMETER, name);
    else
        lip_proto_int(&dim, DIM_VALUE, (int64_t)size);
    lip_proto_message(shape, SHAPE_DIM, &dim);
}

/* The graph's input or output: [batch, ...]. */
static void put_port(struct lip_output *graph, unsigned field, const char *name,
                     enum lip_onnx_element element, const struct lip_shape *of)
{
    struct lip_output shape = {.ctx = graph->ctx}, tensor = {.ctx = graph->ctx};
    struct lip_output type = {.ctx = graph->ctx}, port = {.ctx = graph->ctx};
    put_dimension(&shape, "batch", 0);
    for (size_t k = 0; k < of->rank; k++)
        put_dimension(&shape, NULL, of->dim[k]);
    lip_proto_int(&tensor, TENSOR_ELEMENT, element);
    lip_proto_message(&tensor, TENSOR_SHAPE, &shape);
    lip_proto_message(&type, TYPE_TENSOR, &tensor);
    lip_proto_text(&port, PORT_NAME, name);
    lip_proto_message(&port, PORT_TYPE, &type);
    lip_proto_message(graph, field, &port);
}

/* All of an initializer but its numbers, whose size *bytes is. */
static void put_head(struct lip_output *head, size_t *bytes,
                     const struct lip_written_tensor *written)
{
    const struct lip_tensor *tensor = written->tensor;
    *bytes = lip_tensor_count(tensor) * lip_dtype_size(tensor->dtype);
    for (size_t k = 0; k < tensor->rank; k++)
        lip_proto_int(head, TENSOR_DIM, (int64_t)tensor->dim[k]);
    lip_proto_int(head, TENSOR_TYPE, lip_onnx_element_of(tensor->dtype));
    lip_proto_text(head, TENSOR_NAME, written->name);
    lip_proto_open(head, TENSOR_RAW, *bytes);
}

/* Adds to *size what the initializers take, or, where `output` is given, adds
 * them to it. */
static enum lip_status put_initializers(struct lip_output *output, size_t *size,
                                        const struct lip_network *network,
                                        struct lip_ctx *ctx)
{
    struct lip_written_tensor written;
    enum lip_status status = LIP_OK;
    for (size_t i = 0; i < network->count; i++)
        for (int k = 0; k < LIP_PARTS && status == LIP_OK; k++) {
            struct lip_output head = {.ctx = ctx}, tag = {.ctx = ctx};
            size_t bytes;
            if (!lip_written_tensor(&written, network, i, (enum lip_part)k))
                continue;
            put_head(&head, &bytes, &written);
            lip_proto_open(&tag, GRAPH_INITIALIZER, head.size + bytes);
            *size += tag.size + head.size + bytes;
            status = head.status ? head.status : tag.status;
            if (output && status == LIP_OK) {
                lip_output_bytes(output, tag.data, tag.size);
                lip_output_bytes(output, head.data, head.size);
                lip_output_tensor(output, written.tensor);
                status = output->status;
            }
            lip_output_clear(&head);
            lip_output_clear(&tag);
        }
    return status;
}

static void put_graph(struct lip_output *file,
                      const struct lip_network *network)
{
    struct lip_onnx_out graph = {.nodes.ctx = file->ctx};
    struct lip_output ports = {.ctx = file->ctx}, name = {.ctx = file->ctx};
    struct lip_shape in = lip_onnx_input_shape(network);
    size_t size = 0, unused = 0;
    enum lip_status status = lip_onnx_nodes(&graph, network);
    enum lip_onnx_element type = graph.wide ? LIP_ONNX_DOUBLE : LIP_ONNX_FLOAT;
    lip_proto_text(&name, GRAPH_NAME, "network");
    put_port(&ports, GRAPH_INPUT, "input", type, &in);
    put_port(&ports, GRAPH_OUTPUT, "output", type,
             &network->layer[network->count - 1].out);
    if (status == LIP_OK)
        status = put_initializers(NULL, &size, network, file->ctx);
    if (status == LIP_OK)
        status = ports.status ? ports.status : name.status;
    if (file->status == LIP_OK)
        file->status = status;
    lip_proto_open(file, MODEL_GRAPH,
                   graph.nodes.size + name.size + size + ports.size);
    lip_output_bytes(file, graph.nodes.data, graph.nodes.size);
    lip_output_bytes(file, name.data, name.size);
    if (file->status == LIP_OK)
        file->status = put_initializers(file, &unused, network, file->ctx);
    lip_output_bytes(file, ports.data, ports.size);
    lip_output_clear(&graph.nodes);
    lip_output_clear(&name);
    lip_output_clear(&ports);
}

/* --- the file */

static void put_pair(struct lip_output *file, const char *name,
                     const void *value, size_t size)
{
    struct lip_output entry = {.ctx = file->ctx};
    lip_proto_text(&entry, ENTRY_KEY, name);
    lip_proto_bytes(&entry, ENTRY_VALUE, value, size);
    lip_proto_message(file, MODEL_METADATA, &entry);
}

static bool is_text(const char *text)
{
    return lip_utf8_valid((const unsigned char *)text, strlen(text));
}

static void put_metadata(struct lip_output *file,
                         const struct lip_network *network,
                         const struct lip_metadata *metadata)
{
    struct lip_output layers = {.ctx = file->ctx};
    lip_write_layers(&layers, network, (struct lip_write_style){.named = true});
    if (file->status == LIP_OK)
        file->status = layers.status;
    put_pair(file, LIP_LAYERS_KEY, layers.data, layers.size);
    lip_output_clear(&layers);
    for (size_t i = 0; metadata && i < metadata->count; i++) {
        const struct lip_metadatum *item = &metadata->item[i];
        if (strcmp(item->name, LIP_LAYERS_KEY) != 0 && is_text(item->name) &&
            is_text(item->value))
            put_pair(file, item->name, item->value, strlen(item->value));
    }
}

/* The opset comes last: a file that breaks off lacks it. */
static void put_opset(struct lip_output *file)
{
    struct lip_output opset = {.ctx = file->ctx};
    lip_proto_text(&opset, OPSET_DOMAIN, "");
    lip_proto_int(&opset, OPSET_VERSION, LIP_ONNX_OPSET);
    lip_proto_message(file, MODEL_OPSET, &opset);
}

static enum lip_status write(unsigned char **out, size_t *size,
                             const struct lip_network *network,
                             const struct lip_metadata *metadata,
                             struct lip_ctx *ctx)
{
    struct lip_output file = {.ctx = ctx};
    lip_proto_int(&file, MODEL_IR, IR_VERSION);
    lip_proto_text(&file, MODEL_PRODUCER, "lipschitzd");
    put_metadata(&file, network, metadata);
    put_graph(&file, network);
    put_opset(&file);
    if (file.status == LIP_OK && file.size > INT_MAX)
        file.status = lip_fail(ctx, LIP_TOO_LARGE,
                               "The model is too large for an ONNX file, which "
                               "holds up to 2 GB. Ask for safetensors.");
    return lip_output_finish(out, size, &file);
}

const struct lip_writer lip_writer_onnx = {
    .name = "onnx",
    .media_type = "application/x-onnx",
    .extension = ".onnx",
    .write = write,
};
