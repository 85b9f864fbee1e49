/* SPDX-License-Identifier: MIT
 *
 * The symbol of a convolution, for training: with the kernel in phases
 * (phases.h),
 *
 *     M(f) = sum over taps a of P[a] exp(-2 pi i <a, f / N>),
 *
 * channels out x (classes, channels in), on a grid of N places an axis, more
 * than twice the taps. |M(f)| at all frequencies is the norm on an image that
 * closes round, and nearly the norm on any other. As real matrices
 * [Re -Im; Im Re] they have the same singular values, twice. */
#ifndef LIP_TRAINING_SYMBOL_H
#define LIP_TRAINING_SYMBOL_H

#include "base/context.h"
#include "network/window.h"

/* Floats of `work` that the others want, aligned like a double. */
size_t lip_symbol_room(const struct lip_window *window);

/* One step from the kernel towards those whose symbol has no singular value
 * above the limit: M(f) is clipped at each frequency, and what that changes,
 * brought back to the places that the kernel has, is added to it (Sedghi,
 * Gupta, Long, ICLR 2019). Steps one after the other converge to such a kernel;
 * after one the norm is above the limit by some per cent. LIP_INVALID where the
 * numbers are not finite; LIP_NO_MEMORY. */
enum lip_status lip_symbol_clip(float *kernel, const struct lip_window *window,
                                double limit, float *work, struct lip_ctx *ctx);

/* The largest over all frequencies of |G|_F^(1 / 2^rounds), G = M M' squared
 * `rounds` - 1 times: above |M(f)|, by a factor of at most k^(1 / 2^(rounds +
 * 1)), k its rank (Delattre, Barthelemy, Araujo, Allauzen, ICML 2023). */
double lip_symbol_gram(const float *kernel, const struct lip_window *window,
                       int rounds, float *work);

/* The same of a rows x cols matrix; work[2 k^2], k = min(rows, cols). */
double lip_gram_norm(const float *w, size_t rows, size_t cols, int rounds,
                     float *work);

#endif
