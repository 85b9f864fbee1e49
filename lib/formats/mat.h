/* SPDX-License-Identifier: MIT
 *
 * MATLAB files of level 5 ("save -v6" and "-v7"; scipy.io.savemat): 128 bytes
 * of header, then variables, each plain or deflated. */
#ifndef LIP_FORMATS_MAT_H
#define LIP_FORMATS_MAT_H

#include "formats/format.h"
#include "formats/tensor_list.h"

extern const struct lip_format lip_format_mat;

/* Appends the matrices of the file. Those inside of cell arrays and structs go
 * by their place, counted from 1: "weights.3" is weights{3}, "net.W1" is
 * net.W1, "layers.2.W" is layers(2).W. Texts, truth values and empty matrices
 * are passed over. LIP_UNSUPPORTED: level 7.3 (HDF5), objects, sparse and
 * complex matrices, more than two dimensions. O(bytes). */
enum lip_status lip_mat_read(struct lip_tensor_list *list,
                             struct lip_buffer *bytes,
                             const struct lip_read_options *options,
                             struct lip_ctx *ctx);

#endif
