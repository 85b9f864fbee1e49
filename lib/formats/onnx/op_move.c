/* SPDX-License-Identifier: MIT
 *
 * Operators that move, repeat, join or leave out numbers. */
#include "formats/onnx/arithmetic.h"
#include "formats/onnx/move.h"
#include "formats/onnx/operator.h"

#include "formats/reader.h"

#include <inttypes.h>
#include <string.h>

static enum lip_status
read_permutation(size_t *axes, struct lip_onnx_reader *reader, size_t rank)
{
    int64_t perm[LIP_MAX_RANK];
    size_t count = 0;
    bool seen[LIP_MAX_RANK] = {false};
    for (size_t k = 0; k < rank; k++)
        perm[k] = (int64_t)(rank - 1 - k);
    enum lip_status status = lip_onnx_ints(reader, "perm", perm, &count);
    if (status == LIP_OK && count && count != rank)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its perm has %zu numbers for %zu axes.", count,
                               rank);
    for (size_t k = 0; k < rank && status == LIP_OK; k++) {
        status = lip_onnx_axis(&axes[k], reader, perm[k], rank);
        if (status == LIP_OK && seen[axes[k]])
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "its perm names axis %zu twice.", axes[k]);
        seen[status == LIP_OK ? axes[k] : 0] = true;
    }
    return status;
}

enum lip_status lip_onnx_transpose(struct lip_onnx_reader *reader,
                                   const void *detail)
{
    struct lip_onnx_value *x;
    size_t axes[LIP_MAX_RANK];
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = read_permutation(axes, reader, x->rank);
    if (status != LIP_OK || x->rank == 0)
        return status == LIP_OK ? lip_onnx_identity(reader, NULL) : status;
    return lip_onnx_move_axes(reader, x, axes, x->rank);
}

enum lip_status lip_onnx_slice(struct lip_onnx_reader *reader,
                               const void *detail)
{
    struct lip_onnx_value *x;
    struct lip_onnx_cut cut[LIP_MAX_RANK];
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_read_cuts(reader, x, cut);
    return status == LIP_OK ? lip_onnx_cut_axes(reader, 0, x, cut) : status;
}

/* --- pads */

struct pads {
    size_t before[LIP_MAX_RANK], after[LIP_MAX_RANK];
    double value;
};

static enum lip_status read_pads(struct pads *pads,
                                 struct lip_onnx_reader *reader,
                                 const struct lip_onnx_value *x)
{
    int64_t number[2 * LIP_MAX_RANK], axes[LIP_MAX_RANK];
    size_t count = 0, named = 0;
    enum lip_status status;
    if (reader->model.opset < 11)
        status = lip_onnx_attribute_ints(number, &count, 2 * LIP_MAX_RANK,
                                         reader->node, "pads", &reader->model);
    else
        status = lip_onnx_int_input(reader, 1, "pads", number, &count,
                                    2 * LIP_MAX_RANK);
    if (status == LIP_OK)
        status =
            lip_onnx_int_input(reader, 3, "axes", axes, &named, LIP_MAX_RANK);
    size_t listed = named ? named : x->rank;
    if (status == LIP_OK && count != 2 * listed)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "it has %zu pads for %zu axes: two for each "
                               "are needed.",
                               count, listed);
    for (size_t k = 0; k < listed && status == LIP_OK; k++) {
        size_t axis = k;
        int64_t before = number[k], after = number[listed + k];
        if (named)
            status = lip_onnx_axis(&axis, reader, axes[k], x->rank);
        if (before < 0 || after < 0 || before > (int64_t)LIP_MAX_WIDTH ||
            after > (int64_t)LIP_MAX_WIDTH)
            return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                                   "it pads axis %zu by %" PRId64
                                   " and %" PRId64 ": from 0 to %zu is read. "
                                   "To cut, use Slice.",
                                   axis, before, after, LIP_MAX_WIDTH);
        pads->before[axis] = (size_t)before;
        pads->after[axis] = (size_t)after;
    }
    return status;
}

static enum lip_status read_pad_value(double *out,
                                      struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *value;
    if (reader->model.opset < 11)
        return lip_onnx_float(reader, "value", out);
    enum lip_status status =
        lip_onnx_optional(&value, reader, 2, "constant_value");
    if (status == LIP_OK && value && value->count == 1)
        *out = lip_onnx_constant_at(value, 0);
    else if (status == LIP_OK && value && value->count)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its constant_value must be one number.");
    return status;
}

