/* SPDX-License-Identifier: MIT
 *
 * Counted buffers, exact widening of stored numbers, the finite check. */
#include "network/tensor.h"

#include "network/element.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Owns `block`, or holds `whole` and shows a part of it, or shows what another
 * releases. */
struct lip_buffer {
    _Atomic size_t holders;
    void *block;
    struct lip_buffer *whole;
    void (*release)(void *arg);
    void *arg;
    const unsigned char *bytes;
    size_t size;
};

struct lip_buffer *lip_buffer_take(void *block, size_t size,
                                   struct lip_ctx *ctx)
{
    struct lip_buffer *buffer = lip_alloc(ctx, 1, sizeof *buffer);
    if (!buffer) {
        lip_free(block);
        return NULL;
    }
    atomic_init(&buffer->holders, 1);
    buffer->block = block;
    buffer->whole = NULL;
    buffer->release = NULL;
    buffer->bytes = block;
    buffer->size = size;
    return buffer;
}

struct lip_buffer *lip_buffer_view(struct lip_buffer *whole, size_t offset,
                                   size_t size, struct lip_ctx *ctx)
{
    struct lip_buffer *buffer = lip_buffer_take(NULL, size, ctx);
    if (buffer) {
        /* Of a view, its owner: letting go is never more than two steps. */
        buffer->whole = lip_buffer_hold(whole->whole ? whole->whole : whole);
        buffer->bytes = whole->bytes + offset;
    }
    return buffer;
}

struct lip_buffer *lip_buffer_lend(const void *bytes, size_t size,
                                   void (*release)(void *arg), void *arg,
                                   struct lip_ctx *ctx)
{
    struct lip_buffer *buffer = lip_buffer_take(NULL, size, ctx);
    if (buffer) {
        buffer->bytes = bytes;
        buffer->release = release;
        buffer->arg = arg;
    }
    return buffer;
}

struct lip_buffer *lip_buffer_hold(struct lip_buffer *buffer)
{
    atomic_fetch_add_explicit(&buffer->holders, 1, memory_order_relaxed);
    return buffer;
}

void lip_buffer_put(struct lip_buffer *buffer)
{
    if (!buffer)
        return;
    /* Acquire: whoever frees sees all that the other holders did. */
    if (atomic_fetch_sub_explicit(&buffer->holders, 1, memory_order_acq_rel) !=
        1)
        return;
    lip_free(buffer->block);
    if (buffer->release)
        buffer->release(buffer->arg);
    lip_buffer_put(buffer->whole);
    lip_free(buffer);
}

const unsigned char *lip_buffer_bytes(const struct lip_buffer *buffer)
{
    return buffer->bytes;
}

size_t lip_buffer_size(const struct lip_buffer *buffer)
{
    return buffer->size;
}

static const struct lip_element *const element[] = {
    [LIP_F64] = &lip_element_f64,
    [LIP_F32] = &lip_element_f32,
    [LIP_F16] = &lip_element_f16,
    [LIP_BF16] = &lip_element_bf16,
};

size_t lip_dtype_size(enum lip_dtype dtype)
{
    return element[dtype]->size;
}

const char *lip_dtype_name(enum lip_dtype dtype)
{
    return element[dtype]->name;
}

bool lip_dtype_find(enum lip_dtype *out, const char *name)
{
    for (size_t i = 0; i < sizeof element / sizeof *element; i++)
        if (strcmp(element[i]->name, name) == 0) {
            *out = (enum lip_dtype)i;
            return true;
        }
    return false;
}

size_t lip_tensor_count(const struct lip_tensor *tensor)
{
    size_t count = 1;
    for (size_t k = 0; k < tensor->rank; k++)
        count *= tensor->dim[k];
    return count;
}

void lip_tensor_widen_stored(double *out, const struct lip_tensor *tensor,
                             size_t first, size_t count)
{
    const struct lip_element *e = element[tensor->dtype];
    e->widen(out, tensor->data + first * e->size, count);
}

double lip_tensor_at(const struct lip_tensor *tensor, size_t i)
{
    double value;
    lip_tensor_widen_stored(&value, tensor, i, 1);
    return value;
}

/* Whether storage order is row-major order: at most one dimension is not 1
 * where columns come first. */
static bool stored_by_rows(const struct lip_tensor *tensor)
{
    size_t long_sides = 0;
    for (size_t k = 0; k < tensor->rank; k++)
        long_sides += tensor->dim[k] != 1;
    return !tensor->column_major || long_sides <= 1;
}

