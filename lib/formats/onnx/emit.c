/* SPDX-License-Identifier: MIT
 *
 * Appending layers, their names and their shapes. */
#include "formats/onnx/reader.h"

#include "formats/reader.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Layers that patterns leave unused are dropped at the end: so many times as
 * many as there may be are made. */
enum { SLACK = 4 };

struct lip_onnx_operand lip_onnx_plain(size_t layer)
{
    return (struct lip_onnx_operand){layer, 1, 1, 0};
}

size_t lip_onnx_last(const struct lip_onnx_reader *reader)
{
    return reader->layers - 1;
}

size_t lip_onnx_lead(const struct lip_onnx_value *value)
{
    return value->rank >= 2 && value->dim[0] == 1;
}

static enum lip_status make_room(struct lip_onnx_reader *reader)
{
    size_t limit = SLACK * reader->options.max_layers;
    if (reader->layers == limit)
        return lip_fail(reader->ctx, LIP_TOO_LARGE,
                        "The ONNX graph has more than %zu layers, which is the "
                        "limit.",
                        reader->options.max_layers);
    if (reader->layers < reader->layer_room)
        return LIP_OK;
    size_t room = reader->layers ? 2 * reader->layers : 16;
    void *layer =
        lip_realloc(reader->ctx, reader->layer, room, sizeof *reader->layer);
    if (!layer)
        return lip_memory_status(reader->ctx);
    reader->layer = layer;
    void *origin =
        lip_realloc(reader->ctx, reader->origin, room, sizeof *reader->origin);
    if (!origin)
        return lip_memory_status(reader->ctx);
    reader->origin = origin;
    reader->layer_room = room;
    return LIP_OK;
}

/* The node's name, or its output's; a layer in front of the node's own has a
 * suffix. */
static void set_name(struct lip_layer *layer,
                     const struct lip_onnx_reader *reader, const char *suffix)
{
    char name[LIP_SPAN_TEXT];
    const struct lip_onnx_node *node = reader->node;
    if (!node)
        return;
    struct lip_span text = node->name;
    if (!text.size && node->outputs)
        text = reader->model.name[node->output].text;
    lip_span_text(name, text);
    size_t room = sizeof layer->name - strlen(suffix) - 1, used = strlen(name);
    while (used > room || (used && (name[used] & 0xc0) == 0x80))
        used--; /* not within a character */
    memcpy(layer->name, name, used);
    memcpy(layer->name + used, suffix, strlen(suffix) + 1);
}

enum lip_status lip_onnx_append(struct lip_layer **out,
                                struct lip_onnx_reader *reader,
                                const struct lip_layer_kind *kind,
                                size_t sources, const size_t *source,
                                const char *suffix)
{
    enum lip_status status = make_room(reader);
    if (status != LIP_OK)
        return status;
    size_t *own = lip_alloc(reader->ctx, sources, sizeof *own);
    if (!own)
        return lip_memory_status(reader->ctx);
    memcpy(own, source, sources * sizeof *own);
    struct lip_layer *layer = *out = &reader->layer[reader->layers];
    struct lip_onnx_origin *origin = &reader->origin[reader->layers++];
    memset(layer, 0, sizeof *layer);
    memset(origin, 0, sizeof *origin);
    layer->kind = kind;
    layer->source = own;
    layer->sources = sources;
    origin->node = reader->node;
    origin->from[0] = origin->from[1] = lip_onnx_plain(source[0]);
    if (kind && kind->parameter)
        for (size_t k = 0; kind->parameter[k].name; k++)
            layer->parameter[k] = kind->parameter[k].fallback;
    set_name(layer, reader, suffix);
    return LIP_OK;
}

/* --- shapes, as validate.c works them out, while the node is known */

static enum lip_status infer_plain(struct lip_layer *layer, size_t inputs,
                                   struct lip_ctx *ctx)
{
    enum lip_layer_role role = layer->kind->role;
    enum lip_status status = layer->kind->infer(layer, inputs, ctx);
    if (status != LIP_OK || layer->out.rank)
        return status;
    bool keeps = role == LIP_ROLE_ELEMENTWISE || role == LIP_ROLE_JOINT;
    layer->out = keeps ? layer->in : lip_shape_vector(layer->outputs);
    return LIP_OK;
}

static enum lip_status infer_shaped(struct lip_layer *layer,
                                    const struct lip_onnx_reader *reader,
                                    struct lip_ctx *ctx)
{
    struct lip_shape in[LIP_MAX_RANK];
    layer->inputs = 0;
    for (size_t k = 0; k < layer->sources; k++) {
        in[k] = reader->layer[layer->source[k]].out;
        layer->inputs += lip_shape_count(&in[k]);
    }
    enum lip_status status =
        layer->kind->infer_shape(layer, in, layer->sources, ctx);
    if (status != LIP_OK)
        return status;
    layer->outputs = lip_shape_count(&layer->out);
    if (layer->outputs == 0)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "more than %zu numbers, or none, come out of it.",
                        LIP_MAX_WIDTH);
    return LIP_OK;
}

