/* SPDX-License-Identifier: MIT
 *
 * Windows that slide over an image, or, with a height of 1, over a sequence:
 * what convolutions and pools have in common. Index 0 is the height, 1 the
 * width.
 *
 * Position t of the output sees positions
 *
 *     t stride + q dilation - before,   q = 0 .. kernel - 1,
 *
 * of the input; those outside of it are zero (a pool leaves them out). A
 * transposed convolution is the adjoint of the convolution with the same
 * numbers, from its output to its input. */
#ifndef LIP_NETWORK_WINDOW_H
#define LIP_NETWORK_WINDOW_H

#include "network/network.h"

struct lip_window {
    size_t channels[2]; /* of input and output */
    size_t groups;
    size_t in[2], out[2];
    size_t kernel[2], stride[2], dilation[2], before[2], after[2];
};

/* The window of a layer of kind conv, conv-transpose, average-pool or max-pool.
 * Of a transposed convolution it is that of the convolution it is the adjoint
 * of: `in` and channels[0] are what comes out of the layer. */
struct lip_window lip_layer_window(const struct lip_layer *layer);

/* From settings "stride", "padding" (one number for all sides; one an axis; or
 * the sides before, then those after: [top, left, bottom, right]) and
 * "dilation", `rank` (1 or 2) axes and the kernel's size, all of which may be
 * left out: fills the window but for channels and groups, and writes the
 * settings in their full form. LIP_INVALID: the kernel does not fit, a stride
 * is zero, the output is empty. Average pools: `include` says that padding
 * counts. */
enum lip_status lip_window_infer(struct lip_window *out,
                                 struct lip_layer *layer,
                                 const struct lip_shape *in,
                                 const size_t kernel[2], struct lip_ctx *ctx);

#endif
