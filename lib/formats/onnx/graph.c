/* SPDX-License-Identifier: MIT
 *
 * Names, order and needs of nodes; the layers that are left at the end. */
#include "formats/onnx/graph.h"

#include "formats/onnx/operator.h"
#include "formats/reader.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_OPSET = 7, LAST_OPSET = 20 };

static enum lip_status fail_name(struct lip_onnx_reader *reader,
                                 enum lip_status status, struct lip_span name,
                                 const char *before, const char *after)
{
    char text[LIP_SPAN_TEXT];
    return lip_fail(reader->ctx, status, "%s\"%.80s\"%s", before,
                    lip_span_text(text, name), after);
}

/* --- names */

static int by_text(const void *a, const void *b)
{
    struct lip_span x = (*(struct lip_onnx_name *const *)a)->text;
    struct lip_span y = (*(struct lip_onnx_name *const *)b)->text;
    size_t common = x.size < y.size ? x.size : y.size;
    int order = common ? memcmp(x.data, y.data, common) : 0;
    return order ? order : (x.size > y.size) - (x.size < y.size);
}

/* Numbers the values: equal names, equal numbers; no name, none. */
static size_t number(struct lip_onnx_name **sorted, size_t count)
{
    size_t values = 0;
    for (size_t i = 0; i < count; i++) {
        bool first = i == 0 || by_text(&sorted[i - 1], &sorted[i]) != 0;
        sorted[i]->value = sorted[i]->text.size ? values + first - 1 : SIZE_MAX;
        values += first && sorted[i]->text.size;
    }
    return values;
}

static enum lip_status number_names(struct lip_onnx_reader *reader)
{
    struct lip_onnx_model *m = &reader->model;
    size_t count = m->names + m->initializers + m->inputs + m->outputs, n = 0;
    struct lip_onnx_name **sorted =
        lip_alloc(reader->ctx, count, sizeof *sorted);
    if (!sorted)
        return lip_memory_status(reader->ctx);
    for (size_t i = 0; i < m->names; i++)
        sorted[n++] = &m->name[i];
    for (size_t i = 0; i < m->initializers; i++)
        sorted[n++] = &m->initializer[i].name;
    for (size_t i = 0; i < m->inputs; i++)
        sorted[n++] = &m->input[i].name;
    for (size_t i = 0; i < m->outputs; i++)
        sorted[n++] = &m->output[i].name;
    if (count)
        qsort(sorted, count, sizeof *sorted, by_text);
    reader->values = number(sorted, count);
    lip_free(sorted);
    reader->value =
        lip_calloc(reader->ctx, reader->values, sizeof *reader->value);
    for (size_t i = 0; reader->value && i < reader->values; i++)
        reader->value[i].maker = SIZE_MAX;
    return reader->value ? LIP_OK : lip_memory_status(reader->ctx);
}

/* --- who gives which value */

static enum lip_status define_initializers(struct lip_onnx_reader *reader)
{
    struct lip_onnx_model *m = &reader->model;
    for (size_t i = 0; i < m->initializers; i++) {
        const struct lip_onnx_name *name = &m->initializer[i].name;
        if (name->value == SIZE_MAX)
            continue;
        struct lip_onnx_value *value = &reader->value[name->value];
        if (value->state != LIP_ONNX_UNDEFINED)
            return fail_name(reader, LIP_INVALID, name->text,
                             "The ONNX graph has two initializers called ",
                             ".");
        value->state = LIP_ONNX_STORED;
        value->stored = i;
    }
    return LIP_OK;
}

static enum lip_status define_outputs(struct lip_onnx_reader *reader, size_t i)
{
    struct lip_onnx_model *m = &reader->model;
    const struct lip_onnx_node *node = &m->node[i];
    for (size_t k = 0; k < node->outputs; k++) {
        const struct lip_onnx_name *name = &m->name[node->output + k];
        if (name->value == SIZE_MAX)
            continue;
        struct lip_onnx_value *value = &reader->value[name->value];
        if (value->state != LIP_ONNX_UNDEFINED || value->maker != SIZE_MAX)
            return fail_name(reader, LIP_INVALID, name->text,
                             "The ONNX graph makes ",
                             " twice: every name must be given once.");
        value->maker = i;
    }
    return LIP_OK;
}

