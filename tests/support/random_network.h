/* SPDX-License-Identifier: MIT
 *
 * Random small networks of every kind of layer, for properties that all
 * networks have. */
#ifndef LIP_TESTS_SUPPORT_RANDOM_NETWORK_H
#define LIP_TESTS_SUPPORT_RANDOM_NETWORK_H

#include "network/network.h"

#include <stdint.h>

/* What may be in it. */
struct random_network {
    bool wild;       /* numbers from 5e-324 to 1e300, -0, all element types,
                        both storage orders, odd names */
    bool sorts_only; /* between dense layers only groupsort and householder */
    bool pairs_only; /* of joint layers only groupsort of pairs */
};

/* Up to 8 layers of up to 12 numbers, a dense one first. Memory from the
 * context; what cannot happen fails the running test. */
struct lip_network *random_network(uint64_t *seed, struct random_network what,
                                   struct lip_ctx *ctx);

#endif