static enum lip_status pad_constant(struct lip_onnx_reader *reader,
                                    const struct lip_onnx_value *x,
                                    const struct pads *pads)
{
    size_t lead = lip_onnx_lead(x), layer, dim[LIP_MAX_RANK];
    struct lip_layer *made;
    lead = lead && !pads->before[0] && !pads->after[0];
    enum lip_status status = lip_onnx_enter_axes(&layer, reader, x, lead);
    if (status == LIP_OK)
        status = lip_onnx_append(&made, reader, &lip_layer_pad, 1, &layer, "");
    if (status != LIP_OK)
        return status;
    struct lip_setting *before = lip_layer_set(made, "before");
    struct lip_setting *after = lip_layer_set(made, "after");
    before->count = after->count = x->rank - lead;
    dim[0] = 1;
    for (size_t k = lead; k < x->rank; k++) {
        before->value[k - lead] = (long)pads->before[k];
        after->value[k - lead] = (long)pads->after[k];
        dim[k] = pads->before[k] + x->dim[k] + pads->after[k];
    }
    made->parameter[0] = pads->value;
    status = lip_onnx_settle(reader);
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, lip_onnx_plain(lip_onnx_last(reader)), x->rank,
                      dim, x->batch);
    return status;
}

/* The position that stands t - before positions from the axis' first. */
static size_t mirrored(size_t t, size_t before, size_t length, bool edge)
{
    int64_t at = (int64_t)t - (int64_t)before, last = (int64_t)length - 1;
    if (edge)
        return (size_t)(at < 0 ? 0 : at > last ? last : at);
    at = at < 0 ? -at : at;
    return (size_t)(at > last ? 2 * last - at : at);
}

static enum lip_status pad_mirrored(struct lip_onnx_reader *reader,
                                    const struct lip_onnx_value *x,
                                    const struct pads *pads, bool edge)
{
    struct lip_onnx_map map = lip_onnx_map_of(x);
    enum lip_status status = LIP_OK;
    for (size_t k = 0; k < x->rank && status == LIP_OK; k++) {
        size_t more = pads->before[k] + pads->after[k];
        if (!more)
            continue;
        if (!edge &&
            (pads->before[k] >= x->dim[k] || pads->after[k] >= x->dim[k]))
            status = lip_onnx_refuse(reader, LIP_INVALID,
                                     "it reflects more positions than axis "
                                     "%zu has.",
                                     k);
        if (status == LIP_OK)
            status = lip_onnx_map_axis(&map, reader, x, k, x->dim[k] + more);
        for (size_t t = 0; status == LIP_OK && t < map.dim[k]; t++)
            map.from[k][t] = mirrored(t, pads->before[k], x->dim[k], edge);
    }
    if (status == LIP_OK)
        status = lip_onnx_map_apply(reader, x, &map);
    lip_onnx_map_clear(&map);
    return status;
}

enum lip_status lip_onnx_pad(struct lip_onnx_reader *reader, const void *detail)
{
    struct lip_onnx_value *x;
    struct pads pads = {.value = 0};
    struct lip_span mode = {0};
    char text[LIP_SPAN_TEXT];
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_attribute_text(&mode, reader->node, "mode",
                                         &reader->model);
    if (status == LIP_OK)
        status = read_pads(&pads, reader, x);
    if (status != LIP_OK)
        return status;
    bool edge = lip_span_is(mode, "edge"), any = false;
    for (size_t k = 0; k < x->rank; k++)
        any |= pads.before[k] || pads.after[k];
    if (!any)
        return lip_onnx_identity(reader, NULL);
    if (x->batch && (pads.before[0] || pads.after[0]))
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it pads the batch (axis 0).");
    if (edge || lip_span_is(mode, "reflect"))
        return pad_mirrored(reader, x, &pads, edge);
    if (mode.size && !lip_span_is(mode, "constant"))
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its mode is \"%.30s\": constant, reflect and "
                               "edge are read.",
                               lip_span_text(text, mode));
    status = read_pad_value(&pads.value, reader);
    return status == LIP_OK ? pad_constant(reader, x, &pads) : status;
}

/* --- joining and dividing */

/* Layers side by side; as many at once as one layer takes. */
static enum lip_status join(size_t *layer, struct lip_onnx_reader *reader,
                            size_t lead, size_t axis)
{
    struct lip_layer *made;
    size_t source[LIP_MAX_RANK], count = 0, inputs = reader->node->inputs;
    enum lip_status status = LIP_OK;
    for (size_t k = 0; k < inputs && status == LIP_OK; k++) {
        struct lip_onnx_value *x;
        status = lip_onnx_numbers(&x, reader, k, "part");
        if (status == LIP_OK)
            status = lip_onnx_enter_axes(&source[count], reader, x, lead);
        count++;
        if (status != LIP_OK || (count < LIP_MAX_RANK && k + 1 < inputs))
            continue;
        status = lip_onnx_append(&made, reader, &lip_layer_concat, count,
                                 source, "");
        if (status != LIP_OK)
            return status;
        *lip_layer_set(made, "axis") =
            (struct lip_setting){1, {(long)(axis - lead)}};
        status = lip_onnx_settle(reader);
        *layer = source[0] = lip_onnx_last(reader);
        count = 1;
    }
    return status;
}

