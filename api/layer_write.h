/* SPDX-License-Identifier: MIT
 *
 * Layers in answers, and what bounds make of them: norms, factors of products,
 * matrices and widths. */
#ifndef API_LAYER_WRITE_H
#define API_LAYER_WRITE_H

#include "api/layer_norm.h"
#include "api/text.h"

/* Layer i without its numbers. `known` may be NULL. */
void api_layer_write(struct api_text *text, const struct lip_network *network,
                     size_t i, const struct api_layer *known);

/* The factors of a product over layers as members "segments" and "constants"
 * of an open object, with the norm that they are in where that is not both of
 * the pair. */
void api_product_write(struct api_text *text, const struct lip_product *product,
                       struct lip_norm_pair norm);

/* The widths between the matrices that the network was brought to, and how many
 * of the numbers only pass; or why it was not; and what the network ends with
 * that is no part of them, with its constant in the norm of the output. */
void api_chain_write(struct api_text *text, const char *key,
                     const struct lip_chain *chain, enum lip_norm output);

/* A norm as a member: 1, 2 or "inf". */
void api_norm_write(struct api_text *text, const char *key, enum lip_norm norm);

#endif
