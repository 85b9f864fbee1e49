/* SPDX-License-Identifier: MIT
 *
 * Maps that take each output from one place of the input, an axis at a time. */
#ifndef LIP_FORMATS_ONNX_MOVE_H
#define LIP_FORMATS_ONNX_MOVE_H

#include "formats/onnx/reader.h"

/* Which position of axis `axis` each position of the output is: from[axis], of
 * dim[axis] numbers; NULL: the axis is as it was. */
struct lip_onnx_map {
    size_t dim[LIP_MAX_RANK];
    size_t *from[LIP_MAX_RANK];
};

/* A map that changes nothing yet of a value. */
struct lip_onnx_map lip_onnx_map_of(const struct lip_onnx_value *x);
/* Room for `count` positions of an axis, whose places are then in
 * map->from[axis]. LIP_UNSUPPORTED: the axis is the batch; LIP_TOO_LARGE. */
enum lip_status lip_onnx_map_axis(struct lip_onnx_map *map,
                                  struct lip_onnx_reader *reader,
                                  const struct lip_onnx_value *x, size_t axis,
                                  size_t count);
void lip_onnx_map_clear(struct lip_onnx_map *map);

/* Appends the gather that does it; output 0 is its result. O(outputs). */
enum lip_status lip_onnx_map_apply(struct lip_onnx_reader *reader,
                                   const struct lip_onnx_value *x,
                                   const struct lip_onnx_map *map);

/* Appends a transpose of the axes from `lead` on; axes[k] counts all. */
enum lip_status lip_onnx_move_axes(struct lip_onnx_reader *reader,
                                   const struct lip_onnx_value *x,
                                   const size_t *axes, size_t rank);

/* A slice start, start + step, ... of axis `axis` as output `k`. */
struct lip_onnx_cut {
    int64_t start, stop, step;
};
enum lip_status lip_onnx_cut_axes(struct lip_onnx_reader *reader, size_t k,
                                  const struct lip_onnx_value *x,
                                  const struct lip_onnx_cut *cut);

/* starts, ends, axes and steps of a Slice node, for each axis of a value. */
enum lip_status lip_onnx_read_cuts(struct lip_onnx_reader *reader,
                                   const struct lip_onnx_value *x,
                                   struct lip_onnx_cut *cut);
/* How many positions a cut takes. */
size_t lip_onnx_cut_length(const struct lip_onnx_cut *cut);

#endif
