/* SPDX-License-Identifier: MIT
 *
 * The list of layers as JSON, which all formats share: with the numbers in it,
 * or with the names of tensors that lie beside it. */
#ifndef LIP_FORMATS_WRITE_LAYERS_H
#define LIP_FORMATS_WRITE_LAYERS_H

#include "formats/output.h"
#include "network/network.h"

/* Writes the array [{"type": ...}, ...]. A layer's tensors are arrays of
 * numbers, or, where `named`, strings: the names of lip_write_tensor_name.
 * Where that would lose the type of the elements, "dtype" (and "bias_dtype")
 * tell it: always with numbers, and with names where the file has no such type
 * (`no_bfloat16`: its bytes then are float32). */
struct lip_write_style {
    bool named, no_bfloat16;
};
void lip_write_layers(struct lip_output *output,
                      const struct lip_network *network,
                      struct lip_write_style style);

/* The text of metadata as a JSON object. */
void lip_write_metadata(struct lip_output *output,
                        const struct lip_metadata *metadata);

/* The tensor of layer i that is its part `part`; false where it has none. The
 * name is "0.weight", "0.bias", "3.angles". */
struct lip_written_tensor {
    const struct lip_tensor *tensor;
    char name[48];
};
bool lip_written_tensor(struct lip_written_tensor *out,
                        const struct lip_network *network, size_t i,
                        enum lip_part part);

#endif
