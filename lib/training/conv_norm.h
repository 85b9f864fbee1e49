/* SPDX-License-Identifier: MIT
 *
 * The spectral norm of a convolution that learns: proven, and kept. Kernels lie
 * as in layer->weight. */
#ifndef LIP_TRAINING_CONV_NORM_H
#define LIP_TRAINING_CONV_NORM_H

#include "training/layer.h"

/* A proven upper bound of |A|_2 of the convolution with this kernel, from its
 * images with zeros around them, and the best that lib/bounds finds in about a
 * second. LIP_INVALID (not finite), LIP_NO_MEMORY, LIP_TOO_LARGE,
 * LIP_CANCELLED, LIP_TIMEOUT. */
enum lip_status lip_conv_norm(double *norm, const float *kernel,
                              const struct lip_trainable *layer,
                              struct lip_ctx *ctx);

/* Between steps: a kernel whose symbol is within the limit by a Gram bound.
 * work: lip_symbol_room(window). LIP_INVALID, LIP_NO_MEMORY. */
enum lip_status lip_conv_project(float *kernel, const struct lip_window *window,
                                 double limit, float *work,
                                 struct lip_ctx *ctx);

/* For the model that is served: clipped until that changes little, and scaled
 * so that the norm *proven* of the float32 numbers is at most the limit; *norm
 * receives it. LIP_UNPROVEN besides. */
enum lip_status lip_conv_project_exactly(double *norm, float *kernel,
                                         const struct lip_trainable *layer,
                                         double limit, float *work,
                                         struct lip_ctx *ctx);

#endif
