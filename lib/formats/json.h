/* SPDX-License-Identifier: MIT
 *
 * The model document {"layers": [{"type": "dense", "weight": [[...], ...],
 * "bias": [...]}, {"type": "relu"}, ...], "metadata": {"name": "text"}}.
 * A layer with tensors may say "dtype": "float32" (and "bias_dtype"): then its
 * numbers are rounded to that type. In a graph layers say what they take their
 * numbers from, "inputs": ["conv1", "input"], by the names of earlier layers or
 * their numbers in the list; "input" is the model's input. "input": [1, 28, 28]
 * beside "layers" is short for a first layer that reshapes to it. */
#ifndef LIP_FORMATS_JSON_H
#define LIP_FORMATS_JSON_H

#include "formats/format.h"

extern const struct lip_format lip_format_json;

/* Reads a model from text[0 .. size), which is the model value alone, white
 * space around it allowed. Errors speak of byte `offset` + i and of the JSON
 * pointer `prefix` + "/layers/...": pass 0 and "" where the text is the whole
 * document, or the value's place in it. Nothing in the network points into
 * text. Time O(size); 8 bytes of memory for each number. */
enum lip_status lip_json_read_model(struct lip_network **out,
                                    const unsigned char *text, size_t size,
                                    size_t offset, const char *prefix,
                                    const struct lip_read_options *options,
                                    struct lip_ctx *ctx);

#endif
