/* SPDX-License-Identifier: MIT
 *
 * What windows see, as the rows of a matrix (im2col), and back. Images lie
 * pixel by pixel, the channels of a pixel side by side; patch t is
 *
 *     x[row, y stride + p dilation - before, ..., c],   p, q < kernel, c,
 *
 * with c fastest, for t = (row height + y) width + x over all images of a
 * batch, zero outside of the image. */
#ifndef LIP_TRAINING_PATCHES_H
#define LIP_TRAINING_PATCHES_H

#include "network/window.h"

/* Patches first .. first + count - 1, of them the rows top .. bottom - 1 of the
 * kernel: p[count x (bottom - top) * kernel width * channels]. */
struct lip_patches {
    const struct lip_window *window;
    size_t first, count, top, bottom;
};

/* Numbers of one of these patches. */
size_t lip_patches_width(const struct lip_patches *patches);

void lip_patches_take(float *p, const struct lip_patches *patches,
                      const float *x);

/* The adjoint: adds each number of p to where it came from, patch by patch. */
void lip_patches_add(float *x, const struct lip_patches *patches,
                     const float *p);

#endif
