/* SPDX-License-Identifier: MIT
 *
 * Writing npz: a zip file of npy arrays, stored and not packed, with a fixed
 * date, so that the same model gives the same bytes. The layers and the
 * metadata are one more array, of bytes. NumPy has no bfloat16: such numbers
 * are written as float32, and the layers tell. */
#include "formats/npz.h"
#include "formats/write_layers.h"
#include "formats/writer.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum {
    VERSION = 20,               /* of zip that a reader needs */
    DATE = 1 | 1 << 5 | 0 << 9, /* 1 January 1980 */
    LOCAL_HEADER = 30,
    NPY_ALIGNMENT = 64,
    NPY_PREFIX = 10,
    MAX_ENTRIES = 65534
};
static const size_t max_size = 0xfffffffe;

struct archive {
    struct lip_output file, directory;
    size_t entries;
};

/* The fields that the local header and the directory share. */
static void put_fields(struct lip_output *to, const char *name, uint32_t crc,
                       size_t size)
{
    lip_output_little(to, VERSION, 2);
    lip_output_little(to, 1 << 11, 2); /* names are UTF-8 */
    lip_output_little(to, 0, 2);       /* stored */
    lip_output_little(to, 0, 2);
    lip_output_little(to, DATE, 2);
    lip_output_little(to, crc, 4);
    lip_output_little(to, size, 4);
    lip_output_little(to, size, 4);
    lip_output_little(to, strlen(name), 2);
    lip_output_little(to, 0, 2); /* no extra field */
}

static uint32_t checksum(const unsigned char *bytes, size_t size)
{
    uLong crc = crc32(0, NULL, 0);
    while (size) {
        uInt part = size < 1 << 30 ? (uInt)size : 1 << 30;
        crc = crc32(crc, bytes, part);
        bytes += part;
        size -= part;
    }
    return (uint32_t)crc;
}

static void put_entry(struct archive *archive, const char *name,
                      const struct lip_output *content)
{
    struct lip_output *file = &archive->file, *directory = &archive->directory;
    size_t offset = file->size;
    if (file->status == LIP_OK)
        file->status = content->status;
    if (file->status != LIP_OK)
        return;
    uint32_t crc = checksum(content->data, content->size);
    lip_output_bytes(file, "PK\3\4", 4);
    put_fields(file, name, crc, content->size);
    lip_output_text(file, name);
    lip_output_bytes(file, content->data, content->size);
    lip_output_bytes(directory, "PK\1\2", 4);
    lip_output_little(directory, VERSION, 2);
    put_fields(directory, name, crc, content->size);
    lip_output_little(directory, 0, 2); /* no comment */
    lip_output_little(directory, 0, 2); /* disk */
    lip_output_little(directory, 0, 2); /* attributes, inside and outside */
    lip_output_little(directory, 0, 4);
    lip_output_little(directory, offset, 4);
    lip_output_text(directory, name);
    archive->entries++;
}

static void put_end(struct archive *archive)
{
    struct lip_output *file = &archive->file, *directory = &archive->directory;
    size_t offset = file->size, size = directory->size;
    if (file->status == LIP_OK)
        file->status = directory->status;
    lip_output_bytes(file, directory->data, size);
    lip_output_bytes(file, "PK\5\6\0\0\0\0", 8);
    lip_output_little(file, archive->entries, 2);
    lip_output_little(file, archive->entries, 2);
    lip_output_little(file, size, 4);
    lip_output_little(file, offset, 4);
    lip_output_little(file, 0, 2);
    if (file->status == LIP_OK &&
        (file->size > max_size || archive->entries > MAX_ENTRIES))
        file->status =
            lip_fail(file->ctx, LIP_TOO_LARGE,
                     "The model is too large for an npz file, which holds up "
                     "to 4 GB and 65534 arrays. Ask for safetensors.");
}

