/* SPDX-License-Identifier: MIT
 *
 * Files that hold weights only, read as a chain of dense layers with one
 * activation between them. */
#ifndef LIP_FORMATS_WEIGHTS_H
#define LIP_FORMATS_WEIGHTS_H

#include "formats/format.h"
#include "formats/tensor_list.h"

/* Tensors are grouped by what remains of the name without its weight, kernel,
 * bias, W, w, b, weights or biases part ("0.weight" with "0.bias", "W1" with
 * "b1"); groups come in natural order (fc2 before fc10). The 2-D tensor of a
 * group is a dense weight, its 1-D tensor of matching size the bias. Whatever
 * does not fit this is an error that names the tensor: LIP_INVALID, or
 * LIP_UNSUPPORTED for more than two dimensions. Sorts the list; the network
 * takes holds of its own and the list's metadata.
 *
 * Where the file itself says which layers its tensors make (list->layers), or
 * the options do, that counts and nothing is guessed; both: LIP_INVALID. */
enum lip_status lip_weights_network(struct lip_network **out,
                                    struct lip_tensor_list *list,
                                    const struct lip_read_options *options,
                                    struct lip_ctx *ctx);

/* What remains of the reader of a format that holds named tensors: fills a list
 * by `tensors` and makes the network of it. */
enum lip_status lip_weights_read(
    struct lip_network **out, struct lip_buffer *bytes,
    const struct lip_read_options *options, struct lip_ctx *ctx,
    enum lip_status (*tensors)(struct lip_tensor_list *list,
                               struct lip_buffer *bytes,
                               const struct lip_read_options *options,
                               struct lip_ctx *ctx));

#endif
