/* SPDX-License-Identifier: MIT
 *
 * Layers as JSON. What a kind's members are called stands in the kind, so that
 * nothing here knows any of them. */
#include "formats/write_layers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct layer_writer {
    struct lip_output *output;
    const struct lip_network *network;
    size_t i;
    const struct lip_layer *layer;
    struct lip_write_style style;
};

/* The member that holds tensor k of a layer. A tensor in the place of an
 * activation's first parameter goes by that one's name. */
static const char *member_name(const struct lip_layer *layer, size_t k)
{
    if (layer->activation)
        return k == 0 ? layer->activation->parameter[0].name : NULL;
    return k == 0 ? layer->kind->weight_name : layer->kind->bias_name;
}

bool lip_written_tensor(struct lip_written_tensor *out,
                        const struct lip_network *network, size_t i, size_t k)
{
    const struct lip_layer *layer = &network->layer[i];
    const struct lip_tensor *tensor = k == 0 ? &layer->weight : &layer->bias;
    if (!tensor->data)
        return false;
    out->tensor = tensor;
    snprintf(out->name, sizeof out->name, "%zu.%s", i,
             layer->activation ? "weight" : member_name(layer, k));
    return true;
}

static void put_key(struct lip_output *output, const char *key)
{
    lip_output_text(output, ", \"");
    lip_output_text(output, key);
    lip_output_text(output, "\": ");
}

/* Numbers first .. first + count - 1 in row-major order. */
static void put_row(struct lip_output *output, const struct lip_tensor *tensor,
                    size_t first, size_t count)
{
    enum { CHUNK = 64 };
    double value[CHUNK];
    lip_output_text(output, "[");
    for (size_t j = 0; j < count && output->status == LIP_OK; j += CHUNK) {
        size_t n = count - j < CHUNK ? count - j : CHUNK;
        lip_tensor_widen_part(value, tensor, first + j, n);
        for (size_t k = 0; k < n; k++) {
            if (j + k)
                lip_output_text(output, ", ");
            lip_output_number(output, value[k]);
        }
    }
    lip_output_text(output, "]");
}

static void put_numbers(struct lip_output *output,
                        const struct lip_tensor *tensor)
{
    size_t count = lip_tensor_count(tensor);
    size_t cols = tensor->dim[tensor->rank - 1];
    if (tensor->rank == 1) {
        put_row(output, tensor, 0, count);
        return;
    }
    lip_output_text(output, "[");
    for (size_t i = 0; i < count && output->status == LIP_OK; i += cols) {
        if (i)
            lip_output_text(output, ",\n");
        put_row(output, tensor, i, cols);
        if (output->status == LIP_OK)
            output->status = lip_tick(output->ctx, "writing numbers", (double)i,
                                      (double)count, NAN);
    }
    lip_output_text(output, "]");
}

static void put_tensor(const struct layer_writer *writer, size_t k)
{
    struct lip_written_tensor written;
    struct lip_output *output = writer->output;
    if (!lip_written_tensor(&written, writer->network, writer->i, k))
        return;
    put_key(output, member_name(writer->layer, k));
    if (writer->style.named)
        lip_output_string(output, written.name, strlen(written.name));
    else
        put_numbers(output, written.tensor);
}

/* Whether the file alone does not tell the type. */
static bool type_is_lost(const struct lip_tensor *tensor,
                         struct lip_write_style style)
{
    if (!tensor->data)
        return false;
    return style.named ? style.no_bfloat16 && tensor->dtype == LIP_BF16
                       : tensor->dtype != LIP_F64;
}

static void put_type(struct lip_output *output, const char *key,
                     enum lip_dtype dtype)
{
    const char *name = lip_dtype_name(dtype);
    put_key(output, key);
    lip_output_string(output, name, strlen(name));
}

/* "dtype" speaks of the bias, too, unless "bias_dtype" does. */
static void put_types(const struct layer_writer *writer)
{
    const struct lip_tensor *weight = &writer->layer->weight;
    const struct lip_tensor *bias = &writer->layer->bias;
    bool lost = type_is_lost(weight, writer->style);
    if (lost)
        put_type(writer->output, "dtype", weight->dtype);
    if (bias->data && (lost ? bias->dtype != weight->dtype
                            : type_is_lost(bias, writer->style)))
        put_type(writer->output, "bias_dtype", bias->dtype);
}

static void put_parameters(const struct layer_writer *writer)
{
    const struct lip_layer *layer = writer->layer;
    const struct lip_parameter *parameter =
        layer->activation ? layer->activation->parameter : NULL;
    for (size_t k = 0; parameter && parameter[k].name; k++) {
        if (k == 0 && layer->weight.data)
            continue;
        put_key(writer->output, parameter[k].name);
        lip_output_number(writer->output, layer->parameter[k]);
    }
    if (layer->kind->group_name && layer->group) {
        put_key(writer->output, layer->kind->group_name);
        lip_output_size(writer->output, layer->group);
    }
}

static void put_layer(const struct layer_writer *writer)
{
    struct lip_output *output = writer->output;
    const char *type = lip_layer_type(writer->layer);
    const char *name = writer->layer->name;
    lip_output_text(output, "{\"type\": ");
    lip_output_string(output, type, strlen(type));
    if (*name) {
        put_key(output, "name");
        lip_output_string(output, name, strlen(name));
    }
    put_parameters(writer);
    put_types(writer);
    for (size_t k = 0; k < LIP_TENSORS_OF_LAYER; k++)
        put_tensor(writer, k);
    lip_output_text(output, "}");
}

void lip_write_layers(struct lip_output *output,
                      const struct lip_network *network,
                      struct lip_write_style style)
{
    lip_output_text(output, "[");
    for (size_t i = 0; i < network->count; i++) {
        if (i)
            lip_output_text(output, ",\n");
        put_layer(&(struct layer_writer){.output = output,
                                         .network = network,
                                         .i = i,
                                         .layer = &network->layer[i],
                                         .style = style});
    }
    lip_output_text(output, "]");
}

void lip_write_metadata(struct lip_output *output,
                        const struct lip_metadata *metadata)
{
    lip_output_text(output, "{");
    for (size_t i = 0; metadata && i < metadata->count; i++) {
        const struct lip_metadatum *item = &metadata->item[i];
        if (i)
            lip_output_text(output, ", ");
        lip_output_string(output, item->name, strlen(item->name));
        lip_output_text(output, ": ");
        lip_output_string(output, item->value, strlen(item->value));
    }
    lip_output_text(output, "}");
}
