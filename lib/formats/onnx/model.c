/* SPDX-License-Identifier: MIT
 *
 * ModelProto, GraphProto, NodeProto, ValueInfoProto. A message that occurs
 * twice where one is meant is read as both together, a number or a text that
 * does as the last one: so says protobuf. */
#include "formats/onnx/model.h"

#include "formats/reader.h"
#include "formats/tensor_list.h"

#include <stdio.h>
#include <string.h>

enum { NODE, NAME, INITIALIZER, INPUT, OUTPUT };

/* Hands each field of a message to `read`, which puts it into `out`. */
static enum lip_status
read_message(void *out, struct lip_span span,
             enum lip_status (*read)(void *out, const struct lip_wire *wire,
                                     const struct lip_wire_field *field,
                                     struct lip_onnx_model *model),
             struct lip_onnx_model *model)
{
    struct lip_wire wire = lip_wire_open(span, model->file, model->ctx);
    struct lip_wire_field field;
    bool more;
    enum lip_status status = lip_wire_next(&wire, &field, &more);
    while (status == LIP_OK && more) {
        status = read(out, &wire, &field, model);
        if (status == LIP_OK)
            status = lip_wire_next(&wire, &field, &more);
    }
    return status;
}

static enum lip_status take_text(struct lip_span *out,
                                 const struct lip_wire *wire,
                                 const struct lip_wire_field *field,
                                 const char *what)
{
    enum lip_status status = lip_wire_expect(wire, field, LIP_WIRE_BYTES, what);
    if (status == LIP_OK)
        *out = field->bytes;
    return status;
}

static enum lip_status take_number(int64_t *out, const struct lip_wire *wire,
                                   const struct lip_wire_field *field,
                                   const char *what)
{
    enum lip_status status =
        lip_wire_expect(wire, field, LIP_WIRE_VARINT, what);
    if (status == LIP_OK)
        *out = (int64_t)field->value;
    return status;
}

/* --- lists */

static enum lip_status too_many(const struct lip_onnx_model *model, int list,
                                size_t limit)
{
    static const char *const what[] = {"nodes",
                                       "names of inputs and outputs of nodes",
                                       "initializers", "inputs", "outputs"};
    return lip_fail(model->ctx, LIP_TOO_LARGE,
                    "The ONNX graph has more than %zu %s, which is the limit.",
                    limit, what[list]);
}

/* A new entry, all zero, of list number `list`. */
static enum lip_status add(void **entry, void **items, size_t *count,
                           size_t size, int list, size_t limit,
                           struct lip_onnx_model *model)
{
    if (*count == limit)
        return too_many(model, list, limit);
    if (*count == model->room[list]) {
        size_t room = *count < 8 ? 16 : 2 * *count;
        void *grown = lip_realloc(model->ctx, *items, room, size);
        if (!grown)
            return lip_memory_status(model->ctx);
        *items = grown;
        model->room[list] = room;
    }
    *entry = (unsigned char *)*items + (*count)++ * size;
    memset(*entry, 0, size);
    return LIP_OK;
}

static enum lip_status add_name(struct lip_onnx_model *model,
                                struct lip_span text)
{
    void *entry, *items = model->name;
    enum lip_status status =
        add(&entry, &items, &model->names, sizeof *model->name, NAME,
            LIP_ONNX_NAMES, model);
    model->name = items;
    if (status == LIP_OK)
        ((struct lip_onnx_name *)entry)->text = text;
    return status;
}

/* --- nodes */

/* Names of inputs and of outputs may come in turns: outputs are taken in a
 * second pass, so that both stand together. */
static enum lip_status node_output(void *out, const struct lip_wire *wire,
                                   const struct lip_wire_field *field,
                                   struct lip_onnx_model *model)
{
    struct lip_span text;
    (void)out;
    if (field->number != 2)
        return LIP_OK;
    enum lip_status status = take_text(&text, wire, field, "a node's output");
    return status == LIP_OK ? add_name(model, text) : status;
}

