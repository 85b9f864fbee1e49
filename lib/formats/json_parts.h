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

/* The same of any depth up to LIP_MAX_RANK; a bare number has rank 0. */
enum lip_status lip_json_array(struct lip_tensor *out, struct lip_json *json);

/* Takes the type of a layer: the kind or the activation, with the parameters
 * that it has where nothing else is said. Names count without '-', '_' and
 * upper case, and some kinds have several: "conv2d". *fixed: the name says what
 * the kind's group or kernel is, which then may not be given. */
enum lip_status lip_json_layer_type(struct lip_layer *layer, bool *fixed,
                                    struct lip_json *json);

/* Takes one layer object. *inputs (NULL before) gets the place of its "inputs",
 * which are checked for syntax only. Where `tensors`, a sorted list, is given,
 * the layer's tensors are not in the text but called by name: each is marked as
 * taken, and none is taken twice. On failure the layer is left as it is, to be
 * cleared. */
enum lip_status lip_json_layer(struct lip_layer *layer,
                               const unsigned char **inputs,
                               struct lip_tensor_list *tensors,
                               struct lip_json *json);

/* Whole numbers, one or an array of them, as the setting of this kind. */
enum lip_status lip_json_setting(struct lip_setting *out,
                                 const struct lip_setting_kind *kind,
                                 struct lip_json *json);

/* Resolves the inputs of `count` layers: inputs[i] is where those of layer i
 * are written, NULL where it has none, all in the array of layers that `json`
 * has just come out of. Each is the name of an earlier layer, its number in the
 * array, or "input". O(n log n). */
enum lip_status lip_json_sources(struct lip_layer *layer, size_t count,
                                 const unsigned char *const *inputs,
                                 const struct lip_json *json);

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
