/* SPDX-License-Identifier: MIT
 *
 * A strided convolution as one without strides. Along an axis with stride s and
 * dilation d, taps q and r of the kernel meet the same places of the input
 * where q = r modulo s / gcd(s, d). With a channel for each such class, the
 * kernel becomes
 *
 *     P[(o, a), (class, c)],   a = the tap's place in its class,
 *
 * of a convolution that moves by one place: same norms, but for the edges of
 * the image. Kernels here have rows o and columns (height, width, c). */
#ifndef LIP_TRAINING_PHASES_H
#define LIP_TRAINING_PHASES_H

#include "network/window.h"

struct lip_phases {
    size_t period[2];  /* s / gcd(s, d) */
    size_t classes[2]; /* that the kernel has taps of */
    size_t taps[2];    /* in the largest class */
};

struct lip_phases lip_phases_of(const struct lip_window *window);

/* P as a matrix: rows = channels out x taps, cols = classes x channels in. A
 * column is all that a number of the input meets, so that |K|_{1->q} is the
 * largest |.|_q of a column. Places without a tap are zero. */
size_t lip_phases_rows(const struct lip_window *window);
size_t lip_phases_cols(const struct lip_window *window);
void lip_phases_gather(float *p, const float *kernel,
                       const struct lip_window *window);
void lip_phases_scatter(float *kernel, const float *p,
                        const struct lip_window *window);

#endif
