/* SPDX-License-Identifier: MIT
 *
 * The layers that an ONNX file of ours lists, held against its graph. */
#include "formats/onnx/layers.h"

#include "formats/reader.h"
#include "formats/weights.h"
#include "formats/write_onnx.h"

#include <stdio.h>
#include <string.h>

static bool same_span(struct lip_span a, struct lip_span b)
{
    return a.size == b.size && (!a.size || memcmp(a.data, b.data, a.size) == 0);
}

/* Whether the model's nodes are these, which are fields of a graph. */
static bool same_nodes(const struct lip_onnx_model *model,
                       const struct lip_output *nodes)
{
    struct lip_span all = {nodes->data, nodes->size};
    struct lip_wire wire = lip_wire_open(all, nodes->data, NULL);
    struct lip_wire_field field;
    bool more;
    for (size_t i = 0; i < model->nodes; i++)
        if (lip_wire_next(&wire, &field, &more) != LIP_OK || !more ||
            !same_span(field.bytes, model->node[i].message))
            return false;
    return lip_wire_next(&wire, &field, &more) == LIP_OK && !more;
}

/* Whether the graph has one input, "input", of this shape behind the batch, and
 * one output, "output". */
static bool same_ports(const struct lip_onnx_model *model,
                       const struct lip_shape *shape)
{
    struct lip_onnx_type type;
    if (model->inputs != 1 || model->outputs != 1 ||
        !lip_span_is(model->input[0].name.text, "input") ||
        !lip_span_is(model->output[0].name.text, "output") ||
        lip_onnx_type_read(&type, &model->input[0], model) != LIP_OK ||
        !type.has_shape || type.rank != shape->rank + 1)
        return false;
    for (size_t k = 0; k < shape->rank; k++)
        if (type.dim[k + 1] < 0 || (size_t)type.dim[k + 1] != shape->dim[k])
            return false;
    return true;
}

static enum lip_status check(bool *same, const struct lip_network *network,
                             const struct lip_onnx_model *model)
{
    struct lip_onnx_out graph = {.nodes.ctx = model->ctx};
    struct lip_shape shape = lip_onnx_input_shape(network);
    enum lip_status status = lip_onnx_nodes(&graph, network);
    *same = status == LIP_OK && same_ports(model, &shape) &&
            same_nodes(model, &graph.nodes);
    lip_output_clear(&graph.nodes);
    return status;
}

/* The initializers by name, as views into the file where they can be. */
static enum lip_status list_tensors(struct lip_tensor_list *list,
                                    const struct lip_onnx_model *model,
                                    struct lip_buffer *file)
{
    enum lip_status status = LIP_OK;
    for (size_t i = 0; i < model->initializers && status == LIP_OK; i++) {
        struct lip_span name = model->initializer[i].name.text;
        struct lip_onnx_constant constant = {0};
        struct lip_named_tensor *named = lip_tensor_list_add(list, model->ctx);
        if (!named)
            return lip_memory_status(model->ctx);
        snprintf(named->name, sizeof named->name, "%.*s",
                 name.size < sizeof named->name ? (int)name.size : 0,
                 (const char *)name.data);
        status = lip_onnx_constant_read(
            &constant, model->initializer[i].message, named->name, file, model);
        if (status == LIP_OK && constant.whole)
            status = LIP_UNSUPPORTED;
        if (status == LIP_OK) {
            named->tensor = constant.real;
            lip_buffer_hold(named->tensor.buffer);
        }
        lip_onnx_constant_clear(&constant);
    }
    return status;
}

static enum lip_status read_layers(struct lip_network **out,
                                   const struct lip_onnx_model *model,
                                   struct lip_buffer *file,
                                   const struct lip_read_options *options)
{
    struct lip_tensor_list list = {.limit = model->max_tensors};
    enum lip_status status = list_tensors(&list, model, file);
    if (status == LIP_OK) {
        list.layers =
            lip_buffer_view(file, (size_t)(model->layers.data - model->file),
                            model->layers.size, model->ctx);
        status = list.layers
                     ? lip_weights_network(out, &list, options, model->ctx)
                     : lip_memory_status(model->ctx);
    }
    lip_tensor_list_clear(&list);
    return status;
}

static bool is_final(enum lip_status status)
{
    return status == LIP_NO_MEMORY || status == LIP_CANCELLED ||
           status == LIP_TIMEOUT;
}

/* What goes wrong here is no failure of the file's: it is heard by a context of
 * its own. */
enum lip_status lip_onnx_layers(struct lip_network **out,
                                struct lip_onnx_reader *reader)
{
    struct lip_onnx_model model = reader->model;
    struct lip_ctx own = {0};
    struct lip_network *network = NULL;
    bool same = false;
    *out = NULL;
    if (!model.layers.data || model.opset != LIP_ONNX_OPSET)
        return LIP_OK;
    if (reader->ctx)
        own = *reader->ctx;
    model.ctx = &own;
    enum lip_status status =
        read_layers(&network, &model, reader->buffer, &reader->options);
    if (status == LIP_OK)
        status = check(&same, network, &model);
    if (same) {
        network->metadata = reader->model.metadata;
        reader->model.metadata = (struct lip_metadata){0};
        *out = network;
        return LIP_OK;
    }
    lip_network_free(network);
    return is_final(status)
               ? lip_fail(reader->ctx, status, "%s", own.error.detail)
               : LIP_OK;
}
