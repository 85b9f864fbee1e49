/* SPDX-License-Identifier: MIT
 *
 * The layers that are left at the end: those that the output needs. */
#include "formats/onnx/reader.h"
#include "formats/reader.h"

/* Marks the layers that the last one needs; a part of a pattern among them is
 * what is refused. */
static enum lip_status mark_layers(unsigned char *used,
                                   struct lip_onnx_reader *reader, size_t last)
{
    used[last] = 1;
    size_t refused = SIZE_MAX;
    for (size_t i = last + 1; i-- > 0;) {
        if (!used[i])
            continue;
        if (reader->origin[i].part)
            refused = i;
        const struct lip_layer *layer = &reader->layer[i];
        for (size_t k = 0; k < layer->sources; k++)
            if (layer->source[k] != LIP_FROM_INPUT)
                used[layer->source[k]] = 1;
    }
    if (refused == SIZE_MAX)
        return LIP_OK;
    reader->node = reader->origin[refused].node;
    return lip_onnx_refuse(reader, LIP_UNSUPPORTED, "%s",
                           reader->origin[refused].reason);
}

/* Dense layers ask for a length only: in front of them the input needs no
 * shape. */
static void free_input(unsigned char *used, struct lip_onnx_reader *reader)
{
    for (size_t i = 1; i < reader->layers; i++) {
        const struct lip_layer *layer = &reader->layer[i];
        for (size_t k = 0; used[i] && k < layer->sources; k++)
            if (layer->source[k] == 0 && layer->kind != &lip_layer_dense)
                return;
    }
    if (reader->layers < 2 || !used[0])
        return;
    used[0] = 0;
    for (size_t i = 1; i < reader->layers; i++)
        for (size_t k = 0; k < reader->layer[i].sources; k++)
            if (reader->layer[i].source[k] == 0)
                reader->layer[i].source[k] = LIP_FROM_INPUT;
}

/* Drops the unused layers; `place` has room for one number a layer. */
static void compact(size_t *place, const unsigned char *used,
                    struct lip_onnx_reader *reader)
{
    size_t kept = 0;
    for (size_t i = 0; i < reader->layers; i++) {
        struct lip_layer *layer = &reader->layer[i];
        if (!used[i]) {
            lip_layer_clear(layer);
            continue;
        }
        for (size_t k = 0; k < layer->sources; k++)
            if (layer->source[k] != LIP_FROM_INPUT)
                layer->source[k] = place[layer->source[k]];
        place[i] = kept;
        if (kept != i)
            reader->layer[kept] = *layer;
        kept++;
    }
    reader->layers = kept;
}

/* A layer that takes the numbers of the one just before says nothing of it. */
static void forget_plain_sources(struct lip_onnx_reader *reader)
{
    for (size_t i = 0; i < reader->layers; i++) {
        struct lip_layer *layer = &reader->layer[i];
        size_t before = i ? i - 1 : LIP_FROM_INPUT;
        if (layer->sources != 1 || layer->source[0] != before)
            continue;
        lip_free(layer->source);
        layer->source = NULL;
        layer->sources = 0;
    }
}

enum lip_status lip_onnx_keep_used(struct lip_onnx_reader *reader, size_t last)
{
    unsigned char *used = lip_calloc(reader->ctx, reader->layers, 1);
    size_t *place = lip_alloc(reader->ctx, reader->layers, sizeof *place);
    enum lip_status status = used && place ? mark_layers(used, reader, last)
                                           : lip_memory_status(reader->ctx);
    if (status == LIP_OK) {
        free_input(used, reader);
        compact(place, used, reader);
        forget_plain_sources(reader);
    }
    lip_free(used);
    lip_free(place);
    if (status == LIP_OK && reader->layers > reader->options.max_layers)
        return lip_fail(reader->ctx, LIP_TOO_LARGE,
                        "The ONNX graph has %zu layers, more than the limit of "
                        "%zu.",
                        reader->layers, reader->options.max_layers);
    return status;
}
