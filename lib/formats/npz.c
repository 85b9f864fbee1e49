/* SPDX-License-Identifier: MIT
 *
 * Reading npz: the arrays of a zip file, one after another. */
#include "formats/npz.h"

#include "formats/archive.h"
#include "formats/npy.h"
#include "formats/reader.h"
#include "formats/weights.h"

#include <math.h>
#include <string.h>

/* An entry's bytes as a buffer; NULL with the error recorded. */
static struct lip_buffer *read_entry(struct lip_archive *archive, size_t i,
                                     size_t size, struct lip_ctx *ctx)
{
    unsigned char *block = lip_alloc(ctx, size, 1);
    if (!block)
        return NULL;
    if (lip_archive_begin(archive, i) != LIP_OK ||
        lip_archive_read(archive, block, size) != LIP_OK ||
        lip_archive_end(archive) != LIP_OK) {
        lip_free(block);
        return NULL;
    }
    return lip_buffer_take(block, size, ctx);
}

/* The bytes of an array of bytes: a view; NULL with the error recorded. */
static struct lip_buffer *bytes_of_array(struct lip_buffer *array,
                                         struct lip_ctx *ctx)
{
    struct lip_npy_header header;
    size_t size = lip_buffer_size(array);
    if (lip_npy_header_read(&header, lip_buffer_bytes(array), size,
                            LIP_NPZ_DOCUMENT, ctx) != LIP_OK)
        return NULL;
    size -= header.data;
    if (strcmp(header.descr, "|u1") == 0 && header.rank == 1 &&
        header.dim[0] == size)
        return lip_buffer_view(array, header.data, size, ctx);
    lip_fail_at(ctx, LIP_INVALID, LIP_AT_TENSOR, LIP_NPZ_DOCUMENT,
                "Array \"" LIP_NPZ_DOCUMENT "\" must be a list of bytes "
                "(uint8): the JSON that says which layers the file holds. "
                "Rename or remove it.");
    return NULL;
}

static enum lip_status add_document(struct lip_tensor_list *list,
                                    struct lip_archive *archive, size_t i,
                                    struct lip_ctx *ctx)
{
    struct lip_entry entry;
    enum lip_status status = lip_archive_entry(&entry, archive, i);
    if (status != LIP_OK)
        return status;
    if (list->layers)
        return lip_fail(ctx, LIP_MALFORMED, "The zip file has \"%.80s\" twice.",
                        entry.name);
    struct lip_buffer *array = read_entry(archive, i, entry.size, ctx);
    if (array)
        list->layers = bytes_of_array(array, ctx);
    lip_buffer_put(array);
    if (list->layers)
        return LIP_OK;
    return ctx ? ctx->error.status : LIP_MALFORMED;
}

static enum lip_status add_array(struct lip_tensor_list *list,
                                 struct lip_archive *archive, size_t i,
                                 struct lip_ctx *ctx)
{
    struct lip_entry entry;
    enum lip_status status = lip_archive_entry(&entry, archive, i);
    if (status != LIP_OK)
        return status;
    if (strcmp(entry.name, LIP_NPZ_DOCUMENT) == 0)
        return add_document(list, archive, i, ctx);
    struct lip_named_tensor *named = lip_tensor_list_add(list, ctx);
    struct lip_buffer *buffer =
        named ? read_entry(archive, i, entry.size, ctx) : NULL;
    if (!buffer)
        return ctx ? ctx->error.status : LIP_MALFORMED;
    memcpy(named->name, entry.name, sizeof entry.name);
    status = lip_npy_read(&named->tensor, buffer, named->name, ctx);
    lip_buffer_put(buffer);
    return status;
}

enum lip_status lip_npz_read(struct lip_tensor_list *list,
                             struct lip_buffer *bytes,
                             const struct lip_read_options *options,
                             struct lip_ctx *ctx)
{
    struct lip_read_options filled;
    struct lip_archive *archive;
    lip_read_options_fill(&filled, options);
    enum lip_status status =
        lip_archive_open(&archive, lip_buffer_bytes(bytes),
                         lip_buffer_size(bytes), filled.max_tensors, ctx);
    if (status != LIP_OK)
        return status;
    status = lip_archive_check_total(archive, filled.max_inflated);
    size_t count = lip_archive_count(archive);
    for (size_t i = 0; i < count && status == LIP_OK; i++) {
        status = add_array(list, archive, i, ctx);
        if (status == LIP_OK)
            status =
                lip_tick(ctx, "reading npz", (double)i, (double)count, NAN);
    }
    lip_archive_close(archive);
    return status;
}

static enum lip_status read(struct lip_network **out, struct lip_buffer *bytes,
                            const struct lip_read_options *options,
                            struct lip_ctx *ctx)
{
    return lip_weights_read(out, bytes, options, ctx, lip_npz_read);
}

const struct lip_format lip_format_npz = {
    .name = "npz",
    .title = "NumPy npz: named weights, float64, float32 or float16",
    .media_type = "application/x-npz",
    .weights_only = true,
    .detect = lip_archive_detect,
    .read = read,
};