static enum lip_status node_field(void *out, const struct lip_wire *wire,
                                  const struct lip_wire_field *field,
                                  struct lip_onnx_model *model)
{
    struct lip_onnx_node *node = out;
    struct lip_span text;
    enum lip_status status;
    switch (field->number) {
    case 1:
        status = take_text(&text, wire, field, "a node's input");
        return status == LIP_OK ? add_name(model, text) : status;
    case 3:
        return take_text(&node->name, wire, field, "a node's name");
    case 4:
        return take_text(&node->op, wire, field, "a node's op_type");
    case 5:
        return take_text(&text, wire, field, "a node's attribute");
    case 7:
        return take_text(&node->domain, wire, field, "a node's domain");
    default:
        return LIP_OK;
    }
}

static enum lip_status add_node(struct lip_onnx_model *model,
                                struct lip_span message)
{
    struct lip_onnx_node node = {.message = message, .input = model->names};
    void *entry, *items = model->node;
    enum lip_status status = add(&entry, &items, &model->nodes, sizeof node,
                                 NODE, LIP_ONNX_NODES, model);
    model->node = items;
    if (status == LIP_OK)
        status = read_message(&node, message, node_field, model);
    node.output = model->names;
    node.inputs = node.output - node.input;
    if (status == LIP_OK)
        status = read_message(NULL, message, node_output, model);
    node.outputs = model->names - node.output;
    if (status == LIP_OK)
        memcpy(entry, &node, sizeof node);
    return status;
}

/* --- inputs, outputs, initializers */

static enum lip_status initializer_field(void *out, const struct lip_wire *wire,
                                         const struct lip_wire_field *field,
                                         struct lip_onnx_model *model)
{
    struct lip_onnx_initializer *initializer = out;
    (void)model;
    return field->number == 8 ? take_text(&initializer->name.text, wire, field,
                                          "the name of an initializer")
                              : LIP_OK;
}

static enum lip_status add_initializer(struct lip_onnx_model *model,
                                       struct lip_span message)
{
    void *entry, *items = model->initializer;
    enum lip_status status =
        add(&entry, &items, &model->initializers, sizeof *model->initializer,
            INITIALIZER, model->max_tensors, model);
    model->initializer = items;
    if (status != LIP_OK)
        return status;
    ((struct lip_onnx_initializer *)entry)->message = message;
    return read_message(entry, message, initializer_field, model);
}

static enum lip_status port_field(void *out, const struct lip_wire *wire,
                                  const struct lip_wire_field *field,
                                  struct lip_onnx_model *model)
{
    struct lip_onnx_port *port = out;
    (void)model;
    if (field->number == 1)
        return take_text(&port->name.text, wire, field,
                         "the name of an input or output");
    return field->number == 2 ? take_text(&port->type, wire, field,
                                          "the type of an input or output")
                              : LIP_OK;
}

static enum lip_status add_port(struct lip_onnx_model *model, int list,
                                struct lip_span message)
{
    bool in = list == INPUT;
    void *entry, *items = in ? model->input : model->output;
    enum lip_status status = add(
        &entry, &items, in ? &model->inputs : &model->outputs,
        sizeof *model->input, list,
        in ? model->max_tensors + LIP_ONNX_OUTPUTS : LIP_ONNX_OUTPUTS, model);
    *(in ? &model->input : &model->output) = items;
    return status == LIP_OK ? read_message(entry, message, port_field, model)
                            : status;
}

static enum lip_status graph_field(void *out, const struct lip_wire *wire,
                                   const struct lip_wire_field *field,
                                   struct lip_onnx_model *model)
{
    (void)out;
    struct lip_span message = {0};
    uint32_t number = field->number;
    if (number == 15)
        return lip_wire_fail(wire, LIP_UNSUPPORTED,
                             "The ONNX graph has a sparse initializer, which "
                             "is not read. Store it as a dense tensor.");
    if (number != 1 && number != 5 && number != 11 && number != 12)
        return LIP_OK;
    enum lip_status status =
        take_text(&message, wire, field, "a part of the graph");
    if (status != LIP_OK)
        return status;
    if (number == 1)
        return add_node(model, message);
    if (number == 5)
        return add_initializer(model, message);
    return add_port(model, number == 11 ? INPUT : OUTPUT, message);
}

