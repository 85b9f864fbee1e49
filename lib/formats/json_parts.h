/* SPDX-License-Identifier: MIT
 *
 * The parts that the JSON model reader is made of. */
#ifndef LIP_FORMATS_JSON_PARTS_H
#define LIP_FORMATS_JSON_PARTS_H

#include "formats/format.h"
#include "formats/json_scan.h"
#include "formats/tensor_list.h"

/* Take an array of numbers, or of equally long arrays of numbers, into a new
 * float64 tensor. Empty ones and rows of different length are LIP_INVALID. One
 * allocation of 8 bytes a number. */
enum lip_status lip_json_vector(struct lip_tensor *out, struct lip_json *json);
enum lip_status lip_json_matrix(struct lip_tensor *out, struct lip_json *json);

/* Takes one layer object; `before` is the layer in front of it or NULL. Where
 * `tensors`, a sorted list, is given, the layer's tensors are not in the text
 * but called by name: each is marked as taken, and none is taken twice. On
 * failure the layer is left as it is, to be cleared. */
enum lip_status lip_json_layer(struct lip_layer *layer,
                               const struct lip_layer *before,
                               struct lip_tensor_list *tensors,
                               struct lip_json *json);

/* Appends the members of an object, all text, to the metadata. What is past
 * their bounds is left out; a name that occurs twice is LIP_INVALID. */
enum lip_status lip_json_metadata(struct lip_metadata *metadata,
                                  struct lip_json *json);

/* Makes the network of tensors->layers: an array of layers, or a document as
 * lip_json_read_model takes it, with names for numbers. Every tensor of the
 * sorted list must be in exactly one layer. The network takes holds of the
 * tensors and gets the list's metadata. */
enum lip_status lip_json_read_named(struct lip_network **out,
                                    struct lip_tensor_list *tensors,
                                    const struct lip_read_options *options,
                                    struct lip_ctx *ctx);

#endif
