/* SPDX-License-Identifier: MIT
 *
 * Many inputs through the first layers of a network at once, in doubles, and
 * how far each result may be from the exact one. With r in {1, 2, inf},
 * |.|_r the norm of vectors and of the matrices between them, u = 2^-53,
 * gamma_k = k u / (1 - k u), and e a bound of |x' - x|_r, x' the computed
 * numbers that enter a layer, x the exact ones:
 *
 *     dense        e <- |W| e + gamma_{n+2} (||W|| |x'| + |b|)   n inputs
 *     other linear e <- |A| e + (gamma_{n+2} + 2 d) (||A|| |x'| + |b|)
 *     layers                                       n terms of a sum, d how far
 *                                                  numbers are from stored ones
 *     activation   e <- s e + relative |y'| + argument |x'|      s the steepest
 *                                                                slope
 *     sorting,     e <- k e + 2^-44 |x'|           k the layer's constant
 *     mirroring
 *
 * each with 2^-1000 on top for what underflows. |W| is a proven induced norm,
 * ||W|| that of the matrix of absolute values; relative and argument are those
 * of struct lip_accuracy. An error of earlier layers grows with the norms of
 * the later ones: in a network that keeps a limit it hardly grows at all. */
#ifndef LIP_CERTIFY_FORWARD_H
#define LIP_CERTIFY_FORWARD_H

#include "base/context.h"
#include "linalg/norm.h"
#include "network/network.h"

struct lip_forward;

/* Takes the first `layers` layers of the network (0: none), which must outlive
 * it. LIP_UNSUPPORTED (a layer that it cannot bound the error of, or that takes
 * numbers from elsewhere than the layer before),
 * LIP_NO_MEMORY, LIP_TOO_LARGE, LIP_CANCELLED, LIP_TIMEOUT. O(parameters), and
 * for r = 2 a proven spectral norm of each matrix that is not large. */
enum lip_status lip_forward_new(struct lip_forward **out,
                                const struct lip_network *network,
                                size_t layers, enum lip_norm norm,
                                struct lip_ctx *ctx);
void lip_forward_free(struct lip_forward *forward);

/* Numbers that come out. */
size_t lip_forward_outputs(const struct lip_forward *forward);

/* y[count * outputs] from x[count * inputs], and error[count] with
 * |y'_i - y_i|_r <= error_i, rounded up. Where doubles overflow, y is not
 * finite or the error infinite. LIP_NO_MEMORY, LIP_TOO_LARGE, LIP_CANCELLED,
 * LIP_TIMEOUT. O(count parameters), in room for 2 count widest numbers: give
 * some hundred inputs at a time. */
enum lip_status lip_forward_run(double *y, double *error,
                                const struct lip_forward *forward,
                                const double *x, size_t count,
                                struct lip_ctx *ctx);

/* An upper bound of |x|_r. */
double lip_vector_upper(const double *x, size_t n, enum lip_norm norm);

/* Bytes that a forward of the whole network and one run of `count` inputs ask
 * for at most; cannot overflow. */
double lip_forward_bytes(const struct lip_network *network, double count);

#endif
