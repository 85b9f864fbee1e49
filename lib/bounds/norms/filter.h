/* SPDX-License-Identifier: MIT
 *
 * What norms see of convolutions, transposed ones and average pools: a window
 * and a kernel of doubles,
 *
 *     [channels out][channels in per group][height][width],
 *
 * of the convolution that the layer is or, where `adjoint`, is the adjoint of.
 * The layer's kernel is 2^exponent times that, each entry off by at most
 * `error` times its size; the largest lies in [1/2, 1), or all are zero. */
#ifndef LIP_BOUNDS_NORMS_FILTER_H
#define LIP_BOUNDS_NORMS_FILTER_H

#include "linalg/big.h"
#include "linalg/norm.h"
#include "network/window.h"

struct lip_filter {
    struct lip_window window;
    bool adjoint;
    /* The layer is at most this convolution, not equal to it: an average pool
     * whose windows at the border hold fewer numbers. */
    bool dominates;
    double *number;
    long exponent;
    double error;
};

/* Whether the layer has such a form. */
bool lip_filter_of(const struct lip_layer *layer);

/* LIP_NO_MEMORY, LIP_TOO_LARGE. */
enum lip_status lip_filter_new(struct lip_filter *out,
                               const struct lip_layer *layer,
                               struct lip_ctx *ctx);

/* Of a kernel in memory, which is copied. */
enum lip_status lip_filter_copy(struct lip_filter *out, const double *kernel,
                                double error, const struct lip_window *window,
                                struct lip_ctx *ctx);
void lip_filter_clear(struct lip_filter *filter);

/* Numbers of the kernel. */
size_t lip_filter_count(const struct lip_filter *filter);

/* |A|_{p->p} for p = 1 and inf, exact but for rounding: the largest sum of
 * |kernel| over the taps that one position sees, where windows at borders see
 * fewer. O(kernel) and a few sums of it. LIP_NO_MEMORY, LIP_TOO_LARGE. */
enum lip_status lip_filter_norm(struct lip_big *out,
                                const struct lip_filter *filter,
                                enum lip_norm p, struct lip_ctx *ctx);

#endif
