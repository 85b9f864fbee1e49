/* SPDX-License-Identifier: MIT
 *
 * What MATLAB files of level 5 are made of: elements, each a tag (type, size)
 * and data, in the byte order of the machine that wrote them. */
#ifndef LIP_FORMATS_MAT_ELEMENT_H
#define LIP_FORMATS_MAT_ELEMENT_H

#include "network/tensor.h"

#include <stdint.h>

enum {
    LIP_MAT_INT8 = 1,
    LIP_MAT_INT32 = 5,
    LIP_MAT_UINT32 = 6,
    LIP_MAT_MATRIX = 14,
    LIP_MAT_COMPRESSED = 15
};

/* Elements one after another. */
struct lip_mat_run {
    const unsigned char *at, *end;
    bool big; /* the highest byte first */
};

struct lip_mat_element {
    uint32_t type;
    const unsigned char *data;
    size_t size;
};

/* The word of four bytes at p. */
uint32_t lip_mat_word(const unsigned char *p, bool big);

/* Takes the next element; false where the run ends before the element does. */
bool lip_mat_take(struct lip_mat_element *out, struct lip_mat_run *run);

/* The one element inside a compressed one, as a run of its own in *out, which
 * the caller puts. LIP_MALFORMED; LIP_TOO_LARGE: more than `most` bytes. */
enum lip_status lip_mat_inflate(struct lip_buffer **out,
                                const struct lip_mat_element *packed, bool big,
                                size_t most, struct lip_ctx *ctx);

/* The numbers of an element of `count` of them as a tensor with no dimensions
 * yet: a view into `buffer` where its types and byte order are ours, else
 * converted, whole numbers to float64. The message speaks of the tensor
 * `name`. LIP_MALFORMED, LIP_UNSUPPORTED, LIP_INVALID: a whole number that
 * float64 does not hold. */
enum lip_status lip_mat_numbers(struct lip_tensor *out,
                                const struct lip_mat_element *element,
                                size_t count, bool big,
                                struct lip_buffer *buffer, const char *name,
                                struct lip_ctx *ctx);

#endif