static bool is_needed(const struct lip_onnx_reader *reader, size_t i)
{
    const struct lip_onnx_model *m = &reader->model;
    for (size_t k = 0; k < m->node[i].outputs; k++) {
        size_t value = m->name[m->node[i].output + k].value;
        if (value != SIZE_MAX && reader->value[value].wanted)
            return true;
    }
    return false;
}

/* Marks what the output needs, from the last node on. */
static void mark(struct lip_onnx_reader *reader)
{
    struct lip_onnx_model *m = &reader->model;
    for (size_t i = m->nodes; i-- > 0;) {
        const struct lip_onnx_node *node = &m->node[i];
        bool needed = false;
        for (size_t k = 0; k < node->outputs; k++) {
            size_t value = m->name[node->output + k].value;
            needed |= value != SIZE_MAX && reader->value[value].wanted;
        }
        for (size_t k = 0; needed && k < node->inputs; k++) {
            size_t value = m->name[node->input + k].value;
            if (value == SIZE_MAX)
                continue;
            reader->value[value].wanted = true;
            reader->value[value].uses++;
        }
    }
}

static enum lip_status find_output(struct lip_onnx_value **out,
                                   struct lip_onnx_reader *reader)
{
    struct lip_onnx_model *m = &reader->model;
    char first[LIP_SPAN_TEXT], second[LIP_SPAN_TEXT];
    if (m->outputs == 0)
        return lip_fail(reader->ctx, LIP_INVALID,
                        "The ONNX graph has no output.");
    if (m->outputs > 1)
        return lip_fail(reader->ctx, LIP_UNSUPPORTED,
                        "The ONNX graph has %zu outputs (\"%.60s\", "
                        "\"%.60s\"%s): networks with one are read. Export "
                        "the one that counts.",
                        m->outputs,
                        lip_span_text(first, m->output[0].name.text),
                        lip_span_text(second, m->output[1].name.text),
                        m->outputs > 2 ? ", ..." : "");
    size_t value = m->output[0].name.value;
    if (value == SIZE_MAX)
        return lip_fail(reader->ctx, LIP_INVALID,
                        "The output of the ONNX graph has no name.");
    *out = &reader->value[value];
    (*out)->wanted = true;
    (*out)->uses++;
    return LIP_OK;
}

/* Input k of node i, which has no value. */
static enum lip_status refuse_name(struct lip_onnx_reader *reader, size_t i,
                                   size_t k, const struct lip_onnx_value *value)
{
    char name[LIP_SPAN_TEXT];
    const struct lip_onnx_model *m = &reader->model;
    lip_span_text(name, m->name[m->node[i].input + k].text);
    if (value->maker == SIZE_MAX)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "it takes \"%.80s\", which nothing gives.",
                               name);
    if (value->maker < i)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it takes \"%.80s\", an output that is not "
                               "read of its operator.",
                               name);
    return lip_onnx_refuse(reader, LIP_INVALID,
                           "it takes \"%.80s\", which a later node makes: the "
                           "graph has a cycle, or its nodes are not in order.",
                           name);
}

/* Why node i does not lead back to the input, where that can be told. */
static enum lip_status no_way_back(struct lip_onnx_reader *reader, size_t i)
{
    reader->node = &reader->model.node[i];
    const struct lip_onnx_operator *row =
        lip_onnx_operator_find(reader->node->op);
    if (!row)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "this operator is not read.");
    if (!row->read && !row->folds)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED, "%s", row->reason);
    for (size_t k = 0; k < reader->node->inputs; k++) {
        const struct lip_onnx_value *value = lip_onnx_input(reader, k);
        if (value && value->state == LIP_ONNX_UNDEFINED &&
            (value->maker == SIZE_MAX || value->maker >= i))
            return refuse_name(reader, i, k, value);
    }
    return LIP_OK;
}

