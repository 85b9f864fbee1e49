/* SPDX-License-Identifier: MIT
 *
 * The shape of the numbers between two layers, without the batch: a vector
 * [length], an image [channels, height, width], a sequence [channels, length].
 * Numbers lie in row-major order, the last index fastest. */
#ifndef LIP_NETWORK_SHAPE_H
#define LIP_NETWORK_SHAPE_H

#include "network/tensor.h"

/* Rank 0 is one number. */
struct lip_shape {
    size_t rank;
    size_t dim[LIP_MAX_RANK];
};

/* [length] */
struct lip_shape lip_shape_vector(size_t length);

/* How many numbers; 0 where that overflows or exceeds LIP_MAX_WIDTH. */
size_t lip_shape_count(const struct lip_shape *shape);

bool lip_shape_equal(const struct lip_shape *a, const struct lip_shape *b);

/* "3 x 32 x 32", "784", into text[size]; returns text. */
enum { LIP_SHAPE_TEXT = 192 };
const char *lip_shape_text(char *text, size_t size,
                           const struct lip_shape *shape);

/* More numbers than that between two layers are refused. */
#define LIP_MAX_WIDTH ((size_t)1 << 28)

#endif