/* --- the model */

struct pair {
    struct lip_span key, value;
};

static enum lip_status pair_field(void *out, const struct lip_wire *wire,
                                  const struct lip_wire_field *field,
                                  struct lip_onnx_model *model)
{
    struct pair *pair = out;
    (void)model;
    if (field->number != 1 && field->number != 2)
        return LIP_OK;
    return take_text(field->number == 1 ? &pair->key : &pair->value, wire,
                     field, "a metadata property");
}

/* A span as a C string of lip_alloc memory; NULL where it is none, or memory is
 * short. */
static char *copy_text(struct lip_span span, struct lip_ctx *ctx)
{
    if (span.size && memchr(span.data, '\0', span.size))
        return NULL;
    char *text = lip_alloc(ctx, span.size + 1, 1);
    if (!text)
        return NULL;
    if (span.size)
        memcpy(text, span.data, span.size);
    text[span.size] = '\0';
    return text;
}

/* Texts that cannot be C strings, or are past the bounds of metadata, are left
 * out. */
static enum lip_status add_property(struct lip_onnx_model *model,
                                    struct lip_span message)
{
    struct pair pair = {0};
    enum lip_status status = read_message(&pair, message, pair_field, model);
    if (status != LIP_OK)
        return status;
    if (lip_span_is(pair.key, LIP_LAYERS_KEY)) {
        model->layers = pair.value;
        return LIP_OK;
    }
    if (!pair.key.size || pair.key.size >= LIP_METADATA_NAME ||
        pair.value.size >= LIP_METADATA_VALUE)
        return LIP_OK;
    char *key = copy_text(pair.key, model->ctx);
    char *value = key ? copy_text(pair.value, model->ctx) : NULL;
    if (key && value && !lip_metadata_find(&model->metadata, key))
        status = lip_metadata_add(&model->metadata, key, value, model->ctx);
    else if (model->ctx && model->ctx->error.status != LIP_OK)
        status = model->ctx->error.status;
    lip_free(key);
    lip_free(value);
    return status;
}

struct opset {
    struct lip_span domain;
    int64_t version;
};

static enum lip_status opset_field(void *out, const struct lip_wire *wire,
                                   const struct lip_wire_field *field,
                                   struct lip_onnx_model *model)
{
    struct opset *opset = out;
    (void)model;
    if (field->number == 1)
        return take_text(&opset->domain, wire, field, "an opset's domain");
    return field->number == 2
               ? take_number(&opset->version, wire, field, "an opset's version")
               : LIP_OK;
}

static enum lip_status add_opset(struct lip_onnx_model *model,
                                 struct lip_span message)
{
    struct opset opset = {0};
    enum lip_status status = read_message(&opset, message, opset_field, model);
    if (status == LIP_OK &&
        (opset.domain.size == 0 || lip_span_is(opset.domain, "ai.onnx")))
        model->opset = opset.version;
    return status;
}

static enum lip_status model_field(void *out, const struct lip_wire *wire,
                                   const struct lip_wire_field *field,
                                   struct lip_onnx_model *model)
{
    (void)out;
    struct lip_span message = {0};
    uint32_t number = field->number;
    if (number != 7 && number != 8 && number != 14)
        return LIP_OK;
    enum lip_status status =
        take_text(&message, wire, field, "a part of the model");
    if (status != LIP_OK)
        return status;
    if (number == 8)
        return add_opset(model, message);
    if (number == 14)
        return add_property(model, message);
    model->has_graph = true;
    return read_message(NULL, message, graph_field, model);
}

enum lip_status lip_onnx_model_read(struct lip_onnx_model *model,
                                    struct lip_span file)
{
    model->file = file.data;
    enum lip_status status = read_message(NULL, file, model_field, model);
    if (status == LIP_OK && !model->has_graph)
        return lip_fail(model->ctx, LIP_INVALID,
                        "The ONNX file has no graph. Export the model again.");
    return status;
}

