/* SPDX-License-Identifier: MIT
 *
 * Constants whose numbers are those of others. */
#include "formats/onnx/arithmetic.h"
#include "formats/onnx/fold.h"
#include "formats/onnx/move.h"

#include "formats/reader.h"

#include <inttypes.h>
#include <string.h>

/* A new constant of the kind and type of `like`, with room for its numbers. */
static enum lip_status new_like(struct lip_onnx_constant **out,
                                unsigned char **bytes,
                                struct lip_onnx_reader *reader, size_t rank,
                                const size_t *dim,
                                const struct lip_onnx_constant *like)
{
    double *reals = NULL;
    enum lip_status status =
        lip_onnx_fold_new(out, reader, rank, dim, like->whole ? NULL : &reals);
    if (status != LIP_OK)
        return status;
    *bytes =
        like->whole ? (unsigned char *)(*out)->whole : (unsigned char *)reals;
    (*out)->real.dtype = like->real.dtype;
    return LIP_OK;
}

static size_t size_of(const struct lip_onnx_constant *c)
{
    return c->whole ? sizeof *c->whole : lip_dtype_size(c->real.dtype);
}

static const unsigned char *bytes_of(const struct lip_onnx_constant *c)
{
    return c->whole ? (const unsigned char *)c->whole : c->real.data;
}

/* Axis lengths around one axis. */
static void around(size_t *before, size_t *after,
                   const struct lip_onnx_constant *c, size_t axis)
{
    *before = *after = 1;
    for (size_t k = 0; k < c->real.rank; k++)
        *(k < axis ? before : after) *= k == axis ? 1 : c->real.dim[k];
}

enum lip_status lip_onnx_fold_gather(struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *in, *index;
    struct lip_onnx_constant *made = NULL;
    unsigned char *to = NULL;
    int64_t given = 0;
    size_t axis = 0, rank = 0, dim[LIP_MAX_RANK], before, after;
    enum lip_status status = lip_onnx_constant(&in, reader, 0, "data");
    if (status == LIP_OK)
        status = lip_onnx_constant(&index, reader, 1, "indices");
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "axis", &given);
    if (status == LIP_OK)
        status = lip_onnx_axis(&axis, reader, given, in->real.rank);
    if (status != LIP_OK)
        return status;
    if (!index->whole || in->real.rank - 1 + index->real.rank > LIP_MAX_RANK)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "its indices are not whole numbers, or it makes "
                               "more than 8 dimensions.");
    for (size_t k = 0; k < in->real.rank; k++) {
        if (k != axis)
            dim[rank++] = in->real.dim[k];
        for (size_t j = 0; k == axis && j < index->real.rank; j++)
            dim[rank++] = index->real.dim[j];
    }
    status = new_like(&made, &to, reader, rank, dim, in);
    around(&before, &after, in, axis);
    int64_t length = (int64_t)in->real.dim[axis];
    size_t run = after * size_of(in);
    for (size_t b = 0; status == LIP_OK && b < before; b++)
        for (size_t k = 0; k < index->count; k++) {
            int64_t at = index->whole[k];
            if (at < -length || at >= length)
                return lip_onnx_refuse(reader, LIP_INVALID,
                                       "it takes position %" PRId64
                                       " of %" PRId64 ".",
                                       at, length);
            size_t own = (size_t)(at < 0 ? at + length : at);
            memcpy(to, bytes_of(in) + (b * (size_t)length + own) * run, run);
            to += run;
        }
    return status;
}

/* Copies number from[k] to number k, by indices along each axis. */
static void copy_by(unsigned char *to, const struct lip_onnx_constant *in,
                    const size_t *dim, const size_t *axes,
                    const struct lip_onnx_cut *cut, size_t count)
{
    size_t rank = in->real.rank, size = size_of(in), stride[LIP_MAX_RANK];
    for (size_t k = rank, s = 1; k-- > 0; s *= in->real.dim[k])
        stride[k] = s;
    for (size_t k = 0; k < count; k++) {
        size_t left = k, at = 0;
        for (size_t a = rank; a-- > 0;) {
            size_t axis = axes ? axes[a] : a;
            int64_t own = (int64_t)(left % dim[a]);
            if (cut)
                own = cut[axis].start + own * cut[axis].step;
            at += (size_t)own * stride[axis];
            left /= dim[a];
        }
        memcpy(to + k * size, bytes_of(in) + at * size, size);
    }
}

enum lip_status lip_onnx_fold_slice(struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *in;
    struct lip_onnx_constant *made = NULL;
    struct lip_onnx_cut cut[LIP_MAX_RANK];
    unsigned char *to = NULL;
    size_t dim[LIP_MAX_RANK];
    enum lip_status status = lip_onnx_constant(&in, reader, 0, "data");
    if (status == LIP_OK)
        status = lip_onnx_read_cuts(reader, lip_onnx_input(reader, 0), cut);
    if (status != LIP_OK)
        return status;
    for (size_t k = 0; k < in->real.rank; k++)
        dim[k] = lip_onnx_cut_length(&cut[k]);
    status = new_like(&made, &to, reader, in->real.rank, dim, in);
    if (status == LIP_OK)
        copy_by(to, in, dim, NULL, cut, made->count);
    return status;
}

