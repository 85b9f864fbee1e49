/* SPDX-License-Identifier: MIT
 *
 * Networks unrolled into chains. */
#ifndef LIP_TESTS_SUPPORT_UNROLLED_H
#define LIP_TESTS_SUPPORT_UNROLLED_H

#include "network/chain.h"

#include <stdint.h>

/* The chain of a network, which must be unrolled. */
struct lip_chain *unrolled_chain(const struct lip_network *network,
                                 struct lip_ctx *ctx);

/* Fails unless the chain's value at random points is the network's. Without
 * biases, neurons straight on either side of 0 (struct drawn.straight). */
void unrolled_value(const struct lip_network *network,
                    const struct lip_chain *chain, uint64_t *seed, int number);

#endif
