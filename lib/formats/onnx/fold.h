/* SPDX-License-Identifier: MIT
 *
 * Operators on constants: what exporters compute shapes with. */
#ifndef LIP_FORMATS_ONNX_FOLD_H
#define LIP_FORMATS_ONNX_FOLD_H

#include "formats/onnx/reader.h"

typedef enum lip_status lip_onnx_fold_fn(struct lip_onnx_reader *reader);

/* fold_arithmetic.c: number by number. */
lip_onnx_fold_fn lip_onnx_fold_binary, lip_onnx_fold_unary, lip_onnx_fold_cast,
    lip_onnx_fold_where;
/* fold_move.c: the same numbers elsewhere. */
lip_onnx_fold_fn lip_onnx_fold_gather, lip_onnx_fold_slice,
    lip_onnx_fold_concat, lip_onnx_fold_transpose, lip_onnx_fold_expand;
/* fold.c: numbers from nothing. */
lip_onnx_fold_fn lip_onnx_fold_constant, lip_onnx_fold_fill,
    lip_onnx_fold_range, lip_onnx_fold_product;

/* A new constant of this shape that output 0 is: whole, or else real with its
 * numbers at *reals. */
enum lip_status lip_onnx_fold_new(struct lip_onnx_constant **out,
                                  struct lip_onnx_reader *reader, size_t rank,
                                  const size_t *dim, double **reals);

#endif
