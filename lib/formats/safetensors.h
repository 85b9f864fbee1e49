/* SPDX-License-Identifier: MIT
 *
 * safetensors: 8 bytes of header length (little-endian), a JSON header
 * {"name": {"dtype", "shape", "data_offsets"}, ...}, one buffer. */
#ifndef LIP_FORMATS_SAFETENSORS_H
#define LIP_FORMATS_SAFETENSORS_H

#include "formats/format.h"
#include "formats/tensor_list.h"

extern const struct lip_format lip_format_safetensors;

/* The longest header that is read, in bytes. */
enum { LIP_SAFETENSORS_HEADER = 4 << 20 };

/* Appends the file's tensors, as views into `bytes`. Every byte of the file
 * belongs to exactly one tensor or the header. O(tensors log tensors). */
enum lip_status lip_safetensors_read(struct lip_tensor_list *list,
                                     struct lip_buffer *bytes,
                                     struct lip_ctx *ctx);

#endif
