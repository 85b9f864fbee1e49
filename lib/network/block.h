/* SPDX-License-Identifier: MIT
 *
 * What a node gives, as a linear map of the numbers that come out of a gap. */
#ifndef LIP_NETWORK_BLOCK_H
#define LIP_NETWORK_BLOCK_H

#include "linalg/matrix.h"
#include "network/nodes.h"

/* The map is 2^exponent (stored + D), |D|_F <= radius, the stored matrix
 * transposed (numbers of the gap x width, column-major), its entries below 2
 * in absolute value. Where `chosen`, nothing is stored: output k is number
 * offset + k of the gap. */
struct lip_block {
    bool chosen;
    size_t offset;
    struct lip_matrix stored; /* data NULL: not known */
    long exponent;
    double radius;
};

/* block[i] for linear node i from those of its sources, which are known; `from`
 * numbers come out of the gap. Entries of A times `from` operations. Roundings
 * of products, of batch norms and of scaling go into the radius.
 * LIP_NO_MEMORY, LIP_TOO_LARGE, LIP_UNPROVEN (radius overflows), LIP_TIMEOUT,
 * LIP_CANCELLED. */
enum lip_status lip_block_new(struct lip_block *block,
                              const struct lip_nodes *nodes, size_t i,
                              size_t from, struct lip_ctx *ctx);

#endif
