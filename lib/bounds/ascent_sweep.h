/* SPDX-License-Identifier: MIT
 *
 * The sweeps of an ascent, for the files that implement ascent.h: each layer
 * is cut into tiles of neurons, whose number depends on the layer alone, and
 * the crew's threads share them. */
#ifndef LIP_BOUNDS_ASCENT_SWEEP_H
#define LIP_BOUNDS_ASCENT_SWEEP_H

#include "bounds/ascent.h"

/* Moves the state by `step` towards the image (0: stays), scales directions
 * to length 1, and propagates the vectors; the value reached. */
struct lip_big lip_ascent_forward(struct lip_ascent *ascent, double step);

/* The image of the state: the directions that the objective's gradient asks
 * for, and the input. The multipliers of the present vectors into `keep`,
 * where it is not NULL. After lip_ascent_forward. */
void lip_ascent_backward(struct lip_ascent *ascent,
                         struct lip_multipliers *keep);

/* |x|_2 of r numbers, right to (r + 8) u also where squares would vanish. */
double lip_ascent_length(const double *x, size_t r);

/* Scales by a power of two to a largest entry near 1; returns the power. */
long lip_ascent_moderate(struct lip_matrix *m);

#endif
