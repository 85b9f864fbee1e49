/* SPDX-License-Identifier: MIT
 *
 * Elements of MATLAB files: their tags, what is packed in them, and numbers of
 * every type that they are stored as. */
#include "formats/mat_element.h"

#include "base/size.h"
#include "formats/reader.h"

#include <limits.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

enum { TAG = 8, PART = 1 << 20 };

uint32_t lip_mat_word(const unsigned char *p, bool big)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value |= (uint32_t)p[i] << (big ? 24 - 8 * i : 8 * i);
    return value;
}

bool lip_mat_take(struct lip_mat_element *out, struct lip_mat_run *run)
{
    size_t left = (size_t)(run->end - run->at);
    if (left < TAG)
        return false;
    uint32_t type = lip_mat_word(run->at, run->big);
    size_t size = lip_mat_word(run->at + 4, run->big);
    if (type >> 16) { /* up to four bytes, kept in the tag */
        *out = (struct lip_mat_element){type & 0xffff, run->at + 4, type >> 16};
        run->at += TAG;
        return out->size <= 4;
    }
    if (size > left - TAG)
        return false;
    *out = (struct lip_mat_element){type, run->at + TAG, size};
    size_t padded = type == LIP_MAT_COMPRESSED ? size : (size + 7) / 8 * 8;
    run->at += TAG + (padded < left - TAG ? padded : left - TAG);
    return true;
}

/* zlib's own memory is counted like any other. */
static void *take_memory(void *ctx, unsigned count, unsigned size)
{
    return lip_alloc(ctx, count, size);
}

static void give_memory(void *ctx, void *block)
{
    (void)ctx;
    lip_free(block);
}

static enum lip_status damaged(struct lip_ctx *ctx)
{
    return lip_fail(ctx, LIP_MALFORMED,
                    "A compressed variable of the MATLAB file is damaged. Is "
                    "the file complete?");
}

/* Exactly `size` more bytes. */
static enum lip_status inflate_part(unsigned char *out, size_t size,
                                    z_stream *stream, struct lip_ctx *ctx)
{
    for (size_t done = 0; done < size;) {
        size_t part = size - done < PART ? size - done : PART;
        stream->next_out = out + done;
        stream->avail_out = (uInt)part;
        int result = inflate(stream, Z_SYNC_FLUSH);
        size_t got = part - stream->avail_out;
        if (result == Z_MEM_ERROR)
            return lip_memory_status(ctx);
        if ((result != Z_OK && result != Z_STREAM_END) || got == 0)
            return damaged(ctx);
        done += got;
        enum lip_status status = lip_tick(ctx, "reading MATLAB variables",
                                          (double)done, (double)size, NAN);
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}

/* That the checksum is right and nothing follows. */
static enum lip_status inflate_end(z_stream *stream, struct lip_ctx *ctx)
{
    unsigned char rest;
    stream->next_out = &rest;
    stream->avail_out = 1;
    int result = inflate(stream, Z_FINISH);
    return result == Z_STREAM_END && stream->avail_out == 1 ? LIP_OK
                                                            : damaged(ctx);
}

static enum lip_status inflate_element(struct lip_buffer **out,
                                       z_stream *stream, bool big, size_t most,
                                       struct lip_ctx *ctx)
{
    unsigned char tag[TAG], *block;
    enum lip_status status = inflate_part(tag, TAG, stream, ctx);
    if (status != LIP_OK)
        return status;
    size_t size = lip_mat_word(tag + 4, big);
    if (lip_mat_word(tag, big) != LIP_MAT_MATRIX)
        return lip_fail(ctx, LIP_MALFORMED,
                        "A compressed part of the MATLAB file holds no "
                        "variable.");
    if (size > most)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "The MATLAB file inflates to more than the limit; a "
                        "variable of %zu bytes goes beyond it.",
                        size);
    /* Deflate packs at most 1032 bytes into one: no room for what cannot be. */
    if (size / 1032 > (size_t)stream->total_in + stream->avail_in)
        return damaged(ctx);
    block = lip_alloc(ctx, TAG + size, 1);
    if (!block)
        return lip_memory_status(ctx);
    memcpy(block, tag, TAG);
    status = inflate_part(block + TAG, size, stream, ctx);
    if (status == LIP_OK)
        status = inflate_end(stream, ctx);
    if (status != LIP_OK) {
        lip_free(block);
        return status;
    }
    *out = lip_buffer_take(block, TAG + size, ctx);
    return *out ? LIP_OK : lip_memory_status(ctx);
}

