/* SPDX-License-Identifier: MIT
 *
 * Random single convolutions of every shape, and what LAPACK says of the matrix
 * that a layer is. */
#ifndef LIP_TESTS_SUPPORT_RANDOM_CONV_H
#define LIP_TESTS_SUPPORT_RANDOM_CONV_H

#include "linalg/matrix.h"
#include "network/network.h"

#include <stdint.h>

/* A network of a reshape and a convolution or transposed convolution (layer 1)
 * of an image or a sequence: strides, paddings, dilations, groups, even
 * kernels, normal or positive weights. At most about `most` numbers on either
 * side. *text (96) says what it is. */
struct lip_network *random_conv(uint64_t *seed, size_t most, char *text,
                                struct lip_ctx *ctx);

/* The matrix of a linear layer, from its rows. */
void layer_matrix(struct lip_matrix *out, const struct lip_layer *layer);

/* Its largest singular value, by LAPACK's SVD. */
double layer_sigma(const struct lip_layer *layer);

#endif