enum lip_status lip_onnx_settle(struct lip_onnx_reader *reader)
{
    struct lip_ctx own = {.budget = reader->ctx ? reader->ctx->budget : NULL};
    struct lip_layer *layer = &reader->layer[lip_onnx_last(reader)];
    const struct lip_layer *from = layer->source[0] == LIP_FROM_INPUT
                                       ? NULL
                                       : &reader->layer[layer->source[0]];
    enum lip_status status;
    if (from)
        layer->in = from->out;
    if (layer->kind->infer_shape)
        status = infer_shaped(layer, reader, &own);
    else
        status = infer_plain(layer, from ? from->outputs : 0, &own);
    if (status == LIP_OK || !reader->node)
        return status == LIP_OK ? status
                                : lip_fail(reader->ctx, status,
                                           "The input of the ONNX "
                                           "graph: %s",
                                           own.error.detail);
    return lip_onnx_refuse(reader, status, "%s", own.error.detail);
}

enum lip_status lip_onnx_append_part(struct lip_onnx_reader *reader,
                                     enum lip_onnx_part part,
                                     struct lip_onnx_operand a,
                                     struct lip_onnx_operand b,
                                     const char *reason)
{
    struct lip_layer *layer;
    size_t source[2] = {a.layer, b.layer};
    enum lip_status status =
        lip_onnx_append(&layer, reader, NULL, 2, source, "");
    if (status != LIP_OK)
        return status;
    const struct lip_layer *from = &reader->layer[a.layer];
    struct lip_onnx_origin *origin = &reader->origin[lip_onnx_last(reader)];
    layer->in = layer->out = from->out;
    layer->inputs = layer->outputs = from->outputs;
    origin->part = part;
    origin->reason = reason;
    origin->from[0] = a;
    origin->from[1] = b;
    return LIP_OK;
}

/* --- tensors */

struct lip_tensor lip_onnx_hold(const struct lip_onnx_constant *constant)
{
    struct lip_tensor tensor = constant->real;
    lip_buffer_hold(tensor.buffer);
    return tensor;
}

enum lip_status lip_onnx_account(struct lip_onnx_reader *reader, size_t rank,
                                 const size_t *dim)
{
    size_t limit = LIP_ONNX_MADE + 2 * lip_buffer_size(reader->buffer);
    size_t left = limit - reader->made, count = 1;
    for (size_t k = 0; k < rank; k++)
        if (!dim[k])
            return LIP_OK;
    for (size_t k = 0; k < rank; k++) {
        count = dim[k] > left / count ? left + 1 : count * dim[k];
        if (count > left)
            return lip_onnx_refuse(reader, LIP_TOO_LARGE,
                                   "with it the graph moves or makes more than "
                                   "%zu numbers, which is the limit.",
                                   limit);
    }
    reader->made += count;
    return LIP_OK;
}

enum lip_status lip_onnx_tensor(struct lip_tensor *out, double **numbers,
                                size_t rank, const size_t *dim,
                                struct lip_onnx_reader *reader)
{
    struct lip_onnx_constant made;
    enum lip_status status = lip_onnx_account(reader, rank, dim);
    if (status == LIP_OK)
        status = lip_onnx_constant_new(&made, rank, dim, numbers, reader->ctx);
    if (status == LIP_OK)
        *out = made.real;
    return status;
}

enum lip_status lip_onnx_equal(struct lip_tensor *out, size_t count,
                               double number, struct lip_onnx_reader *reader)
{
    double *numbers = NULL;
    enum lip_status status = lip_onnx_tensor(out, &numbers, 1, &count, reader);
    for (size_t k = 0; status == LIP_OK && k < count; k++)
        numbers[k] = number;
    return status;
}

/* --- operands as layers */

/* x / c + b is a batch-norm of mean 0 and variance c^2, which knows how far a
 * quotient is off. */
static enum lip_status append_quotient(struct lip_onnx_reader *reader,
                                       struct lip_onnx_operand operand)
{
    struct lip_layer *layer;
    double c = operand.divisor, square = c * c;
    const struct lip_shape *shape = &reader->layer[operand.layer].out;
    size_t channels = shape->rank ? shape->dim[0] : 1;
    if (!isfinite(square) || fma(c, c, -square) != 0 || square < 0x1p-300)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it divides by %g, which is not done exactly. "
                               "Multiply by its reciprocal.",
                               c);
    enum lip_status status = lip_onnx_append(
        &layer, reader, &lip_layer_batch_norm, 1, &operand.layer, ":scale");
    if (status != LIP_OK)
        return status;
    layer->parameter[0] = 0;
    status = lip_onnx_equal(&layer->weight, channels,
                            copysign(1, c) * operand.scale, reader);
    if (status == LIP_OK && operand.shift != 0)
        status = lip_onnx_equal(&layer->bias, channels, operand.shift, reader);
    if (status == LIP_OK)
        status = lip_onnx_equal(&layer->mean, channels, 0, reader);
    if (status == LIP_OK)
        status = lip_onnx_equal(&layer->variance, channels, square, reader);
    return status == LIP_OK ? lip_onnx_settle(reader) : status;
}