enum lip_status lip_onnx_concat(struct lip_onnx_reader *reader,
                                const void *detail)
{
    struct lip_onnx_value *x;
    int64_t given = 1;
    size_t axis = 0, layer = 0, dim[LIP_MAX_RANK];
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "first part");
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "axis", &given);
    if (status == LIP_OK)
        status = lip_onnx_axis(&axis, reader, given, x->rank);
    if (status != LIP_OK || reader->node->inputs == 1)
        return status == LIP_OK ? lip_onnx_identity(reader, NULL) : status;
    if (axis == 0 && x->batch)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it joins along the batch (axis 0).");
    memcpy(dim, x->dim, x->rank * sizeof *dim);
    dim[axis] = 0;
    for (size_t k = 0; k < reader->node->inputs && status == LIP_OK; k++) {
        struct lip_onnx_value *part;
        status = lip_onnx_numbers(&part, reader, k, "part");
        bool fits = status == LIP_OK && part->rank == x->rank &&
                    part->dim[axis] <= LIP_MAX_WIDTH;
        for (size_t a = 0; fits && a < x->rank; a++)
            fits = a == axis || part->dim[a] == x->dim[a];
        if (status == LIP_OK && !fits)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "its parts have shapes that do not fit "
                                   "along axis %zu.",
                                   axis);
        dim[axis] += fits ? part->dim[axis] : 0;
    }
    size_t lead = axis > 0 && lip_onnx_lead(x);
    if (status == LIP_OK)
        status = join(&layer, reader, lead, axis);
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, lip_onnx_plain(layer), x->rank, dim, x->batch);
    return status;
}

/* Lengths of the parts: given, or equal ones, of which the last may be
 * shorter. */
static enum lip_status part_lengths(const struct lip_onnx_constant **listed,
                                    size_t *equal,
                                    struct lip_onnx_reader *reader,
                                    size_t length)
{
    bool old = reader->model.opset < 13, found;
    struct lip_onnx_constant *made = lip_onnx_add_constant(reader);
    size_t parts = reader->node->outputs, sum = 0;
    *listed = NULL;
    *equal = parts ? length / parts + (length % parts != 0) : length;
    if (!made)
        return lip_memory_status(reader->ctx);
    enum lip_status status;
    if (!old) {
        status = lip_onnx_optional(listed, reader, 1, "split");
    } else {
        status = lip_onnx_attribute_list(made, &found, false, reader->node,
                                         "split", &reader->model);
        *listed = found ? made : NULL;
    }
    if (status != LIP_OK || !*listed)
        return status;
    bool fits = (*listed)->whole && (*listed)->count == parts;
    for (size_t k = 0; fits && k < parts; k++) {
        fits = (*listed)->whole[k] >= 0 &&
               (*listed)->whole[k] <= (int64_t)(length - sum);
        sum += fits ? (size_t)(*listed)->whole[k] : 0;
    }
    return fits && sum == length
               ? LIP_OK
               : lip_onnx_refuse(reader, LIP_INVALID,
                                 "its parts do not add up to the %zu "
                                 "positions of the axis.",
                                 length);
}

enum lip_status lip_onnx_split(struct lip_onnx_reader *reader,
                               const void *detail)
{
    struct lip_onnx_value *x;
    const struct lip_onnx_constant *listed;
    int64_t given = 0;
    size_t axis = 0, equal, start = 0;
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "axis", &given);
    if (status == LIP_OK)
        status = lip_onnx_axis(&axis, reader, given, x->rank);
    if (status == LIP_OK && axis == 0 && x->batch)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it divides the batch (axis 0).");
    if (status == LIP_OK)
        status = part_lengths(&listed, &equal, reader, x->dim[axis]);
    for (size_t k = 0; k < reader->node->outputs && status == LIP_OK; k++) {
        struct lip_onnx_cut cut[LIP_MAX_RANK];
        struct lip_onnx_value *out = lip_onnx_output(reader, k);
        size_t left = x->dim[axis] - start;
        size_t length = listed         ? (size_t)listed->whole[k]
                        : equal < left ? equal
                                       : left;
        for (size_t a = 0; a < x->rank; a++)
            cut[a] = (struct lip_onnx_cut){0, (int64_t)x->dim[a], 1};
        cut[axis].start = (int64_t)start;
        start += length;
        cut[axis].stop = (int64_t)start;
        if (out && out->wanted)
            status = lip_onnx_cut_axes(reader, k, x, cut);
    }
    return status;
}

/* --- places */

/* Positions that constant indices name; they count from the end where they are
 * negative. */
