/* SPDX-License-Identifier: MIT
 *
 * Proven upper bounds of the spectral norm |A|_2. */
#ifndef LIP_LINALG_SPECTRAL_H
#define LIP_LINALG_SPECTRAL_H

#include "linalg/matrix.h"

/* sqrt(tau + gamma_{k+2} |A|_F^2) with tau I - fl(A^T A) proven positive
 * definite, on the smaller side of A (k is the longer one). Relative overshoot
 * about n^2 u / 2: 5e-11 at n = 1000. A has entries below 2^100 in absolute
 * value, the largest above 2^-300 (or A is zero, which gives 0).
 * n^2 k + n^3/3 flops, and some 10 to 60 matrix-vector products. */
enum lip_status lip_spectral_upper(double *out, const struct lip_matrix *a,
                                   struct lip_ctx *ctx);

#endif
