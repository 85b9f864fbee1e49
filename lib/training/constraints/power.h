/* SPDX-License-Identifier: MIT
 *
 * Warm-started power iteration on a float32 matrix or convolution A: the
 * spectral norm from below, sharper with every step of training. */
#ifndef LIP_TRAINING_CONSTRAINTS_POWER_H
#define LIP_TRAINING_CONSTRAINTS_POWER_H

#include "training/constraint.h"

/* Room of the two vectors: what goes in and what comes out of A. */
size_t lip_power_warm(const struct lip_constrained *matrix);

/* `rounds` rounds with W = w; u and v, unit vectors, lie one after the other in
 * matrix->warm. Returns s = |A'u|, with A'u = s v. Of a convolution, A is the
 * map of whole images, edges included. O(rows cols) a round, times the places
 * of a window. */
double lip_power(const struct lip_constrained *matrix, const float *w,
                 int rounds);

/* D, the derivative of u'A v by W: u v' of a matrix; of a convolution the sum
 * over the places of a window of u times the patch of v there. out += a D, and
 * out += a D / |D|^2. room[rows cols] where there is a window. */
void lip_power_add(float *out, double a, const struct lip_constrained *matrix,
                   float *room);
void lip_power_step(float *out, double a, const struct lip_constrained *matrix,
                    float *room);

#endif
