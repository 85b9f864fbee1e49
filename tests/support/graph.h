/* SPDX-License-Identifier: MIT
 *
 * Layers that have shapes and several sources, for tests. */
#ifndef LIP_TESTS_SUPPORT_GRAPH_H
#define LIP_TESTS_SUPPORT_GRAPH_H

#include "tests/support/layers.h"

/* A float64 tensor of any rank; dimensions ended by 0. */
struct lip_tensor make_array(const size_t *dim, const double *value,
                             struct lip_ctx *ctx);

/* A layer of a kind; settings come with set(). */
struct lip_layer make_kind(const struct lip_layer_kind *kind);

/* Sets a setting to `count` numbers. */
void set(struct lip_layer *layer, const char *name, size_t count,
         const long *value);

/* Sets the layer's sources. */
void take_from(struct lip_layer *layer, size_t count, const size_t *source,
               struct lip_ctx *ctx);

/* reshape to dimensions ended by 0. */
struct lip_layer make_reshape(const long *dim);

/* A convolution: weight of dimensions ended by 0 (channels out, channels in of
 * a group, kernel), bias NULL: none. */
struct lip_layer make_conv(const size_t *dim, const double *weight,
                           const double *bias, struct lip_ctx *ctx);

#endif
