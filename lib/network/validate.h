/* SPDX-License-Identifier: MIT
 *
 * The checks that a list of layers passes before it is a network. */
#ifndef LIP_NETWORK_VALIDATE_H
#define LIP_NETWORK_VALIDATE_H

#include "network/network.h"

/* Checks numbers, sources and shapes of all layers and sets what validation
 * sets in them; *inputs receives how many numbers the network takes.
 * LIP_INVALID, naming the layer. O(parameters). */
enum lip_status lip_layers_validate(size_t *inputs, struct lip_layer *layer,
                                    size_t count, struct lip_ctx *ctx);

#endif
