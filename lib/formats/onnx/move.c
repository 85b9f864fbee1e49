/* SPDX-License-Identifier: MIT
 *
 * Gathers, slices and transposes that operators are made of. */
#include "formats/onnx/move.h"

#include "formats/onnx/operator.h"
#include "formats/reader.h"

#include <stdio.h>
#include <string.h>

enum lip_status lip_onnx_take(struct lip_onnx_reader *reader, size_t layer,
                              struct lip_tensor index, size_t rank,
                              const size_t *dim)
{
    struct lip_layer *made;
    enum lip_status status =
        lip_onnx_append(&made, reader, &lip_layer_gather, 1, &layer, "");
    if (status != LIP_OK) {
        lip_tensor_clear(&index);
        return status;
    }
    made->weight = index;
    struct lip_setting *shape = lip_layer_set(made, "shape");
    shape->count = rank ? rank : 1;
    shape->value[0] = 1;
    for (size_t k = 0; k < rank; k++)
        shape->value[k] = (long)dim[k];
    return lip_onnx_settle(reader);
}

/* --- maps */

struct lip_onnx_map lip_onnx_map_of(const struct lip_onnx_value *x)
{
    struct lip_onnx_map map = {{0}, {NULL}};
    memcpy(map.dim, x->dim, x->rank * sizeof *x->dim);
    return map;
}

enum lip_status lip_onnx_map_axis(struct lip_onnx_map *map,
                                  struct lip_onnx_reader *reader,
                                  const struct lip_onnx_value *x, size_t axis,
                                  size_t count)
{
    if (axis == 0 && x->batch)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it works along the batch (axis 0), whose "
                               "samples must stay apart.");
    if (count == 0 || count > LIP_MAX_WIDTH)
        return lip_onnx_refuse(reader, LIP_TOO_LARGE,
                               "axis %zu would be %zu long: from 1 to %zu is "
                               "possible.",
                               axis, count, LIP_MAX_WIDTH);
    enum lip_status status = lip_onnx_account(reader, 1, &count);
    if (status != LIP_OK)
        return status;
    lip_free(map->from[axis]);
    map->from[axis] = lip_alloc(reader->ctx, count, sizeof *map->from[axis]);
    map->dim[axis] = count;
    return map->from[axis] ? LIP_OK : lip_memory_status(reader->ctx);
}

void lip_onnx_map_clear(struct lip_onnx_map *map)
{
    for (size_t k = 0; k < LIP_MAX_RANK; k++)
        lip_free(map->from[k]);
}

static size_t source_of(const struct lip_onnx_value *x,
                        const struct lip_onnx_map *map, size_t k)
{
    size_t at = 0, stride = 1;
    for (size_t axis = x->rank; axis-- > 0;) {
        size_t own = k % map->dim[axis];
        k /= map->dim[axis];
        at += (map->from[axis] ? map->from[axis][own] : own) * stride;
        stride *= x->dim[axis];
    }
    return at;
}

enum lip_status lip_onnx_map_apply(struct lip_onnx_reader *reader,
                                   const struct lip_onnx_value *x,
                                   const struct lip_onnx_map *map)
{
    struct lip_shape shape = {.rank = x->rank};
    struct lip_tensor index;
    double *at;
    size_t layer;
    memcpy(shape.dim, map->dim, x->rank * sizeof *map->dim);
    size_t count = lip_shape_count(&shape);
    if (!count)
        return lip_onnx_refuse(reader, LIP_TOO_LARGE,
                               "more than %zu numbers, or none, come out of "
                               "it.",
                               LIP_MAX_WIDTH);
    enum lip_status status = lip_onnx_enter(&layer, reader, x->operand);
    if (status == LIP_OK)
        status = lip_onnx_tensor(&index, &at, 1, &count, reader);
    for (size_t k = 0; k < count && status == LIP_OK; k++)
        at[k] = (double)source_of(x, map, k);
    size_t lead = x->rank >= 2 && map->dim[0] == 1;
    if (status == LIP_OK)
        status = lip_onnx_take(reader, layer, index, x->rank - lead,
                               map->dim + lead);
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, lip_onnx_plain(lip_onnx_last(reader)), x->rank,
                      map->dim, x->batch);
    return status;
}

