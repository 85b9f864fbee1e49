/* SPDX-License-Identifier: MIT
 *
 * Symmetric band matrices: a proof that one is positive definite. Element
 * (i, j) of the lower triangle, j <= i <= j + width, lies at
 * data[i - j + j (width + 1)]. */
#ifndef LIP_LINALG_BAND_H
#define LIP_LINALG_BAND_H

#include "base/context.h"

#include <stdbool.h>
#include <stddef.h>

struct lip_band {
    size_t size, width;
    double *data;
};

/* All zero. LIP_NO_MEMORY, LIP_TOO_LARGE. size (width + 1) numbers. */
enum lip_status lip_band_new(struct lip_band *out, size_t size, size_t width,
                             struct lip_ctx *ctx);
void lip_band_clear(struct lip_band *band);

/* Is tau I - A proven positive semidefinite? `work` has the shape of A and may
 * be A. As in cholesky.h, with inner products of at most `width` terms, so that
 * gamma_{width+4} takes the place of gamma_{n+3}. size width^2 flops. */
bool lip_band_proves(struct lip_band *work, const struct lip_band *a,
                     double tau);

#endif