enum lip_status lip_mat_inflate(struct lip_buffer **out,
                                const struct lip_mat_element *packed, bool big,
                                size_t most, struct lip_ctx *ctx)
{
    z_stream stream = {.zalloc = take_memory,
                       .zfree = give_memory,
                       .opaque = ctx,
                       .next_in = (unsigned char *)packed->data,
                       .avail_in = (uInt)packed->size};
    *out = NULL;
    if (inflateInit(&stream) != Z_OK)
        return lip_memory_status(ctx);
    enum lip_status status = inflate_element(out, &stream, big, most, ctx);
    inflateEnd(&stream);
    return status;
}

/* How numbers are stored, by the type of their element. */
static const struct number {
    unsigned char size;
    bool real, is_signed;
} numbers[] = {
    [1] = {1, false, true},  [2] = {1, false, false}, [3] = {2, false, true},
    [4] = {2, false, false}, [5] = {4, false, true},  [6] = {4, false, false},
    [7] = {4, true, false},  [9] = {8, true, false},  [12] = {8, false, true},
    [13] = {8, false, false}};

static uint64_t bits_at(const unsigned char *p, size_t size, bool big)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits |= (uint64_t)p[i] << 8 * (big ? size - 1 - i : i);
    return bits;
}

static void store(unsigned char *p, uint64_t bits, size_t size)
{
    for (size_t i = 0; i < size; i++)
        p[i] = (unsigned char)(bits >> 8 * i & 255);
}

/* A whole number as the bits of a double; false where that rounds. */
static bool widen_whole(uint64_t *bits, const struct number *number)
{
    uint64_t sign = UINT64_C(1) << (8 * number->size - 1), size = *bits;
    bool negative = number->is_signed && *bits & sign;
    if (negative)
        size = (~*bits + 1) & (sign | (sign - 1));
    double value = (double)size;
    if (size > UINT64_C(1) << 53)
        return false;
    value = negative ? -value : value;
    memcpy(bits, &value, sizeof value);
    return true;
}

static enum lip_status convert(struct lip_tensor *out,
                               const struct lip_mat_element *element,
                               size_t count, bool big, const char *name,
                               struct lip_ctx *ctx)
{
    const struct number *number = &numbers[element->type];
    size_t width = number->real ? number->size : 8;
    unsigned char *block = lip_alloc(ctx, count, width);
    if (!block)
        return lip_memory_status(ctx);
    for (size_t i = 0; i < count; i++) {
        uint64_t bits =
            bits_at(element->data + i * number->size, number->size, big);
        if (!number->real && !widen_whole(&bits, number)) {
            lip_free(block);
            return lip_fail_at(ctx, LIP_INVALID, LIP_AT_TENSOR, name,
                               "Tensor \"%.80s\" holds a whole number beyond "
                               "2^53, which float64 would round.",
                               name);
        }
        store(block + i * width, bits, width);
    }
    out->buffer = lip_buffer_take(block, count * width, ctx);
    if (!out->buffer)
        return lip_memory_status(ctx);
    out->data = lip_buffer_bytes(out->buffer);
    return LIP_OK;
}

enum lip_status lip_mat_numbers(struct lip_tensor *out,
                                const struct lip_mat_element *element,
                                size_t count, bool big,
                                struct lip_buffer *buffer, const char *name,
                                struct lip_ctx *ctx)
{
    size_t bytes, known = sizeof numbers / sizeof *numbers;
    const struct number *number =
        element->type < known ? &numbers[element->type] : &numbers[0];
    if (number->size == 0)
        return lip_fail_at(ctx, LIP_UNSUPPORTED, LIP_AT_TENSOR, name,
                           "Tensor \"%.80s\" is stored as elements of type "
                           "%u, which are no numbers.",
                           name, element->type);
    if (!lip_size_mul(&bytes, count, number->size) || bytes != element->size)
        return lip_fail_at(ctx, LIP_MALFORMED, LIP_AT_TENSOR, name,
                           "Tensor \"%.80s\" has %zu bytes, which do not fit "
                           "its dimensions.",
                           name, element->size);
    out->dtype = number->real && number->size == 4 ? LIP_F32 : LIP_F64;
    if (!number->real || big)
        return convert(out, element, count, big, name, ctx);
    out->data = element->data;
    out->buffer = lip_buffer_hold(buffer);
    return LIP_OK;
}