static enum lip_status no_input(struct lip_onnx_reader *reader)
{
    for (size_t i = 0; i < reader->model.nodes; i++) {
        enum lip_status status =
            is_needed(reader, i) ? no_way_back(reader, i) : LIP_OK;
        if (status != LIP_OK)
            return status;
    }
    return lip_fail(reader->ctx, LIP_INVALID,
                    "The output of the ONNX graph does not depend on any "
                    "input.");
}

/* The one input that is no initializer and that the output needs. */
static enum lip_status find_input(const struct lip_onnx_port **out,
                                  struct lip_onnx_reader *reader)
{
    struct lip_onnx_model *m = &reader->model;
    char first[LIP_SPAN_TEXT], second[LIP_SPAN_TEXT];
    *out = NULL;
    for (size_t i = 0; i < m->inputs; i++) {
        size_t number = m->input[i].name.value;
        struct lip_onnx_value *value =
            number == SIZE_MAX ? NULL : &reader->value[number];
        if (!value || !value->wanted || value->state == LIP_ONNX_STORED)
            continue;
        if (value->maker != SIZE_MAX)
            return fail_name(reader, LIP_INVALID, m->input[i].name.text,
                             "A node of the ONNX graph makes ",
                             ", which is an input.");
        if (*out && (*out)->name.value != number)
            return lip_fail(reader->ctx, LIP_UNSUPPORTED,
                            "The ONNX graph has several inputs (\"%.60s\", "
                            "\"%.60s\"): networks with one are read. Make the "
                            "others constants, or join them into one.",
                            lip_span_text(first, (*out)->name.text),
                            lip_span_text(second, m->input[i].name.text));
        *out = &m->input[i];
    }
    return *out ? LIP_OK : no_input(reader);
}

/* --- the input's shape */

/* Where the file does not say a shape: what the first product takes. */
static size_t guess_width(struct lip_onnx_reader *reader, size_t input)
{
    struct lip_onnx_model *m = &reader->model;
    size_t value = input;
    for (size_t i = 0; i < m->nodes; i++) {
        const struct lip_onnx_node *node = &m->node[i];
        const struct lip_onnx_name *from = &m->name[node->input];
        const struct lip_onnx_constant *weight;
        if (!node->inputs || from->value != value || !node->outputs)
            continue;
        bool gemm = lip_span_is(node->op, "Gemm");
        if (gemm || lip_span_is(node->op, "MatMul")) {
            int64_t transposed = 0;
            reader->node = node;
            struct lip_onnx_value *second = lip_onnx_input(reader, 1);
            if (!second || second->state != LIP_ONNX_STORED ||
                lip_onnx_optional(&weight, reader, 1, "weight") != LIP_OK ||
                weight->real.rank != 2 ||
                lip_onnx_int(reader, "transB", &transposed) != LIP_OK)
                return 0;
            return weight->real.dim[gemm && transposed != 0];
        }
        if (node->inputs > 1 && !lip_span_is(node->op, "Flatten"))
            return 0;
        value = m->name[node->output].value;
    }
    return 0;
}

static enum lip_status no_shape(struct lip_onnx_reader *reader,
                                const struct lip_onnx_port *port)
{
    return fail_name(reader, LIP_UNSUPPORTED, port->name.text,
                     "The file does not say which shape the input ",
                     " has. Export the model with an example input.");
}

static enum lip_status check_dims(struct lip_onnx_reader *reader,
                                  struct lip_onnx_type *type,
                                  const struct lip_onnx_port *port)
{
    char input[LIP_SPAN_TEXT], name[LIP_SPAN_TEXT];
    for (size_t k = 0; k < type->rank; k++) {
        bool open = type->dim[k] <= 0;
        if (k == 0 && open && type->rank > 1) {
            continue;
        } else if (open && type->rank > 1 && type->rank == 2) {
            size_t width = guess_width(reader, port->name.value);
            if (!width)
                return reader->ctx && reader->ctx->error.status
                           ? reader->ctx->error.status
                           : no_shape(reader, port);
            type->dim[k] = (int64_t)width;
        } else if (open) {
            return lip_fail(reader->ctx, LIP_UNSUPPORTED,
                            "Dimension %zu of the input \"%.60s\" has no "
                            "fixed size%s%.40s: only the first, the batch, may "
                            "be left open. Export the model with fixed sizes.",
                            k, lip_span_text(input, port->name.text),
                            type->parameter[k].size ? " but a name, " : "",
                            lip_span_text(name, type->parameter[k]));
        }
    }
    return LIP_OK;
}

