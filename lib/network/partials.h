/* SPDX-License-Identifier: MIT
 *
 * Intervals that hold all partial derivatives of a network:
 *
 *     lo_kj <= (f_k(x + t e_j) - f_k(x)) / t <= hi_kj   for all x and t != 0,
 *
 * f that of the stored numbers in exact arithmetic. They prove that an output
 * never falls, or never rises, when an input grows. */
#ifndef LIP_NETWORK_PARTIALS_H
#define LIP_NETWORK_PARTIALS_H

#include "network/network.h"

/* Both arrays outputs x inputs, row-major. */
struct lip_partials {
    size_t inputs, outputs;
    double *lo, *hi;
};

/* Interval arithmetic from the first layer on, rounded outward: a matrix takes
 * sums of intervals, an activation its range of slopes; a sorted number may
 * move as any of its group does, a mirrored one as fast as the fastest.
 * O(inputs parameters); memory for 4 inputs times the largest width.
 * LIP_UNPROVEN (overflow), LIP_TIMEOUT, LIP_CANCELLED, LIP_TOO_LARGE,
 * LIP_NO_MEMORY. */
enum lip_status lip_partials_new(struct lip_partials *out,
                                 const struct lip_network *network,
                                 struct lip_ctx *ctx);
void lip_partials_clear(struct lip_partials *partials);

#endif
