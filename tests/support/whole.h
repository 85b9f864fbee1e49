/* SPDX-License-Identifier: MIT
 *
 * Layers with windows as the matrices they are, for small images. */
#ifndef LIP_TESTS_SUPPORT_WHOLE_H
#define LIP_TESTS_SUPPORT_WHOLE_H

#include "linalg/norm.h"
#include "training/layer.h"

/* The proven norm of the whole matrix of the convolution with this kernel. */
double whole_norm(const struct lip_trainable *layer, const float *kernel,
                  struct lip_norm_pair pair);

#endif
