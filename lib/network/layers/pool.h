/* SPDX-License-Identifier: MIT
 *
 * What average and max pools share: the windows of one channel. */
#ifndef LIP_NETWORK_LAYERS_POOL_H
#define LIP_NETWORK_LAYERS_POOL_H

#include "network/window.h"

/* Sets the layer's shape and settings: a kernel that is left out covers all
 * positions, a stride that is left out is the kernel. LIP_INVALID: a window
 * that sees nothing but padding. */
enum lip_status lip_pool_infer(struct lip_window *out, struct lip_layer *layer,
                               const struct lip_shape *in, struct lip_ctx *ctx);

/* Positions of the input that position t of the output sees along one axis:
 * `count` of them, from `first` on, each `dilation` after the one before. */
struct lip_pool_span {
    size_t first, count;
};
struct lip_pool_span lip_pool_span(const struct lip_window *window, size_t axis,
                                   size_t t);

/* Columns of the inputs that output k sees; how many. */
size_t lip_pool_columns(const struct lip_layer *layer, size_t k,
                        size_t *column);

#endif
