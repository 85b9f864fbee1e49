/* SPDX-License-Identifier: MIT
 *
 * Random small networks of layers that have shapes, with skip connections, for
 * properties that all networks have. */
#ifndef LIP_TESTS_SUPPORT_RANDOM_GRAPH_H
#define LIP_TESTS_SUPPORT_RANDOM_GRAPH_H

#include "network/network.h"

#include <stdint.h>

/* A reshape to an image or a sequence and up to 9 layers of any kind that has a
 * row in the table of kinds, but for dense ones and those of chains. All
 * element types; names that are missing, odd, or there twice. Memory from the
 * context; what cannot happen fails the running test. */
struct lip_network *random_graph(uint64_t *seed, struct lip_ctx *ctx);

#endif
