/* SPDX-License-Identifier: MIT
 *
 * Random small graphs of layers that have shapes and several sources, and their
 * Jacobians, for properties that all networks have. */
#ifndef LIP_TESTS_SUPPORT_GROWN_GRAPH_H
#define LIP_TESTS_SUPPORT_GROWN_GRAPH_H

#include "network/network.h"

#include <stdint.h>

/* A reshape to an image of 2 to 4 channels, then convolutions, pools, batch
 * norms, sums, joins, dense layers and activations in any order and with any
 * skips; `softmax`: now and then one of those. At most 64 inputs; fewer than
 * `most` layers besides what collects loose ends. */
struct lip_network *grown_graph(uint64_t *seed, size_t most, bool softmax,
                                struct lip_ctx *ctx);

/* The largest |J|_{p->q} at `points` random inputs, J by differences, of the
 * pairs of nth_pair(): lower bounds of the constants but for a relative 1e-5 or
 * so; 0 for the hard pairs of wider networks. */
void attained_in_pairs(double out[9], const struct lip_network *network,
                       int points, uint64_t seed);

#endif
