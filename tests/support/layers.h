/* SPDX-License-Identifier: MIT
 *
 * Tensors, layers and networks for tests, made from plain arrays. Memory comes
 * from the context's budget; where it runs out, the tensor is absent. */
#ifndef LIP_TESTS_SUPPORT_LAYERS_H
#define LIP_TESTS_SUPPORT_LAYERS_H

#include "network/network.h"

/* rows x cols numbers given by rows, stored as dtype (which must hold them
 * exactly), by columns where asked. A list where cols is 0. */
struct lip_tensor make_tensor(enum lip_dtype dtype, bool column_major,
                              size_t rows, size_t cols, const double *value,
                              struct lip_ctx *ctx);

/* A float64 dense layer; bias NULL: none. */
struct lip_layer make_dense(size_t outputs, size_t inputs, const double *weight,
                            const double *bias, struct lip_ctx *ctx);

/* An activation with its default parameters. */
struct lip_layer make_activation(const char *name);

struct lip_layer make_flatten(void);

/* lip_network_new on a copy of the array. */
enum lip_status make_network(struct lip_network **out,
                             const struct lip_layer *layer, size_t count,
                             struct lip_ctx *ctx);

#endif