enum { TILE = 16 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A tile of `height` x `width` elements of a column-major matrix with `rows`
 * rows, from storage index `from` on, to row-major out with row length `cols`.
 * Whole runs are read and whole runs written: neither side is walked across
 * its grain, which costs a factor of ten where sizes are powers of two. */
static void widen_tile(double *out, size_t cols, size_t height, size_t width,
                       const struct lip_tensor *tensor, size_t from)
{
    double tile[TILE][TILE];
    for (size_t j = 0; j < width; j++)
        lip_tensor_widen_stored(tile[j], tensor, from + j * tensor->dim[0],
                                height);
    for (size_t i = 0; i < height; i++)
        for (size_t j = 0; j < width; j++)
            out[i * cols + j] = tile[j][i];
}

/* Rows first .. first + count - 1 of a column-major matrix. */
static void widen_rows(double *out, const struct lip_tensor *tensor,
                       size_t first, size_t count)
{
    size_t rows = tensor->dim[0], cols = tensor->dim[1];
    for (size_t i = 0; i < count; i += TILE)
        for (size_t j = 0; j < cols; j += TILE)
            widen_tile(out + i * cols + j, cols, least(TILE, count - i),
                       least(TILE, cols - j), tensor, j * rows + first + i);
}

/* Storage index of the element that is number i in row-major order, where the
 * first index is the fastest in storage. */
static size_t column_major_index(const struct lip_tensor *tensor, size_t i)
{
    size_t stride = lip_tensor_count(tensor), index = 0;
    for (size_t k = tensor->rank; k-- > 0;) {
        stride /= tensor->dim[k];
        index += i % tensor->dim[k] * stride;
        i /= tensor->dim[k];
    }
    return index;
}

size_t lip_tensor_strip(const struct lip_tensor *tensor)
{
    size_t enough = 4096;
    if (stored_by_rows(tensor) || tensor->rank != 2 || !tensor->dim[1])
        return enough;
    size_t strip = TILE * tensor->dim[1];
    while (strip < enough)
        strip *= 2;
    return strip;
}

void lip_tensor_widen_part(double *out, const struct lip_tensor *tensor,
                           size_t first, size_t count)
{
    if (stored_by_rows(tensor)) {
        lip_tensor_widen_stored(out, tensor, first, count);
        return;
    }
    size_t cols = tensor->dim[tensor->rank - 1];
    if (tensor->rank == 2 && first % cols == 0 && count % cols == 0) {
        widen_rows(out, tensor, first / cols, count / cols);
        return;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = lip_tensor_at(tensor, column_major_index(tensor, first + i));
}

void lip_tensor_widen(double *out, const struct lip_tensor *tensor)
{
    lip_tensor_widen_part(out, tensor, 0, lip_tensor_count(tensor));
}

void lip_tensor_copy(unsigned char *out, const struct lip_tensor *tensor)
{
    size_t count = lip_tensor_count(tensor);
    size_t size = lip_dtype_size(tensor->dtype);
    if (stored_by_rows(tensor)) {
        memcpy(out, tensor->data, count * size);
        return;
    }
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * size,
               tensor->data + column_major_index(tensor, i) * size, size);
}

enum lip_status lip_tensor_convert(struct lip_tensor *tensor,
                                   enum lip_dtype dtype, struct lip_ctx *ctx)
{
    enum { CHUNK = 512 };
    size_t count = lip_tensor_count(tensor), size = element[dtype]->size;
    double chunk[CHUNK];
    unsigned char *block = lip_alloc(ctx, count, size);
    if (!block)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    for (size_t i = 0; i < count; i += CHUNK) {
        size_t n = least(CHUNK, count - i);
        lip_tensor_widen_stored(chunk, tensor, i, n);
        element[dtype]->narrow(block + i * size, chunk, n);
    }
    struct lip_buffer *buffer = lip_buffer_take(block, count * size, ctx);
    if (!buffer)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    lip_buffer_put(tensor->buffer);
    tensor->buffer = buffer;
    tensor->data = lip_buffer_bytes(buffer);
    tensor->dtype = dtype;
    return LIP_OK;
}

/* Appends "/3/7", the indices of element number i in storage order. */
static void append_indices(char *text, size_t size,
                           const struct lip_tensor *tensor, size_t i)
{
    size_t index[LIP_MAX_RANK];
    for (size_t n = 0; n < tensor->rank; n++) {
        size_t k = tensor->column_major ? n : tensor->rank - 1 - n;
        index[k] = i % tensor->dim[k];
        i /= tensor->dim[k];
    }
    size_t used = strlen(text);
    for (size_t k = 0; k < tensor->rank && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, "/%zu", index[k]);
}

enum lip_status lip_tensor_check_finite(const struct lip_tensor *tensor,
                                        enum lip_place place, const char *name,
                                        struct lip_ctx *ctx)
{
    if (!tensor->data)
        return LIP_OK;
    size_t count = lip_tensor_count(tensor);
    size_t bad = element[tensor->dtype]->find_special(tensor->data, count);
    if (bad == count)
        return LIP_OK;
    char at[200];
    snprintf(at, sizeof at, "%s", name);
    append_indices(at, sizeof at, tensor, bad);
    return lip_fail_at(
        ctx, LIP_INVALID, place, place == LIP_AT_POINTER ? at : name,
        "The number %s is %s: every number of a model must be "
        "finite.",
        at, isnan(lip_tensor_at(tensor, bad)) ? "NaN" : "infinite");
}

void lip_tensor_clear(struct lip_tensor *tensor)
{
    lip_buffer_put(tensor->buffer);
    memset(tensor, 0, sizeof *tensor);
}
