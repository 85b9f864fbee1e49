/* SPDX-License-Identifier: MIT
 *
 * PyTorch: state dicts as torch.save writes them since 1.6, a zip file of a
 * pickle and the numbers. Nothing in the pickle is executed. */
#ifndef LIP_FORMATS_TORCH_H
#define LIP_FORMATS_TORCH_H

#include "formats/format.h"
#include "formats/tensor_list.h"

extern const struct lip_format lip_format_torch;

/* Appends the tensors of the state dict: the file's own dictionary, or the one
 * in it that holds tensors ({"epoch": 3, "state_dict": {...}}). Numbers stay
 * where they are in the file, but for views that are neither contiguous nor
 * transposed, which are copied, at most options->max_inflated bytes of them.
 * Integers (num_batches_tracked) are left out. LIP_UNSUPPORTED, naming it: the
 * dictionary holds something else. */
enum lip_status lip_torch_read(struct lip_tensor_list *list,
                               struct lip_buffer *bytes,
                               const struct lip_read_options *options,
                               struct lip_ctx *ctx);

#endif
