/* SPDX-License-Identifier: MIT
 *
 * Linear layers folded into one convolution: batch norms before and after one,
 * and sums of convolutions and of what skips them. */
#ifndef LIP_BOUNDS_FOLD_KERNEL_H
#define LIP_BOUNDS_FOLD_KERNEL_H

#include "linalg/big.h"
#include "linalg/norm.h"
#include "network/window.h"

/* A convolution in doubles; each weight is off by at most error times its
 * size. */
struct lip_kernel {
    struct lip_window window;
    double *weight; /* [channels out][channels in / groups][height][width] */
    double error;
};

/* The map that lip_fold_new describes as one convolution; weight NULL where
 * it is none that this file knows, or its weights would not be exact enough.
 * LIP_NO_MEMORY, LIP_TOO_LARGE. */
enum lip_status lip_fold_kernel(struct lip_kernel *out,
                                const struct lip_network *network, size_t from,
                                const size_t *layer, size_t layers,
                                struct lip_ctx *ctx);
void lip_kernel_clear(struct lip_kernel *kernel);

/* lip_kernel_norm of it; leaves *out alone where there is none. */
enum lip_status lip_fold_kernel_norm(struct lip_big *out,
                                     const struct lip_network *network,
                                     size_t from, const size_t *layer,
                                     size_t layers, enum lip_norm p,
                                     struct lip_ctx *ctx);

#endif
