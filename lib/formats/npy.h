/* SPDX-License-Identifier: MIT
 *
 * npy: one array of NumPy, versions 1 to 3, of floating-point numbers. */
#ifndef LIP_FORMATS_NPY_H
#define LIP_FORMATS_NPY_H

#include "formats/format.h"

enum { LIP_NPY_DESCR = 16 };

/* A lone 2-D array is a network of one dense layer without bias. */
extern const struct lip_format lip_format_npy;

/* Whether the bytes begin as an npy file does. */
bool lip_npy_detect(const unsigned char *bytes, size_t size);

/* What the header of an array says: its element type as NumPy writes it
 * ("<f4"), its shape, and where the numbers begin. */
struct lip_npy_header {
    char descr[LIP_NPY_DESCR];
    bool fortran; /* first index fastest */
    size_t rank, dim[LIP_MAX_RANK];
    size_t data; /* bytes in front of the numbers */
};

/* Reads the header alone, from bytes that need not go on behind it. `name` as
 * below. LIP_MALFORMED, LIP_UNSUPPORTED, LIP_TOO_LARGE (over 65536 bytes). */
enum lip_status lip_npy_header_read(struct lip_npy_header *out,
                                    const unsigned char *bytes, size_t size,
                                    const char *name, struct lip_ctx *ctx);

/* Reads the array that fills `bytes`: a view into it, or, where it is
 * big-endian, a copy. `name` is for messages; NULL: the array is the whole
 * file, and messages give byte offsets. LIP_UNSUPPORTED: other element types
 * (integers, objects, records), more than LIP_MAX_RANK dimensions. */
enum lip_status lip_npy_read(struct lip_tensor *out, struct lip_buffer *bytes,
                             const char *name, struct lip_ctx *ctx);

#endif
