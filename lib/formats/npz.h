/* SPDX-License-Identifier: MIT
 *
 * npz: a zip file of npy arrays, stored or deflated. */
#ifndef LIP_FORMATS_NPZ_H
#define LIP_FORMATS_NPZ_H

#include "formats/format.h"
#include "formats/tensor_list.h"

extern const struct lip_format lip_format_npz;

/* Appends the arrays of the file, named as its entries without ".npy"; the one
 * called LIP_NPZ_DOCUMENT becomes list->layers.
 * LIP_TOO_LARGE before anything is inflated where the entries say that they
 * will take more than options->max_inflated bytes, or are packed more tightly
 * than weights ever are; an entry that turns out longer than it said is
 * LIP_MALFORMED. Encrypted entries, other compression methods and files that
 * are no arrays are LIP_UNSUPPORTED. */
enum lip_status lip_npz_read(struct lip_tensor_list *list,
                             struct lip_buffer *bytes,
                             const struct lip_read_options *options,
                             struct lip_ctx *ctx);

#endif