/* --- transposes */

/* Whether the axes longer than 1 keep their order: nothing moves then. */
static bool stays(const struct lip_onnx_value *x, const size_t *axes)
{
    size_t last = 0;
    for (size_t k = 0; k < x->rank; k++) {
        if (x->dim[axes[k]] == 1)
            continue;
        if (axes[k] < last)
            return false;
        last = axes[k];
    }
    return true;
}

enum lip_status lip_onnx_move_axes(struct lip_onnx_reader *reader,
                                   const struct lip_onnx_value *x,
                                   const size_t *axes, size_t rank)
{
    size_t dim[LIP_MAX_RANK], layer;
    struct lip_layer *made;
    size_t lead = axes[0] == 0 ? lip_onnx_lead(x) : 0;
    if (x->batch && axes[0] != 0)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it moves the batch (axis 0), which must stay "
                               "in front.");
    for (size_t k = 0; k < rank; k++)
        dim[k] = x->dim[axes[k]];
    if (stays(x, axes)) {
        lip_onnx_give(reader, 0, x->operand, rank, dim, x->batch);
        return LIP_OK;
    }
    enum lip_status status = lip_onnx_enter_axes(&layer, reader, x, lead);
    if (status == LIP_OK)
        status =
            lip_onnx_append(&made, reader, &lip_layer_transpose, 1, &layer, "");
    if (status != LIP_OK)
        return status;
    struct lip_setting *setting = lip_layer_set(made, "axes");
    setting->count = rank - lead;
    for (size_t k = lead; k < rank; k++)
        setting->value[k - lead] = (long)(axes[k] - lead);
    status = lip_onnx_settle(reader);
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, lip_onnx_plain(lip_onnx_last(reader)), rank,
                      dim, x->batch);
    return status;
}

/* --- slices */

size_t lip_onnx_cut_length(const struct lip_onnx_cut *cut)
{
    int64_t way =
        cut->step > 0 ? cut->stop - cut->start : cut->start - cut->stop;
    uint64_t step =
        cut->step > 0 ? (uint64_t)cut->step : (uint64_t) - (cut->step + 1) + 1;
    return way <= 0 ? 0 : (size_t)(((uint64_t)way - 1) / step) + 1;
}

static int64_t within(int64_t number, int64_t low, int64_t high)
{
    return number < low ? low : number > high ? high : number;
}

/* ONNX's bounds, which count from the end where they are negative and may lie
 * outside, as positions of an axis. */
static void clamp(struct lip_onnx_cut *cut, int64_t length)
{
    int64_t back = cut->step < 0;
    int64_t first = cut->start < 0 ? cut->start + length : cut->start;
    int64_t last = cut->stop < 0 ? cut->stop + length : cut->stop;
    cut->start = within(first, 0, length - back);
    cut->stop = within(last, -back, length - back);
    cut->step = within(cut->step, -length - 1, length + 1);
}

/* Of the batch, whose length in the file is not the 1 that is looked at. */
static bool takes_all(const struct lip_onnx_cut *cut,
                      const struct lip_onnx_reader *reader)
{
    size_t batch = reader->declared_batch;
    return cut->start == 0 && cut->step == 1 &&
           (cut->stop >= INT32_MAX ||
            (batch > 1 && cut->stop >= (int64_t)batch));
}

enum lip_status lip_onnx_read_cuts(struct lip_onnx_reader *reader,
                                   const struct lip_onnx_value *x,
                                   struct lip_onnx_cut *cut)
{
    static const char *const name[] = {"starts", "ends", "axes", "steps"};
    int64_t number[4][LIP_MAX_RANK];
    size_t count[4] = {0};
    enum lip_status status = LIP_OK;
    for (size_t k = 0; k < 4 && status == LIP_OK; k++)
        status = lip_onnx_ints_since(reader, 10, name[k], k + 1, number[k],
                                     &count[k]);
    if (status != LIP_OK)
        return status;
    if (count[0] == 0 || count[1] != count[0] ||
        (count[2] && count[2] != count[0]) ||
        (count[3] && count[3] != count[0]))
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its starts, ends, axes and steps are not "
                               "equally many.");
    for (size_t k = 0; k < x->rank; k++)
        cut[k] = (struct lip_onnx_cut){0, (int64_t)x->dim[k], 1};
    for (size_t k = 0; k < count[0]; k++) {
        size_t axis;
        status = lip_onnx_axis(&axis, reader,
                               count[2] ? number[2][k] : (int64_t)k, x->rank);
        if (status != LIP_OK)
            return status;
        cut[axis] = (struct lip_onnx_cut){number[0][k], number[1][k],
                                          count[3] ? number[3][k] : 1};
        if (cut[axis].step == 0)
            return lip_onnx_refuse(reader, LIP_INVALID, "a step of it is 0.");
        if (axis == 0 && x->batch && !takes_all(&cut[0], reader))
            return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                                   "it cuts the batch (axis 0), whose samples "
                                   "must stay apart.");
        clamp(&cut[axis], (int64_t)x->dim[axis]);
    }
    return LIP_OK;
}

