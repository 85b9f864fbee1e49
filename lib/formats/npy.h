/* SPDX-License-Identifier: MIT
 *
 * npy: one array of NumPy, versions 1 to 3, of floating-point numbers. */
#ifndef LIP_FORMATS_NPY_H
#define LIP_FORMATS_NPY_H

#include "formats/format.h"

/* A lone 2-D array is a network of one dense layer without bias. */
extern const struct lip_format lip_format_npy;

/* Whether the bytes begin as an npy file does. */
bool lip_npy_detect(const unsigned char *bytes, size_t size);

/* Reads the array that fills `bytes`: a view into it, or, where it is
 * big-endian, a copy. `name` is for messages; NULL: the array is the whole
 * file, and messages give byte offsets. LIP_UNSUPPORTED: other element types
 * (integers, objects, records), more than LIP_MAX_RANK dimensions. */
enum lip_status lip_npy_read(struct lip_tensor *out, struct lip_buffer *bytes,
                             const char *name, struct lip_ctx *ctx);

#endif
