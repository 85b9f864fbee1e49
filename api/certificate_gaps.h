/* SPDX-License-Identifier: MIT
 *
 * How a chain of dense layers that sort or mirror numbers looks in a
 * certificate: such a layer is one gap for each of its steps, with |d| of the
 * pairs first and, with slopes [1, 1], their sums and what is in no pair. */
#ifndef API_CERTIFICATE_GAPS_H
#define API_CERTIFICATE_GAPS_H

#include "network/network.h"

struct api_gap {
    size_t width, neurons; /* those that have multipliers come first */
};

/* Gap number `index`, counted from 0; false where there are no more. */
bool api_certificate_gap(struct api_gap *out, const struct lip_network *network,
                         size_t index);

/* Calls `begin` before each matrix and `put` for each linear layer in it. */
void api_certificate_matrices(const struct lip_network *network,
                              void (*begin)(void *arg),
                              void (*put)(void *arg, size_t layer), void *arg);

#endif
