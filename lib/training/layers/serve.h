/* SPDX-License-Identifier: MIT
 *
 * Float32 numbers as tensors of the model that is served. */
#ifndef LIP_TRAINING_LAYERS_SERVE_H
#define LIP_TRAINING_LAYERS_SERVE_H

#include "training/layer.h"

/* A float32 tensor with a copy of the numbers, row-major. LIP_NO_MEMORY,
 * LIP_TOO_LARGE. */
enum lip_status lip_float_tensor(struct lip_tensor *out, const float *value,
                                 const size_t *shape, size_t rank,
                                 struct lip_ctx *ctx);

#endif
