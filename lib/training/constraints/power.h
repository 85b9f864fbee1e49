/* SPDX-License-Identifier: MIT
 *
 * Warm-started power iteration on a float32 matrix: the spectral norm from
 * below, sharper with every step of training. */
#ifndef LIP_TRAINING_CONSTRAINTS_POWER_H
#define LIP_TRAINING_CONSTRAINTS_POWER_H

#include "training/constraint.h"

/* Room of the two vectors: rows + cols. */
size_t lip_power_warm(size_t rows, size_t cols);

/* `rounds` rounds on W = w; u[rows] and v[cols], unit vectors, lie one after
 * the other in matrix->warm. Returns s = |W'u|, with W'u = s v. O(rows cols) a
 * round. */
double lip_power(const struct lip_constrained *matrix, const float *w,
                 int rounds);

#endif