enum lip_status lip_onnx_fold_transpose(struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *in;
    struct lip_onnx_constant *made = NULL;
    unsigned char *to = NULL;
    int64_t perm[LIP_MAX_RANK];
    size_t count = 0, axes[LIP_MAX_RANK], dim[LIP_MAX_RANK];
    bool seen[LIP_MAX_RANK] = {false};
    enum lip_status status = lip_onnx_constant(&in, reader, 0, "input");
    size_t rank = status == LIP_OK ? in->real.rank : 0;
    for (size_t k = 0; k < rank; k++)
        perm[k] = (int64_t)(rank - 1 - k);
    if (status == LIP_OK)
        status = lip_onnx_ints(reader, "perm", perm, &count);
    for (size_t k = 0; k < rank && status == LIP_OK; k++) {
        status = lip_onnx_axis(&axes[k], reader, perm[k], rank);
        if (status == LIP_OK && (seen[axes[k]] || (count && count != rank)))
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "its perm is no order of %zu axes.", rank);
        if (status == LIP_OK) {
            seen[axes[k]] = true;
            dim[k] = in->real.dim[axes[k]];
        }
    }
    if (status != LIP_OK)
        return status;
    if (rank == 2 && axes[0] == 1 && !in->whole && !in->real.column_major) {
        /* A matrix of weights is only read otherwise. */
        struct lip_onnx_constant *turned = lip_onnx_add_constant(reader);
        if (!turned)
            return lip_memory_status(reader->ctx);
        turned->real = lip_onnx_hold(in);
        turned->real.dim[0] = dim[0];
        turned->real.dim[1] = dim[1];
        turned->real.column_major = true;
        turned->count = in->count;
        lip_onnx_give_constant(reader, 0, turned);
        return LIP_OK;
    }
    status = new_like(&made, &to, reader, rank, dim, in);
    if (status == LIP_OK)
        copy_by(to, in, dim, axes, NULL, made->count);
    return status;
}

enum lip_status lip_onnx_fold_expand(struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *in;
    struct lip_onnx_constant *made = NULL;
    unsigned char *to = NULL;
    int64_t wanted[LIP_MAX_RANK];
    size_t count = 0, target[LIP_MAX_RANK], rank, dim[LIP_MAX_RANK];
    enum lip_status status = lip_onnx_constant(&in, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_int_input(reader, 1, "shape", wanted, &count,
                                    LIP_MAX_RANK);
    for (size_t k = 0; k < count && status == LIP_OK; k++) {
        if (wanted[k] < 0)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "its shape has a negative dimension.");
        target[k] = (size_t)wanted[k];
    }
    if (status == LIP_OK)
        status = lip_onnx_broadcast(&rank, dim, reader, in->real.rank,
                                    in->real.dim, count, target);
    if (status == LIP_OK)
        status = new_like(&made, &to, reader, rank, dim, in);
    size_t size = status == LIP_OK ? size_of(in) : 0;
    for (size_t k = 0; status == LIP_OK && k < made->count; k++) {
        size_t left = k, at = 0, stride = 1;
        for (size_t a = 0; a < in->real.rank; a++) {
            size_t own = in->real.dim[in->real.rank - 1 - a];
            at += own == 1 ? 0 : left % dim[rank - 1 - a] * stride;
            stride *= own;
            left /= dim[rank - 1 - a];
        }
        memcpy(to + k * size, bytes_of(in) + at * size, size);
    }
    return status;
}

/* All parts are of one kind and type, and fit but along the axis. */
static enum lip_status check_parts(size_t *dim, struct lip_onnx_reader *reader,
                                   const struct lip_onnx_constant *first,
                                   size_t axis)
{
    memcpy(dim, first->real.dim, first->real.rank * sizeof *dim);
    dim[axis] = 0;
    for (size_t k = 0; k < reader->node->inputs; k++) {
        const struct lip_onnx_constant *part;
        enum lip_status status = lip_onnx_constant(&part, reader, k, "part");
        if (status != LIP_OK)
            return status;
        bool fits = part->real.rank == first->real.rank &&
                    !part->whole == !first->whole &&
                    part->real.dtype == first->real.dtype &&
                    !part->real.column_major;
        for (size_t a = 0; fits && a < part->real.rank; a++)
            fits = a == axis || part->real.dim[a] == dim[a];
        if (!fits || part->real.dim[axis] > LIP_MAX_WIDTH)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "its parts do not fit along axis %zu.",
                                   axis);
        dim[axis] += part->real.dim[axis];
    }
    return LIP_OK;
}

enum lip_status lip_onnx_fold_concat(struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *first;
    struct lip_onnx_constant *made = NULL;
    unsigned char *to = NULL;
    int64_t given = 1;
    size_t axis = 0, dim[LIP_MAX_RANK], before, after;
    enum lip_status status = lip_onnx_constant(&first, reader, 0, "part");
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "axis", &given);
    if (status == LIP_OK)
        status = lip_onnx_axis(&axis, reader, given, first->real.rank);
    if (status == LIP_OK)
        status = check_parts(dim, reader, first, axis);
    if (status == LIP_OK)
        status = new_like(&made, &to, reader, first->real.rank, dim, first);
    if (status != LIP_OK)
        return status;
    around(&before, &after, first, axis);
    for (size_t b = 0; b < before; b++)
        for (size_t k = 0; k < reader->node->inputs; k++) {
            const struct lip_onnx_constant *part =
                lip_onnx_input(reader, k)->constant;
            size_t run = part->real.dim[axis] * after * size_of(part);
            if (run)
                memcpy(to, bytes_of(part) + b * run, run);
            to += run;
        }
    return LIP_OK;
}