static enum lip_status read_places(struct lip_onnx_map *map,
                                   struct lip_onnx_reader *reader,
                                   const struct lip_onnx_value *x, size_t axis,
                                   const struct lip_onnx_constant *index)
{
    int64_t length = (int64_t)x->dim[axis];
    if (!index->whole)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its indices must be whole numbers.");
    enum lip_status status =
        lip_onnx_map_axis(map, reader, x, axis, index->count);
    for (size_t k = 0; status == LIP_OK && k < index->count; k++) {
        int64_t at = index->whole[k];
        if (at < -length || at >= length)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "it takes position %" PRId64
                                   " of axis %zu, which is %" PRId64 " long.",
                                   at, axis, length);
        map->from[axis][k] = (size_t)(at < 0 ? at + length : at);
    }
    return status;
}

enum lip_status lip_onnx_gather(struct lip_onnx_reader *reader,
                                const void *detail)
{
    struct lip_onnx_value *x;
    const struct lip_onnx_constant *index;
    int64_t given = 0;
    size_t axis = 0, rank = 0, dim[LIP_MAX_RANK];
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "data");
    if (status == LIP_OK)
        status = lip_onnx_constant(&index, reader, 1, "indices");
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "axis", &given);
    if (status == LIP_OK)
        status = lip_onnx_axis(&axis, reader, given, x->rank);
    if (status == LIP_OK && x->rank - 1 + index->real.rank > LIP_MAX_RANK)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it makes more than 8 dimensions.");
    if (status != LIP_OK)
        return status;
    struct lip_onnx_map map = lip_onnx_map_of(x);
    status = read_places(&map, reader, x, axis, index);
    if (status == LIP_OK)
        status = lip_onnx_map_apply(reader, x, &map);
    lip_onnx_map_clear(&map);
    for (size_t k = 0; k < x->rank; k++) {
        if (k != axis)
            dim[rank++] = x->dim[k];
        for (size_t j = 0; k == axis && j < index->real.rank; j++)
            dim[rank++] = index->real.dim[j];
    }
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, lip_onnx_plain(lip_onnx_last(reader)), rank,
                      dim, x->batch);
    return status;
}

enum lip_status lip_onnx_expand(struct lip_onnx_reader *reader,
                                const void *detail)
{
    struct lip_onnx_value *x;
    int64_t wanted[LIP_MAX_RANK];
    size_t count = 0, to[LIP_MAX_RANK], rank, dim[LIP_MAX_RANK], layer;
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_int_input(reader, 1, "shape", wanted, &count,
                                    LIP_MAX_RANK);
    for (size_t k = 0; k < count && status == LIP_OK; k++) {
        bool batch = x->batch && k == 0 && count == x->rank &&
                     wanted[k] == (int64_t)reader->declared_batch;
        if (wanted[k] < 1 || wanted[k] > (int64_t)LIP_MAX_WIDTH)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "dimension %zu of its shape is %" PRId64 ".",
                                   k, wanted[k]);
        to[k] = batch ? 1 : (size_t)wanted[k];
    }
    if (status == LIP_OK)
        status =
            lip_onnx_broadcast(&rank, dim, reader, x->rank, x->dim, count, to);
    if (status == LIP_OK)
        status = lip_onnx_widen_to(&layer, reader, x, rank, dim);
    if (status == LIP_OK)
        lip_onnx_give(reader, 0, lip_onnx_plain(layer), rank, dim, x->batch);
    return status;
}

enum lip_status lip_onnx_tile(struct lip_onnx_reader *reader,
                              const void *detail)
{
    struct lip_onnx_value *x;
    int64_t repeats[LIP_MAX_RANK];
    size_t count = 0;
    (void)detail;
    enum lip_status status = lip_onnx_numbers(&x, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_int_input(reader, 1, "repeats", repeats, &count,
                                    LIP_MAX_RANK);
    if (status == LIP_OK && count != x->rank)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "it has %zu repeats for %zu axes.", count,
                               x->rank);
    if (status != LIP_OK)
        return status;
    struct lip_onnx_map map = lip_onnx_map_of(x);
    for (size_t k = 0; k < x->rank && status == LIP_OK; k++) {
        if (repeats[k] == 1)
            continue;
        size_t times = repeats[k] < 0 || repeats[k] > (int64_t)LIP_MAX_WIDTH
                           ? 0
                           : (size_t)repeats[k];
        status = lip_onnx_map_axis(&map, reader, x, k,
                                   times > LIP_MAX_WIDTH /
                                               (x->dim[k] ? x->dim[k] : 1)
                                       ? 0
                                       : times * x->dim[k]);
        for (size_t t = 0; status == LIP_OK && t < map.dim[k]; t++)
            map.from[k][t] = t % x->dim[k];
    }
    if (status == LIP_OK)
        status = lip_onnx_map_apply(reader, x, &map);
    lip_onnx_map_clear(&map);
    return status;
}
