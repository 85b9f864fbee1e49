/* SPDX-License-Identifier: MIT
 *
 * Operators on constants: what exporters compute shapes with. */
#ifndef LIP_FORMATS_ONNX_FOLD_H
#define LIP_FORMATS_ONNX_FOLD_H

#include "formats/onnx/reader.h"

/* fold_arithmetic.c: number by number. */
enum lip_status lip_onnx_fold_binary(struct lip_onnx_reader *reader);
enum lip_status lip_onnx_fold_unary(struct lip_onnx_reader *reader);
enum lip_status lip_onnx_fold_cast(struct lip_onnx_reader *reader);
enum lip_status lip_onnx_fold_where(struct lip_onnx_reader *reader);
/* fold_move.c: the same numbers elsewhere. */
enum lip_status lip_onnx_fold_gather(struct lip_onnx_reader *reader);
enum lip_status lip_onnx_fold_slice(struct lip_onnx_reader *reader);
enum lip_status lip_onnx_fold_concat(struct lip_onnx_reader *reader);
enum lip_status lip_onnx_fold_transpose(struct lip_onnx_reader *reader);
enum lip_status lip_onnx_fold_expand(struct lip_onnx_reader *reader);
/* fold.c: numbers from nothing. */
enum lip_status lip_onnx_fold_constant(struct lip_onnx_reader *reader);
enum lip_status lip_onnx_fold_fill(struct lip_onnx_reader *reader);
enum lip_status lip_onnx_fold_range(struct lip_onnx_reader *reader);
enum lip_status lip_onnx_fold_product(struct lip_onnx_reader *reader);

/* A new constant of this shape that output 0 is: whole, or else real with its
 * numbers at *reals. */
enum lip_status lip_onnx_fold_new(struct lip_onnx_constant **out,
                                  struct lip_onnx_reader *reader, size_t rank,
                                  const size_t *dim, double **reals);

#endif
