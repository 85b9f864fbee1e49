/* SPDX-License-Identifier: MIT
 *
 * The idx pair of files that MNIST and its relatives come in: unsigned bytes,
 * big-endian sizes; plain or gzip. */
#ifndef LIP_TRAINING_IDX_H
#define LIP_TRAINING_IDX_H

#include "training/data.h"

struct lip_bytes {
    const unsigned char *data;
    size_t size;
};

/* Images (magic 0x803; rank 2 to 4 is taken) scaled to [0, 1] by 1/255, labels
 * (0x801); classes = the largest label + 1. Gzip is told by its first bytes
 * and inflated to at most `limit` bytes a file (0: no limit but the budget).
 * LIP_MALFORMED, naming the byte; LIP_TOO_LARGE; LIP_NO_MEMORY. */
enum lip_status lip_idx_read(struct lip_data **out, struct lip_bytes images,
                             struct lip_bytes labels, size_t limit,
                             struct lip_ctx *ctx);

#endif
