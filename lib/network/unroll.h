/* SPDX-License-Identifier: MIT
 *
 * Any network as an alternating chain of matrices and slopes.
 *
 * The numbers that layers give fall into levels: an elementwise layer is one
 * level above what it takes, all others are on that level. Between levels i and
 * i + 1 stands gap i + 1: it holds the neurons of all elementwise layers of
 * level i + 1 and, with slopes [1, 1], the numbers of lower levels that some
 * layer above still takes. Matrix i takes what comes out of gap i to what goes
 * into gap i + 1; it is the product of the linear layers between.
 *
 * This loses nothing: a neuron of slopes [1, 1] hands its number on. So a
 * residual block x + W2 phi(W1 x) becomes [W2 I] diag(phi, id) [W1; I], on
 * which LipSDP is the residual LMI, and the averaged recursion has
 * |I + W2 M W1| in it, not 1 + |W2||W1|.
 *
 * The largest of several numbers is taken in pairs, max(a, b) =
 * (a + b)/2 + |a - b|/2, in as many levels as that takes; so is MaxMin. */
#ifndef LIP_NETWORK_UNROLL_H
#define LIP_NETWORK_UNROLL_H

#include "network/chain.h"

/* Matrices of more bytes than that together are not made. */
#define LIP_UNROLL_BYTES 2e9

/* Bytes that all matrices take and the widths of the gaps, from the shapes
 * alone; infinite with a sentence in reason[240] where a layer has no such form
 * (softmax). O(count of layers). */
double lip_unroll_bytes(const struct lip_network *network, char *reason);

/* Fills chain->link, slopes, gap, count of an empty chain. Radii bound what
 * multiplying out and batch norms have rounded. */
enum lip_status lip_unroll(struct lip_chain *chain,
                           const struct lip_network *network,
                           struct lip_ctx *ctx);

#endif
