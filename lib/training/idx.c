/* SPDX-License-Identifier: MIT
 *
 * Reading idx files: 0, 0, element type, rank, then the sizes as big-endian
 * 32-bit numbers, then the elements. */
#include "training/idx.h"

#include "base/size.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

/* Bytes as the reader sees them: inflated into `own`, or those given. */
struct plain {
    const unsigned char *data;
    size_t size;
    unsigned char *own;
};

static bool is_gzip(struct lip_bytes bytes)
{
    return bytes.size >= 2 && bytes.data[0] == 0x1f && bytes.data[1] == 0x8b;
}

/* Grows the output to twice its size, at most one byte over the limit. */
static bool grow(struct plain *out, size_t *room, size_t limit,
                 struct lip_ctx *ctx)
{
    size_t more = *room ? 2 * *room : 1 << 16;
    if (limit && more > limit + 1)
        more = limit + 1;
    unsigned char *bigger = lip_realloc(ctx, out->own, more, 1);
    if (!bigger)
        return false;
    out->own = bigger;
    *room = more;
    return true;
}

static enum lip_status inflate_all(struct plain *out, z_stream *stream,
                                   size_t limit, struct lip_ctx *ctx)
{
    size_t room = 0;
    for (int code = Z_OK; code != Z_STREAM_END;) {
        if (limit && out->size > limit)
            return lip_fail(ctx, LIP_TOO_LARGE,
                            "The gzip file inflates to more than the %zu bytes "
                            "allowed.",
                            limit);
        if (out->size == room && !grow(out, &room, limit, ctx))
            return ctx ? ctx->error.status : LIP_NO_MEMORY;
        size_t left = room - out->size;
        uInt now = left > UINT_MAX / 2 ? UINT_MAX / 2 : (uInt)left;
        stream->next_out = out->own + out->size;
        stream->avail_out = now;
        code = inflate(stream, Z_NO_FLUSH);
        out->size += now - stream->avail_out;
        if (code != Z_OK && code != Z_STREAM_END)
            return lip_fail(ctx, LIP_MALFORMED,
                            "The gzip file is cut or damaged after %lu bytes.",
                            stream->total_in);
    }
    return LIP_OK;
}

static enum lip_status open_bytes(struct plain *out, struct lip_bytes bytes,
                                  size_t limit, struct lip_ctx *ctx)
{
    *out = (struct plain){bytes.data, bytes.size, NULL};
    if (!is_gzip(bytes))
        return LIP_OK;
    if (bytes.size > UINT_MAX)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "The gzip file has %zu bytes: at most %u are taken.",
                        bytes.size, UINT_MAX);
    z_stream stream = {.next_in = (unsigned char *)bytes.data,
                       .avail_in = (uInt)bytes.size};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
        return lip_fail(ctx, LIP_NO_MEMORY, "Out of memory.");
    out->size = 0;
    enum lip_status status = inflate_all(out, &stream, limit, ctx);
    inflateEnd(&stream);
    if (status != LIP_OK) {
        lip_free(out->own);
        out->own = NULL;
    }
    out->data = out->own;
    return status;
}

static size_t big_endian(const unsigned char *at)
{
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 |
           at[3];
}

/* What an idx header says; `item` is the product of the sizes but the first. */
struct idx {
    size_t count, item;
    const unsigned char *element;
};

static enum lip_status read_header(struct idx *out, const struct plain *file,
                                   const char *what, size_t min_rank,
                                   size_t max_rank, struct lip_ctx *ctx)
{
    const unsigned char *at = file->data;
    if (file->size < 4 || at[0] || at[1] || at[2] != 8)
        return lip_fail_at(ctx, LIP_MALFORMED, LIP_AT_BYTE, "0",
                           "The %s are no idx file of unsigned bytes: it would "
                           "begin with 0, 0, 8.",
                           what);
    size_t rank = at[3], end = 4 + 4 * rank, total = 1;
    if (rank < min_rank || rank > max_rank || file->size < end)
        return lip_fail_at(ctx, LIP_MALFORMED, LIP_AT_BYTE, "3",
                           "The %s have %zu dimensions in a file of %zu bytes: "
                           "%zu to %zu are expected.",
                           what, rank, file->size, min_rank, max_rank);
    bool fits = true;
    out->item = 1;
    out->count = big_endian(at + 4);
    for (size_t k = 1; k < rank; k++)
        fits = fits &&
               lip_size_mul(&out->item, out->item, big_endian(at + 4 + 4 * k));
    fits = fits && lip_size_mul(&total, out->count, out->item);
    if (!fits || total != file->size - end)
        return lip_fail_at(ctx, LIP_MALFORMED, LIP_AT_BYTE, "4",
                           "The %s hold %zu bytes after the header, which is "
                           "not the product of the sizes it names.",
                           what, file->size - end);
    out->element = at + end;
    return LIP_OK;
}

static enum lip_status fill(struct lip_data **out, const struct idx *image,
                            const struct idx *label, struct lip_ctx *ctx)
{
    if (image->count != label->count)
        return lip_fail(ctx, LIP_INVALID,
                        "There are %zu images and %zu labels: the two files do "
                        "not belong together.",
                        image->count, label->count);
    size_t classes = 1;
    for (size_t i = 0; i < label->count; i++)
        if (label->element[i] >= classes)
            classes = label->element[i] + 1u;
    enum lip_status status =
        lip_data_new(out, image->count, image->item, classes, 0, ctx);
    if (status != LIP_OK)
        return status;
    for (size_t i = 0; i < image->count * image->item; i++)
        (*out)->x[i] = (float)image->element[i] / 255;
    for (size_t i = 0; i < label->count; i++)
        (*out)->label[i] = label->element[i];
    return LIP_OK;
}

enum lip_status lip_idx_read(struct lip_data **out, struct lip_bytes images,
                             struct lip_bytes labels, size_t limit,
                             struct lip_ctx *ctx)
{
    *out = NULL;
    struct plain x = {0}, y = {0};
    struct idx image, label;
    enum lip_status status = open_bytes(&x, images, limit, ctx);
    if (status == LIP_OK)
        status = open_bytes(&y, labels, limit, ctx);
    if (status == LIP_OK)
        status = read_header(&image, &x, "images", 2, 4, ctx);
    if (status == LIP_OK)
        status = read_header(&label, &y, "labels", 1, 1, ctx);
    if (status == LIP_OK)
        status = fill(out, &image, &label, ctx);
    lip_free(x.own);
    lip_free(y.own);
    return status;
}