static enum lip_status append_affine(struct lip_onnx_reader *reader,
                                     struct lip_onnx_operand operand)
{
    struct lip_layer *layer;
    enum lip_status status = lip_onnx_append(&layer, reader, &lip_layer_affine,
                                             1, &operand.layer, ":scale");
    if (status != LIP_OK)
        return status;
    /* 1 and 0 are copied, never computed, where they stand for nothing */
    if (operand.scale - 1 != 0)
        status = lip_onnx_equal(&layer->weight, 1, operand.scale, reader);
    if (status == LIP_OK && operand.shift != 0)
        status = lip_onnx_equal(&layer->bias, 1, operand.shift, reader);
    return status == LIP_OK ? lip_onnx_settle(reader) : status;
}

enum lip_status lip_onnx_enter(size_t *layer, struct lip_onnx_reader *reader,
                               struct lip_onnx_operand operand)
{
    *layer = operand.layer;
    bool divides = operand.divisor - 1 != 0;
    if (!divides && operand.scale - 1 == 0 && operand.shift == 0)
        return LIP_OK;
    enum lip_status status =
        reader->origin[operand.layer].part
            ? lip_onnx_append_part(reader, LIP_ONNX_OTHER, operand, operand,
                                   reader->origin[operand.layer].reason)
        : divides ? append_quotient(reader, operand)
                  : append_affine(reader, operand);
    *layer = lip_onnx_last(reader);
    reader->origin[*layer].from[0] = operand;
    return status;
}

static enum lip_status append_reshape(struct lip_onnx_reader *reader,
                                      size_t source,
                                      const struct lip_shape *shape)
{
    struct lip_layer *layer;
    enum lip_status status = lip_onnx_append(&layer, reader, &lip_layer_reshape,
                                             1, &source, ":reshape");
    if (status != LIP_OK)
        return status;
    struct lip_setting *setting = lip_layer_set(layer, "shape");
    setting->count = shape->rank;
    for (size_t k = 0; k < shape->rank; k++)
        setting->value[k] = (long)shape->dim[k];
    return lip_onnx_settle(reader);
}

/* Shapes behind a reshape are those in front of it, seen otherwise. */
enum lip_status lip_onnx_enter_as(size_t *layer, struct lip_onnx_reader *reader,
                                  struct lip_onnx_operand operand,
                                  const struct lip_shape *shape)
{
    enum lip_status status = lip_onnx_enter(layer, reader, operand);
    if (status != LIP_OK)
        return status;
    for (;;) {
        const struct lip_layer *from = &reader->layer[*layer];
        if (lip_shape_equal(&from->out, shape))
            return LIP_OK;
        if (from->kind != &lip_layer_reshape || *layer == 0)
            break;
        *layer = from->source[0];
    }
    /* The same again, for another branch, is the last layer. */
    status = append_reshape(reader, *layer, shape);
    *layer = lip_onnx_last(reader);
    return status;
}

enum lip_status lip_onnx_enter_axes(size_t *layer,
                                    struct lip_onnx_reader *reader,
                                    const struct lip_onnx_value *value,
                                    size_t from)
{
    struct lip_shape shape = {.rank = value->rank - from};
    memcpy(shape.dim, value->dim + from, shape.rank * sizeof *shape.dim);
    if (shape.rank == 0)
        shape = lip_shape_vector(1);
    return lip_onnx_enter_as(layer, reader, value->operand, &shape);
}

enum lip_status lip_onnx_activate(struct lip_onnx_reader *reader,
                                  const struct lip_activation *activation,
                                  const double *parameter,
                                  struct lip_onnx_operand operand)
{
    size_t from;
    struct lip_layer *layer;
    enum lip_status status = lip_onnx_enter(&from, reader, operand);
    if (status == LIP_OK)
        status = lip_onnx_append(&layer, reader, &lip_layer_activation, 1,
                                 &from, "");
    if (status != LIP_OK)
        return status;
    layer->activation = activation;
    for (size_t k = 0; activation->parameter[k].name; k++)
        layer->parameter[k] =
            parameter ? parameter[k] : activation->parameter[k].fallback;
    reader->origin[lip_onnx_last(reader)].from[0] = operand;
    return lip_onnx_settle(reader);
}
