/* SPDX-License-Identifier: MIT
 *
 * Random small networks with convolutions, pools, normalisation, sums and
 * joins of earlier layers, for properties that all graphs have. */
#ifndef LIP_TESTS_SUPPORT_DRAWN_H
#define LIP_TESTS_SUPPORT_DRAWN_H

#include "network/network.h"

#include <stdint.h>

struct drawn {
    bool straight;  /* no biases, only activations that are straight on either
                       side of 0, none on another: the slope that a number
                       meets is told by its sign */
    bool pairs;     /* max-pools, sorts and mirrors, too */
    double scale;   /* of weights; 0: 1 */
    size_t outputs; /* 0: up to 3 */
};

/* Up to 13 layers on images of up to 2 x 4 x 4. Memory from the context; what
 * cannot happen fails the running test. */
struct lip_network *drawn_graph(uint64_t *seed, struct drawn what,
                                struct lip_ctx *ctx);

/* x + W2 phi(W1 x) `blocks` times between dense layers, width n inside, h
 * hidden: normal weights of variance gain^2 / inputs, no biases. */
struct lip_network *drawn_residual(uint64_t *seed, const char *activation,
                                   size_t inputs, size_t n, size_t h,
                                   size_t blocks, size_t outputs, double gain,
                                   struct lip_ctx *ctx);

#endif