/* The header of an array of this shape, which ends where numbers may begin. */
static void put_npy_header(struct lip_output *output, const char *descr,
                           const size_t *dim, size_t rank)
{
    char text[200];
    int used =
        snprintf(text, sizeof text,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (size_t k = 0; k < rank; k++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%zu",
                         k ? ", " : "", dim[k]);
    used += snprintf(text + used, sizeof text - (size_t)used, "%s), }",
                     rank == 1 ? "," : "");
    size_t size = (size_t)used + 1;
    size +=
        (NPY_ALIGNMENT - (NPY_PREFIX + size) % NPY_ALIGNMENT) % NPY_ALIGNMENT;
    lip_output_bytes(output, "\x93NUMPY\1\0", 8);
    lip_output_little(output, size, 2);
    lip_output_text(output, text);
    while (output->status == LIP_OK && (output->size + 1) % NPY_ALIGNMENT)
        lip_output_text(output, " ");
    lip_output_text(output, "\n");
}

/* bfloat16 as float32: its bits with sixteen zeros behind. */
static void put_bfloat16(struct lip_output *output,
                         const struct lip_tensor *tensor)
{
    size_t count = lip_tensor_count(tensor);
    unsigned char *room = lip_output_room(output, 4 * count);
    if (!room)
        return;
    lip_tensor_copy(room + 2 * count, tensor);
    for (size_t i = 0; i < count; i++) {
        memmove(room + 4 * i + 2, room + 2 * (count + i), 2);
        memset(room + 4 * i, 0, 2);
    }
}

static void put_tensor(struct archive *archive,
                       const struct lip_written_tensor *written)
{
    static const char *const descr[] = {[LIP_F64] = "<f8",
                                        [LIP_F32] = "<f4",
                                        [LIP_F16] = "<f2",
                                        [LIP_BF16] = "<f4"};
    const struct lip_tensor *tensor = written->tensor;
    struct lip_output content = {.ctx = archive->file.ctx};
    char name[64];
    snprintf(name, sizeof name, "%s.npy", written->name);
    put_npy_header(&content, descr[tensor->dtype], tensor->dim, tensor->rank);
    if (tensor->dtype == LIP_BF16)
        put_bfloat16(&content, tensor);
    else
        lip_output_tensor(&content, tensor);
    put_entry(archive, name, &content);
    lip_output_clear(&content);
}

static void put_document(struct archive *archive,
                         const struct lip_network *network,
                         const struct lip_metadata *metadata)
{
    struct lip_output text = {.ctx = archive->file.ctx};
    struct lip_output content = {.ctx = archive->file.ctx};
    lip_output_text(&text, "{\"metadata\": ");
    lip_write_metadata(&text, metadata);
    lip_output_text(&text, ",\n\"layers\": ");
    lip_write_layers(
        &text, network,
        (struct lip_write_style){.named = true, .no_bfloat16 = true});
    lip_output_text(&text, "}\n");
    put_npy_header(&content, "|u1", &text.size, 1);
    lip_output_bytes(&content, text.data, text.size);
    if (text.status != LIP_OK)
        content.status = text.status;
    put_entry(archive, LIP_NPZ_DOCUMENT ".npy", &content);
    lip_output_clear(&text);
    lip_output_clear(&content);
}

static enum lip_status write_npz(unsigned char **out, size_t *size,
                                 const struct lip_network *network,
                                 const struct lip_metadata *metadata,
                                 struct lip_ctx *ctx)
{
    struct archive archive = {.file.ctx = ctx, .directory.ctx = ctx};
    struct lip_written_tensor written;
    for (size_t i = 0; i < network->count; i++)
        for (int part = 0; part < LIP_PARTS; part++)
            if (lip_written_tensor(&written, network, i, (enum lip_part)part))
                put_tensor(&archive, &written);
    put_document(&archive, network, metadata);
    put_end(&archive);
    lip_output_clear(&archive.directory);
    return lip_output_finish(out, size, &archive.file);
}

const struct lip_writer lip_writer_npz = {
    .name = "npz",
    .media_type = "application/x-npz",
    .extension = ".npz",
    .write = write_npz,
};
