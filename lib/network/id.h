/* SPDX-License-Identifier: MIT
 *
 * The name a model has wherever it comes from. */
#ifndef LIP_NETWORK_ID_H
#define LIP_NETWORK_ID_H

#include "network/network.h"

/* Writes network->id: the SHA-256 of
 *
 *     "lipschitz network 1", count, layer 0, layer 1, ...
 *     layer:  type, number of parameters, parameters, weight, bias
 *     tensor: 0 where absent; else 1, rank, dimensions, numbers by rows
 *
 * where the model is a chain of dense layers without settings, and otherwise
 *
 *     "lipschitz network 2", count, layer 0, layer 1, ...
 *     layer:  type, number of sources, sources (all ones: the input), number of
 *             parameters, parameters, of each setting how many numbers and the
 *             numbers, weight, bias, mean, variance
 *
 * with text as length and bytes, whole numbers as 64 bits, all numbers of the
 * model as doubles with -0 written as +0, everything little-endian. Names of
 * layers, element types and storage order do not enter. Parameters that a
 * weight replaces (PReLU) are left out. LIP_NO_MEMORY, LIP_TOO_LARGE: a strip
 * of the largest tensor did not fit. O(parameters). */
enum lip_status lip_network_identify(struct lip_network *network,
                                     struct lip_ctx *ctx);

#endif