static enum lip_status read_type(struct lip_onnx_reader *reader,
                                 struct lip_onnx_type *type,
                                 const struct lip_onnx_port *port)
{
    enum lip_status status = lip_onnx_type_read(type, port, &reader->model);
    if (status != LIP_OK)
        return status;
    int64_t e = type->element;
    if (!type->is_tensor)
        return fail_name(reader, LIP_UNSUPPORTED, port->name.text, "The input ",
                         " is a sequence, a map or sparse: tensors of real "
                         "numbers are read.");
    if (e != 0 && e != 1 && e != 10 && e != 11 && e != 16)
        return fail_name(reader, LIP_UNSUPPORTED, port->name.text, "The input ",
                         " does not hold real numbers.");
    if (!type->has_shape) {
        size_t width = guess_width(reader, port->name.value);
        if (!width)
            return reader->ctx && reader->ctx->error.status
                       ? reader->ctx->error.status
                       : no_shape(reader, port);
        *type = (struct lip_onnx_type){.rank = 2, .dim = {-1, (int64_t)width}};
    }
    return check_dims(reader, type, port);
}

/* Layer 0: the input in its shape. The first dimension of several is the
 * batch, of which one sample is looked at. */
static enum lip_status open_input(struct lip_onnx_reader *reader,
                                  const struct lip_onnx_port *port)
{
    struct lip_onnx_type type;
    struct lip_layer *layer;
    size_t source = LIP_FROM_INPUT;
    enum lip_status status = read_type(reader, &type, port);
    reader->node = NULL;
    if (status == LIP_OK)
        status =
            lip_onnx_append(&layer, reader, &lip_layer_reshape, 1, &source, "");
    if (status != LIP_OK)
        return status;
    struct lip_onnx_value *value = &reader->value[port->name.value];
    value->state = LIP_ONNX_NUMBERS;
    value->operand = (struct lip_onnx_operand){0, 1, 1, 0};
    value->rank = type.rank;
    for (size_t k = 0; k < type.rank; k++)
        value->dim[k] = (size_t)type.dim[k];
    if (type.rank > 1 && type.dim[0] != 1) {
        value->batch = true;
        value->dim[0] = 1;
        if (type.dim[0] > 1)
            reader->declared_batch = (size_t)type.dim[0];
    }
    size_t lead = lip_onnx_lead(value);
    struct lip_setting *shape = lip_layer_set(layer, "shape");
    shape->count = type.rank > lead ? type.rank - lead : 1;
    shape->value[0] = 1;
    for (size_t k = lead; k < type.rank; k++) {
        if (value->dim[k] > LIP_MAX_WIDTH)
            return fail_name(reader, LIP_TOO_LARGE, port->name.text,
                             "The input ",
                             " has more numbers than a network may have.");
        shape->value[k - lead] = (long)value->dim[k];
    }
    return lip_onnx_settle(reader);
}

/* --- nodes */

static enum lip_status check_inputs(struct lip_onnx_reader *reader, size_t i,
                                    bool *constant)
{
    *constant = true;
    for (size_t k = 0; k < reader->node->inputs; k++) {
        const struct lip_onnx_value *value = lip_onnx_input(reader, k);
        if (!value)
            continue;
        *constant &= value->state != LIP_ONNX_NUMBERS;
        if (value->state == LIP_ONNX_UNDEFINED)
            return refuse_name(reader, i, k, value);
    }
    return LIP_OK;
}

static enum lip_status read_node(struct lip_onnx_reader *reader, size_t i)
{
    const struct lip_onnx_node *node = reader->node = &reader->model.node[i];
    char domain[LIP_SPAN_TEXT];
    bool constant, done = false;
    if (node->domain.size && !lip_span_is(node->domain, "ai.onnx"))
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its operator is of the domain \"%.60s\": "
                               "standard ONNX operators are read.",
                               lip_span_text(domain, node->domain));
    enum lip_status status = check_inputs(reader, i, &constant);
    if (status != LIP_OK)
        return status;
    const struct lip_onnx_operator *row = lip_onnx_operator_find(node->op);
    if (!row)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "this operator is not read.");
    if (constant && row->folds)
        status = lip_onnx_fold(reader, &done);
    if (status != LIP_OK || done)
        return status;
    return row->read
               ? row->read(reader, row->detail)
               : lip_onnx_refuse(reader, LIP_UNSUPPORTED, "%s", row->reason);
}

