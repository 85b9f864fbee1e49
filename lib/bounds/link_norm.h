/* SPDX-License-Identifier: MIT
 *
 * Norms of one link of a chain, with its exponent and its radius. */
#ifndef LIP_BOUNDS_LINK_NORM_H
#define LIP_BOUNDS_LINK_NORM_H

#include "linalg/big.h"
#include "linalg/norm.h"
#include "network/chain.h"

/* An upper bound of |W|_{p->q}; see lip_norm_upper for what is exact. */
enum lip_status lip_link_norm(struct lip_big *out, const struct lip_link *link,
                              struct lip_norm_pair pair, struct lip_ctx *ctx);

/* An upper bound of |W|_F. */
struct lip_big lip_link_frobenius(const struct lip_link *link);

#endif