/* Backwards: by their places. */
static enum lip_status cut_backwards(struct lip_onnx_reader *reader,
                                     const struct lip_onnx_value *x,
                                     const struct lip_onnx_cut *cut)
{
    struct lip_onnx_map map = lip_onnx_map_of(x);
    enum lip_status status = LIP_OK;
    for (size_t axis = 0; axis < x->rank && status == LIP_OK; axis++) {
        size_t length = lip_onnx_cut_length(&cut[axis]);
        if (length == x->dim[axis] && cut[axis].step == 1)
            continue;
        status = lip_onnx_map_axis(&map, reader, x, axis, length);
        for (size_t t = 0; t < length && status == LIP_OK; t++)
            map.from[axis][t] =
                (size_t)(cut[axis].start + (int64_t)t * cut[axis].step);
    }
    if (status == LIP_OK)
        status = lip_onnx_map_apply(reader, x, &map);
    lip_onnx_map_clear(&map);
    return status;
}

static void set_cut(struct lip_layer *layer, const struct lip_onnx_cut *cut,
                    size_t lead, size_t rank)
{
    struct lip_setting *start = lip_layer_set(layer, "start");
    struct lip_setting *stop = lip_layer_set(layer, "stop");
    struct lip_setting *step = lip_layer_set(layer, "step");
    start->count = stop->count = step->count = rank - lead;
    for (size_t k = lead; k < rank; k++) {
        start->value[k - lead] = (long)cut[k].start;
        stop->value[k - lead] = (long)cut[k].stop;
        step->value[k - lead] = (long)cut[k].step;
    }
}

enum lip_status lip_onnx_cut_axes(struct lip_onnx_reader *reader, size_t k,
                                  const struct lip_onnx_value *x,
                                  const struct lip_onnx_cut *cut)
{
    size_t dim[LIP_MAX_RANK], layer, lead = lip_onnx_lead(x);
    struct lip_layer *made;
    bool whole = true, backwards = false;
    char suffix[24] = "";
    if (reader->node->outputs > 1)
        snprintf(suffix, sizeof suffix, ":%zu", k);
    for (size_t a = 0; a < x->rank; a++) {
        dim[a] = lip_onnx_cut_length(&cut[a]);
        whole &= dim[a] == x->dim[a] && cut[a].step > 0;
        backwards |= cut[a].step < 0 && x->dim[a] > 1;
        if (dim[a] == 0)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "nothing is left along axis %zu.", a);
        if (a == 0 && x->batch && dim[a] != x->dim[a])
            return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                                   "it cuts the batch (axis 0).");
    }
    if (backwards)
        return cut_backwards(reader, x, cut);
    if (whole || x->rank == 0) {
        lip_onnx_give(reader, k, x->operand, x->rank, dim, x->batch);
        return LIP_OK;
    }
    enum lip_status status = lip_onnx_enter_axes(&layer, reader, x, lead);
    if (status == LIP_OK)
        status =
            lip_onnx_append(&made, reader, &lip_layer_slice, 1, &layer, suffix);
    if (status != LIP_OK)
        return status;
    set_cut(made, cut, lead, x->rank);
    status = lip_onnx_settle(reader);
    if (status == LIP_OK)
        lip_onnx_give(reader, k, lip_onnx_plain(lip_onnx_last(reader)), x->rank,
                      dim, x->batch);
    return status;
}
