/* SPDX-License-Identifier: MIT
 *
 * Numbers as they were stored. A tensor is a read-only view into a counted
 * buffer of bytes, usually the uploaded file itself, so that a model of 100 MB
 * is not copied to be analysed. Elements keep their stored type and are
 * widened to double, which is exact for every type here, where they are used.
 */
#ifndef LIP_NETWORK_TENSOR_H
#define LIP_NETWORK_TENSOR_H

#include "base/context.h"

#include <stdbool.h>
#include <stddef.h>

enum { LIP_MAX_RANK = 8 };

/* Little-endian element types. */
enum lip_dtype { LIP_F64, LIP_F32, LIP_F16, LIP_BF16 };

/* Bytes of one element. */
size_t lip_dtype_size(enum lip_dtype dtype);

/* "float64", "float32", "float16", "bfloat16". */
const char *lip_dtype_name(enum lip_dtype dtype);

/* The type of this name; false where there is none. */
bool lip_dtype_find(enum lip_dtype *out, const char *name);

/* Bytes shared by tensors. Made with one holder; freed by the last put. */
struct lip_buffer;

/* Takes ownership of `block`, which came from lip_alloc. On failure the block
 * is freed and NULL returned. */
struct lip_buffer *lip_buffer_take(void *block, size_t size,
                                   struct lip_ctx *ctx);
/* A buffer of bytes that are another's and outlive its last holder; `release`
 * (NULL: nothing to do) is called with `arg` when that one lets go. NULL on
 * failure (memory): nothing is released. */
struct lip_buffer *lip_buffer_lend(const void *bytes, size_t size,
                                   void (*release)(void *arg), void *arg,
                                   struct lip_ctx *ctx);
/* A second holder of the same bytes. */
struct lip_buffer *lip_buffer_hold(struct lip_buffer *buffer);
/* A buffer of the bytes [offset, offset + size) of another one, which it holds:
 * a part of an upload, without a copy. NULL on failure (memory). */
struct lip_buffer *lip_buffer_view(struct lip_buffer *whole, size_t offset,
                                   size_t size, struct lip_ctx *ctx);
/* Lets go; NULL is allowed. */
void lip_buffer_put(struct lip_buffer *buffer);
const unsigned char *lip_buffer_bytes(const struct lip_buffer *buffer);
size_t lip_buffer_size(const struct lip_buffer *buffer);

/* A tensor with data == NULL is absent (a layer without bias). Elements are
 * in row-major order (last index fastest), or, where `column_major` is set,
 * first index fastest. `data` need not be aligned. */
struct lip_tensor {
    enum lip_dtype dtype;
    bool column_major;
    size_t rank;
    size_t dim[LIP_MAX_RANK];
    const unsigned char *data;
    struct lip_buffer *buffer; /* holder of data; put by lip_tensor_clear */
};

/* Product of the dimensions; 1 for rank 0. The readers have checked that it
 * fits. */
size_t lip_tensor_count(const struct lip_tensor *tensor);

/* Element number i in storage order, widened exactly. */
double lip_tensor_at(const struct lip_tensor *tensor, size_t i);

/* All elements in row-major order, widened exactly: out[count]. For a matrix
 * of shape rows x cols that is the column-major cols x rows transpose.
 * O(count). */
void lip_tensor_widen(double *out, const struct lip_tensor *tensor);

/* `count` elements from number `first` on, in storage order, widened exactly.
 */
void lip_tensor_widen_stored(double *out, const struct lip_tensor *tensor,
                             size_t first, size_t count);

/* The same in row-major order: a part of what lip_tensor_widen gives. Fast for
 * parts of lip_tensor_strip elements, which starts and ends with a row where
 * that matters: a tensor can be walked in strips without a whole copy. */
void lip_tensor_widen_part(double *out, const struct lip_tensor *tensor,
                           size_t first, size_t count);
size_t lip_tensor_strip(const struct lip_tensor *tensor);

/* All elements in row-major order as they are stored, little-endian:
 * out[count * lip_dtype_size]. O(count). */
void lip_tensor_copy(unsigned char *out, const struct lip_tensor *tensor);

/* Stores the same numbers as `dtype`, each rounded to the nearest that it has
 * (ties to even; beyond its range: infinity), in a buffer of its own.
 * LIP_NO_MEMORY, LIP_TOO_LARGE: the tensor is as it was. */
enum lip_status lip_tensor_convert(struct lip_tensor *tensor,
                                   enum lip_dtype dtype, struct lip_ctx *ctx);

/* LIP_INVALID, naming the tensor and the index, where an element is NaN or
 * infinite. O(count), memory bandwidth bound. `name` is for the message, as in
 * "fc1.weight/3/7"; with LIP_AT_POINTER the place has the indices too. */
enum lip_status lip_tensor_check_finite(const struct lip_tensor *tensor,
                                        enum lip_place place, const char *name,
                                        struct lip_ctx *ctx);

/* Lets go of the buffer and makes the tensor absent. */
void lip_tensor_clear(struct lip_tensor *tensor);

#endif
