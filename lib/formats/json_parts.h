/* SPDX-License-Identifier: MIT
 *
 * The parts that the JSON model reader is made of. */
#ifndef LIP_FORMATS_JSON_PARTS_H
#define LIP_FORMATS_JSON_PARTS_H

#include "formats/json_scan.h"
#include "network/network.h"

/* Take an array of numbers, or of equally long arrays of numbers, into a new
 * float64 tensor. Empty ones and rows of different length are LIP_INVALID. One
 * allocation of 8 bytes a number. */
enum lip_status lip_json_vector(struct lip_tensor *out, struct lip_json *json);
enum lip_status lip_json_matrix(struct lip_tensor *out, struct lip_json *json);

/* Takes one layer object; `before` is the layer in front of it or NULL. On
 * failure the layer is left as it is, to be cleared. */
enum lip_status lip_json_layer(struct lip_layer *layer,
                               const struct lip_layer *before,
                               struct lip_json *json);

#endif
