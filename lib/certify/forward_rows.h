/* SPDX-License-Identifier: MIT
 *
 * Linear layers of any kind on a block of inputs, by their rows: for forward.c.
 */
#ifndef LIP_CERTIFY_FORWARD_ROWS_H
#define LIP_CERTIFY_FORWARD_ROWS_H

#include "base/context.h"
#include "network/network.h"

/* The norms that an error depends on. A is what the stored numbers say; what is
 * computed with, A', is within `uncertainty` |A'| of it, entry by entry. */
struct lip_forward_norms {
    double norm;        /* of A, from l_r to l_r */
    double absolute;    /* of |A'| */
    double offset;      /* of |b'| */
    double uncertainty; /* relative */
    size_t terms;       /* of a sum, at most */
};

/* LIP_NO_MEMORY, LIP_TOO_LARGE, LIP_CANCELLED, LIP_TIMEOUT; LIP_UNPROVEN. */
enum lip_status lip_forward_norms(struct lip_forward_norms *out,
                                  const struct lip_layer *layer,
                                  enum lip_norm norm, struct lip_ctx *ctx);

/* y[count x outputs] = A' x[count x inputs] + b', term by term. O(count
 * entries) and room for count (inputs + 1) numbers. LIP_NO_MEMORY,
 * LIP_TOO_LARGE. */
enum lip_status lip_forward_rows(double *y, const struct lip_layer *layer,
                                 const double *x, size_t count,
                                 struct lip_ctx *ctx);

/* Bytes that both take, for `count` inputs. */
double lip_forward_rows_bytes(const struct lip_layer *layer, double count);

#endif