static enum lip_status read_nodes(struct lip_onnx_reader *reader)
{
    size_t nodes = reader->model.nodes;
    enum lip_status status = LIP_OK;
    for (size_t i = 0; i < nodes && status == LIP_OK; i++) {
        if (i % 64 == 0)
            status =
                lip_tick(reader->ctx, "reading", (double)i, (double)nodes, NAN);
        if (status == LIP_OK && is_needed(reader, i))
            status = read_node(reader, i);
    }
    return status;
}

/* --- the network */

static enum lip_status finish(struct lip_network **out,
                              struct lip_onnx_reader *reader,
                              const struct lip_onnx_value *output)
{
    size_t last;
    if (output->state == LIP_ONNX_UNDEFINED)
        return fail_name(reader, LIP_INVALID, reader->model.output[0].name.text,
                         "No node of the ONNX graph gives its output ", ".");
    if (output->state != LIP_ONNX_NUMBERS)
        return lip_fail(reader->ctx, LIP_INVALID,
                        "The output of the ONNX graph is a constant: it does "
                        "not depend on the input.");
    enum lip_status status = lip_onnx_enter(&last, reader, output->operand);
    if (status == LIP_OK)
        status = lip_onnx_keep_used(reader, last);
    if (status != LIP_OK)
        return status;
    struct lip_layer *layer = reader->layer;
    reader->layer = NULL; /* the network takes it, also where it fails */
    status = lip_network_new(out, layer, reader->layers, reader->ctx);
    reader->layers = 0;
    if (status == LIP_OK) {
        (*out)->metadata = reader->model.metadata;
        reader->model.metadata = (struct lip_metadata){0};
    }
    return status;
}

static enum lip_status check_opset(const struct lip_onnx_reader *reader)
{
    int64_t opset = reader->model.opset;
    if (opset >= FIRST_OPSET && opset <= LAST_OPSET)
        return LIP_OK;
    return lip_fail(reader->ctx, LIP_UNSUPPORTED,
                    "The ONNX file is of opset %" PRId64 ": opsets %d to %d "
                    "are read. Export it with another opset_version, or "
                    "convert it with onnx.version_converter.",
                    opset, FIRST_OPSET, LAST_OPSET);
}

enum lip_status lip_onnx_network(struct lip_network **out,
                                 struct lip_onnx_reader *reader)
{
    struct lip_onnx_value *output = NULL;
    const struct lip_onnx_port *input;
    reader->declared_batch = 1;
    enum lip_status status = check_opset(reader);
    if (status == LIP_OK)
        status = number_names(reader);
    if (status == LIP_OK)
        status = define_initializers(reader);
    for (size_t i = 0; i < reader->model.nodes && status == LIP_OK; i++)
        status = define_outputs(reader, i);
    if (status == LIP_OK)
        status = find_output(&output, reader);
    if (status != LIP_OK)
        return status;
    mark(reader);
    status = find_input(&input, reader);
    if (status == LIP_OK)
        status = open_input(reader, input);
    if (status == LIP_OK)
        status = read_nodes(reader);
    return status == LIP_OK ? finish(out, reader, output) : status;
}

void lip_onnx_reader_clear(struct lip_onnx_reader *reader)
{
    for (size_t i = 0; i < reader->layers; i++)
        lip_layer_clear(&reader->layer[i]);
    for (size_t i = 0; i < reader->constants; i++) {
        lip_onnx_constant_clear(reader->constant[i]);
        lip_free(reader->constant[i]);
    }
    lip_free(reader->layer);
    lip_free(reader->origin);
    lip_free(reader->constant);
    lip_free(reader->value);
    lip_onnx_model_clear(&reader->model);
}
