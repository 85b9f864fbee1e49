/* SPDX-License-Identifier: MIT
 *
 * The norm of one map that linear layers make together, as the least of several
 * ways. */
#ifndef LIP_BOUNDS_SEGMENT_H
#define LIP_BOUNDS_SEGMENT_H

#include "bounds/product.h"

/* Larger than any norm: not known. */
#define LIP_BIG_NONE ((struct lip_big){0.5, 1L << 40})

static inline bool lip_big_known(struct lip_big a)
{
    return a.m == 0 || a.e < 1L << 39;
}

/* Norms of single layers, found once. */
struct lip_layer_norms {
    const struct lip_network *network;
    enum lip_norm p;
    enum lip_product_norm kind;
    struct lip_layer_norm *norm; /* [network->count] */
    bool *found;
};

enum lip_status lip_layer_norms_new(struct lip_layer_norms *out,
                                    const struct lip_network *network,
                                    enum lip_norm p, enum lip_product_norm kind,
                                    struct lip_ctx *ctx);
void lip_layer_norms_clear(struct lip_layer_norms *norms);

/* Of linear layer i, all of its sources together; LIP_BIG_NONE where nothing is
 * proven. `method`: how. */
enum lip_status lip_layer_norms_of(struct lip_big *out, const char **method,
                                   struct lip_layer_norms *norms, size_t i,
                                   struct lip_ctx *ctx);

/* Sets norm and method of a segment whose from, to and layers are set: `path`
 * [paths] are its layers with the reshapes between them, in rising order.
 * LIP_BIG_NONE where nothing is proven. */
enum lip_status lip_segment_bound(struct lip_segment *segment,
                                  const size_t *path, size_t paths,
                                  struct lip_layer_norms *norms,
                                  struct lip_ctx *ctx);

/* Of each source j of a linear layer by itself, |A_j|_{p->p}, into
 * block[sources]. O(entries). */
enum lip_status lip_layer_blocks(struct lip_big *block,
                                 const struct lip_network *network, size_t i,
                                 enum lip_norm p, struct lip_ctx *ctx);

#endif