void lip_onnx_model_clear(struct lip_onnx_model *model)
{
    lip_free(model->node);
    lip_free(model->name);
    lip_free(model->initializer);
    lip_free(model->input);
    lip_free(model->output);
    lip_metadata_clear(&model->metadata);
}

/* What fields a ModelProto has: names, versions, texts, graph, functions. */
static bool belongs(const struct lip_wire_field *field)
{
    uint32_t n = field->number;
    if (n == 1 || n == 5)
        return field->type == LIP_WIRE_VARINT;
    bool known = (n >= 2 && n <= 8) || n == 14 || n == 20 || n == 25 || n == 26;
    return known && field->type == LIP_WIRE_BYTES;
}

bool lip_onnx_detect(const unsigned char *bytes, size_t size)
{
    struct lip_wire wire =
        lip_wire_open((struct lip_span){bytes, size}, bytes, NULL);
    struct lip_wire_field field = {0};
    bool more = true, version = false, graph = false;
    while (lip_wire_next(&wire, &field, &more) == LIP_OK) {
        if (!more)
            return graph;
        if (!belongs(&field))
            return false;
        version |= field.number == 1;
        graph |= field.number == 7;
    }
    return version && field.number == 7;
}

/* --- types */

static enum lip_status dim_field(void *out, const struct lip_wire *wire,
                                 const struct lip_wire_field *field,
                                 struct lip_onnx_model *model)
{
    struct lip_onnx_type *type = out;
    size_t k = type->rank - 1;
    (void)model;
    if (field->number == 1) {
        type->parameter[k] = (struct lip_span){0};
        return take_number(&type->dim[k], wire, field, "a dimension");
    }
    if (field->number != 2)
        return LIP_OK;
    type->dim[k] = -1;
    return take_text(&type->parameter[k], wire, field, "a dimension's name");
}

static enum lip_status shape_field(void *out, const struct lip_wire *wire,
                                   const struct lip_wire_field *field,
                                   struct lip_onnx_model *model)
{
    struct lip_onnx_type *type = out;
    if (field->number != 1)
        return LIP_OK;
    struct lip_span message;
    enum lip_status status = take_text(&message, wire, field, "a dimension");
    if (status != LIP_OK)
        return status;
    if (type->rank == LIP_MAX_RANK)
        return lip_wire_fail(wire, LIP_UNSUPPORTED,
                             "An input of the ONNX graph has more than 8 "
                             "dimensions.");
    type->dim[type->rank++] = -1;
    return read_message(type, message, dim_field, model);
}

static enum lip_status tensor_field(void *out, const struct lip_wire *wire,
                                    const struct lip_wire_field *field,
                                    struct lip_onnx_model *model)
{
    struct lip_onnx_type *type = out;
    struct lip_span message;
    if (field->number == 1)
        return take_number(&type->element, wire, field, "an element type");
    if (field->number != 2)
        return LIP_OK;
    enum lip_status status = take_text(&message, wire, field, "a shape");
    if (status != LIP_OK)
        return status;
    type->has_shape = true;
    return read_message(type, message, shape_field, model);
}

static enum lip_status type_field(void *out, const struct lip_wire *wire,
                                  const struct lip_wire_field *field,
                                  struct lip_onnx_model *model)
{
    struct lip_onnx_type *type = out;
    struct lip_span message;
    uint32_t number = field->number;
    if (number != 1) {
        bool other = number == 4 || number == 5 || number == 8 || number == 9;
        type->is_tensor &= !other;
        return LIP_OK;
    }
    enum lip_status status = take_text(&message, wire, field, "a tensor type");
    return status == LIP_OK ? read_message(type, message, tensor_field, model)
                            : status;
}

enum lip_status lip_onnx_type_read(struct lip_onnx_type *out,
                                   const struct lip_onnx_port *port,
                                   const struct lip_onnx_model *model)
{
    *out = (struct lip_onnx_type){.is_tensor = true};
    struct lip_onnx_model reading = {.file = model->file, .ctx = model->ctx};
    return read_message(out, port->type, type_field, &reading);
}
