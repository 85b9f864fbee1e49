/* SPDX-License-Identifier: MIT
 *
 * The ONNX format: the parts in onnx/ put together. */
#include "formats/onnx.h"

#include "formats/onnx/graph.h"
#include "formats/onnx/layers.h"
#include "formats/reader.h"

static enum lip_status read(struct lip_network **out, struct lip_buffer *bytes,
                            const struct lip_read_options *options,
                            struct lip_ctx *ctx)
{
    struct lip_onnx_reader reader = {.buffer = bytes, .ctx = ctx};
    struct lip_span file = {lip_buffer_bytes(bytes), lip_buffer_size(bytes)};
    *out = NULL;
    lip_read_options_fill(&reader.options, options);
    reader.model.ctx = ctx;
    reader.model.max_tensors = reader.options.max_tensors;
    enum lip_status status = lip_onnx_model_read(&reader.model, file);
    if (status == LIP_OK)
        status = lip_onnx_layers(out, &reader);
    if (status == LIP_OK && !*out)
        status = lip_onnx_network(out, &reader);
    lip_onnx_reader_clear(&reader);
    return status;
}

const struct lip_format lip_format_onnx = {
    .name = "onnx",
    .title = "ONNX: the graph that PyTorch, Keras and others export",
    .media_type = "application/x-onnx",
    .detect = lip_onnx_detect,
    .read = read,
};
