/* SPDX-License-Identifier: MIT
 *
 * Writing safetensors. The layers go into the metadata, which other readers
 * pass over. */
#include "formats/safetensors.h"
#include "formats/write_layers.h"
#include "formats/writer.h"

#include "base/size.h"

#include <string.h>

enum { ALIGNMENT = 8 };

static const char *dtype_name(enum lip_dtype dtype)
{
    static const char *const name[] = {[LIP_F64] = "F64",
                                       [LIP_F32] = "F32",
                                       [LIP_F16] = "F16",
                                       [LIP_BF16] = "BF16"};
    return name[dtype];
}

static void put_metadata(struct lip_output *header,
                         const struct lip_network *network,
                         const struct lip_metadata *metadata)
{
    struct lip_output layers = {.ctx = header->ctx};
    lip_write_layers(&layers, network, (struct lip_write_style){.named = true});
    if (layers.status != LIP_OK)
        header->status = layers.status;
    lip_output_text(header, "{\"__metadata__\":{\"" LIP_LAYERS_KEY "\":");
    lip_output_string(header, layers.data, layers.size);
    lip_output_clear(&layers);
    for (size_t i = 0; metadata && i < metadata->count; i++) {
        const struct lip_metadatum *item = &metadata->item[i];
        if (strcmp(item->name, LIP_LAYERS_KEY) == 0)
            continue;
        lip_output_text(header, ",");
        lip_output_string(header, item->name, strlen(item->name));
        lip_output_text(header, ":");
        lip_output_string(header, item->value, strlen(item->value));
    }
    lip_output_text(header, "}");
}

/* One entry; *at is where its bytes begin, and then where they end. */
static void put_entry(struct lip_output *header,
                      const struct lip_written_tensor *written, size_t *at)
{
    const struct lip_tensor *tensor = written->tensor;
    lip_output_text(header, ",");
    lip_output_string(header, written->name, strlen(written->name));
    lip_output_text(header, ":{\"dtype\":\"");
    lip_output_text(header, dtype_name(tensor->dtype));
    lip_output_text(header, "\",\"shape\":[");
    for (size_t k = 0; k < tensor->rank; k++) {
        lip_output_text(header, k ? "," : "");
        lip_output_size(header, tensor->dim[k]);
    }
    lip_output_text(header, "],\"data_offsets\":[");
    lip_output_size(header, *at);
    lip_output_text(header, ",");
    *at += lip_tensor_count(tensor) * lip_dtype_size(tensor->dtype);
    lip_output_size(header, *at);
    lip_output_text(header, "]}");
}

/* The next tensor in the order in which their bytes lie: wide elements first,
 * so that each begins at a multiple of its elements' size, which is what some
 * readers ask for. All zero is in front of the first. */
struct walk {
    struct lip_written_tensor written;
    size_t next; /* among all, as many times as there are sizes */
};

static bool walk_on(struct walk *walk, const struct lip_network *network)
{
    static const size_t size[] = {8, 4, 2};
    const size_t places = network->count * LIP_PARTS;
    while (walk->next < places * (sizeof size / sizeof *size)) {
        size_t round = walk->next / places, place = walk->next % places;
        walk->next++;
        if (lip_written_tensor(&walk->written, network, place / LIP_PARTS,
                               (enum lip_part)(place % LIP_PARTS)) &&
            lip_dtype_size(walk->written.tensor->dtype) == size[round])
            return true;
    }
    return false;
}

static void put_entries(struct lip_output *header,
                        const struct lip_network *network)
{
    struct walk walk = {.next = 0};
    size_t at = 0;
    while (walk_on(&walk, network))
        put_entry(header, &walk.written, &at);
    lip_output_text(header, "}");
    while (header->status == LIP_OK && header->size % ALIGNMENT)
        lip_output_text(header, " ");
}

static void put_numbers(struct lip_output *output,
                        const struct lip_network *network)
{
    struct walk walk = {.next = 0};
    while (walk_on(&walk, network))
        lip_output_tensor(output, walk.written.tensor);
}

static enum lip_status write(unsigned char **out, size_t *size,
                             const struct lip_network *network,
                             const struct lip_metadata *metadata,
                             struct lip_ctx *ctx)
{
    struct lip_output header = {.ctx = ctx}, output = {.ctx = ctx};
    put_metadata(&header, network, metadata);
    put_entries(&header, network);
    if (header.status == LIP_OK && header.size > LIP_SAFETENSORS_HEADER)
        header.status = lip_fail(ctx, LIP_TOO_LARGE,
                                 "The header of the safetensors file would "
                                 "be over the limit of %d bytes.",
                                 LIP_SAFETENSORS_HEADER);
    output.status = header.status;
    lip_output_little(&output, header.size, 8);
    lip_output_bytes(&output, header.data, header.size);
    lip_output_clear(&header);
    put_numbers(&output, network);
    return lip_output_finish(out, size, &output);
}

const struct lip_writer lip_writer_safetensors = {
    .name = "safetensors",
    .media_type = "application/vnd.safetensors",
    .extension = ".safetensors",
    .write = write,
};
