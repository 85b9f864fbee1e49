/* SPDX-License-Identifier: MIT
 *
 * Layers as JSON. What a kind's members are called stands in the kind, so that
 * nothing here knows any of them. */
#include "formats/write_layers.h"

#include "formats/json_string.h"
#include "formats/layer_names.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct layer_writer {
    struct lip_output *output;
    const struct lip_network *network;
    size_t i;
    const struct lip_layer *layer;
    const struct lip_layer_names *names;
    struct lip_write_style style;
};

bool lip_written_tensor(struct lip_written_tensor *out,
                        const struct lip_network *network, size_t i,
                        enum lip_part part)
{
    const struct lip_layer *layer = &network->layer[i];
    const struct lip_tensor *tensor = lip_layer_tensor_const(layer, part);
    if (!tensor->data)
        return false;
    out->tensor = tensor;
    snprintf(out->name, sizeof out->name, "%zu.%s", i,
             layer->activation ? "weight" : lip_layer_tensor_name(layer, part));
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

/* How many of the outer dimensions, all but the last, begin with row i (or end
 * before it). */
static size_t levels_at(const struct lip_tensor *tensor, size_t i)
{
    size_t levels = 0;
    for (size_t k = tensor->rank - 1; k-- > 0;) {
        levels++;
        if (i % tensor->dim[k] != 0)
            return levels - 1;
        i /= tensor->dim[k];
    }
    return levels;
}

static void repeat(struct lip_output *output, const char *text, size_t times)
{
    while (times-- > 0)
        lip_output_text(output, text);
}

static void put_numbers(struct lip_output *output,
                        const struct lip_tensor *tensor)
{
    size_t count = lip_tensor_count(tensor);
    if (tensor->rank == 0) {
        lip_output_number(output, lip_tensor_at(tensor, 0));
        return;
    }
    size_t cols = tensor->dim[tensor->rank - 1], rows = count / cols;
    for (size_t i = 0; i < rows && output->status == LIP_OK; i++) {
        size_t levels = levels_at(tensor, i);
        if (i) {
            repeat(output, "]", levels);
            lip_output_text(output, levels || tensor->rank == 2 ? ",\n" : ", ");
        }
        repeat(output, "[", levels);
        put_row(output, tensor, i * cols, cols);
        if (output->status == LIP_OK)
            output->status = lip_tick(output->ctx, "writing numbers",
                                      (double)(i * cols), (double)count, NAN);
    }
    repeat(output, "]", tensor->rank - 1);
}

static void put_tensor(const struct layer_writer *writer, enum lip_part part)
{
    struct lip_written_tensor written;
    struct lip_output *output = writer->output;
    if (!lip_written_tensor(&written, writer->network, writer->i, part))
        return;
    put_key(output, lip_layer_tensor_name(writer->layer, part));
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

/* "dtype" speaks of all tensors of which no member of their own does. */
static void put_types(const struct layer_writer *writer)
{
    static const char *const key[LIP_PARTS] = {"dtype", "bias_dtype",
                                               "mean_dtype", "variance_dtype"};
    const struct lip_tensor *weight = &writer->layer->weight;
    bool lost = type_is_lost(weight, writer->style);
    for (int part = 0; part < LIP_PARTS; part++) {
        const struct lip_tensor *tensor =
            lip_layer_tensor_const(writer->layer, (enum lip_part)part);
        bool differs = lost && part != LIP_PART_WEIGHT
                           ? tensor->dtype != weight->dtype
                           : type_is_lost(tensor, writer->style);
        if (tensor->data && differs)
            put_type(writer->output, key[part], tensor->dtype);
    }
}

static void put_parameters(const struct layer_writer *writer)
{
    const struct lip_layer *layer = writer->layer;
    const struct lip_parameter *parameter = lip_layer_parameters(layer);
    for (size_t k = 0; parameter && parameter[k].name; k++) {
        if (k == 0 && layer->activation && layer->weight.data)
            continue;
        put_key(writer->output, parameter[k].name);
        lip_output_number(writer->output, layer->parameter[k]);
    }
    if (layer->kind->group_name && layer->group) {
        put_key(writer->output, layer->kind->group_name);
        lip_output_size(writer->output, layer->group);
    }
}

static void put_whole(struct lip_output *output, long value)
{
    char text[24];
    snprintf(text, sizeof text, "%ld", value);
    lip_output_text(output, text);
}

static void put_settings(const struct layer_writer *writer)
{
    const struct lip_setting_kind *kind = writer->layer->kind->setting;
    struct lip_output *output = writer->output;
    for (size_t k = 0; kind && kind[k].name; k++) {
        const struct lip_setting *setting = &writer->layer->setting[k];
        bool list = kind[k].most > 1;
        if (setting->count == 0)
            continue;
        put_key(output, kind[k].name);
        lip_output_text(output, list ? "[" : "");
        for (size_t j = 0; j < setting->count; j++) {
            lip_output_text(output, j ? ", " : "");
            put_whole(output, setting->value[j]);
        }
        lip_output_text(output, list ? "]" : "");
    }
}

/* By its name where that is its alone, else by its number. */
static void put_source(const struct layer_writer *writer, size_t from)
{
    const struct lip_layer *layer = writer->network->layer;
    const char *name =
        from == LIP_FROM_INPUT ? LIP_INPUT_NAME : layer[from].name;
    size_t index, found = lip_layer_names_find(&index, writer->names, name);
    bool input = strcmp(name, LIP_INPUT_NAME) == 0;
    if (from == LIP_FROM_INPUT ||
        (*name && found == 1 && !input &&
         lip_utf8_valid((const unsigned char *)name, strlen(name))))
        lip_output_string(writer->output, name, strlen(name));
    else
        lip_output_size(writer->output, from);
}

/* What a layer takes its numbers from, unless it is the one just before. */
static void put_sources(const struct layer_writer *writer)
{
    const struct lip_network *network = writer->network;
    size_t i = writer->i, count = lip_network_sources(network, i);
    size_t before = i > 0 ? i - 1 : LIP_FROM_INPUT;
    if (count == 1 && lip_network_source(network, i, 0) == before)
        return;
    put_key(writer->output, "inputs");
    lip_output_text(writer->output, "[");
    for (size_t k = 0; k < count; k++) {
        lip_output_text(writer->output, k ? ", " : "");
        put_source(writer, lip_network_source(network, i, k));
    }
    lip_output_text(writer->output, "]");
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
    put_sources(writer);
    put_parameters(writer);
    put_settings(writer);
    put_types(writer);
    for (int part = 0; part < LIP_PARTS; part++)
        put_tensor(writer, (enum lip_part)part);
    lip_output_text(output, "}");
}

void lip_write_layers(struct lip_output *output,
                      const struct lip_network *network,
                      struct lip_write_style style)
{
    struct lip_layer_names names = {0};
    if (output->status == LIP_OK)
        output->status = lip_layer_names_new(&names, network->layer,
                                             network->count, output->ctx);
    lip_output_text(output, "[");
    for (size_t i = 0; i < network->count; i++) {
        if (i)
            lip_output_text(output, ",\n");
        put_layer(&(struct layer_writer){.output = output,
                                         .network = network,
                                         .i = i,
                                         .layer = &network->layer[i],
                                         .names = &names,
                                         .style = style});
    }
    lip_output_text(output, "]");
    lip_layer_names_clear(&names);
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
