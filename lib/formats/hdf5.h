/* SPDX-License-Identifier: MIT
 *
 * HDF5, as Keras writes it (.h5). No library that reads it is fit for bytes
 * from outside, so that a program of its own turns the file into safetensors:
 * who has such a program says so here. */
#ifndef LIP_FORMATS_HDF5_H
#define LIP_FORMATS_HDF5_H

#include "formats/format.h"

/* Detects nothing, and so stands aside, where there is no converter. */
extern const struct lip_format lip_format_hdf5;

/* Sets what makes a safetensors file of an HDF5 file in this process; NULL:
 * nothing, as in the beginning. The buffer that comes out is the caller's; a
 * failure is recorded. To be called before other threads read models. */
void lip_hdf5_set_converter(enum lip_status (*converter)(
    struct lip_buffer **out, struct lip_buffer *bytes, struct lip_ctx *ctx));

#endif
