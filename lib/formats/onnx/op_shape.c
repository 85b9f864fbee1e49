/* SPDX-License-Identifier: MIT
 *
 * Operators that see the same numbers in another shape: of what depends on the
 * input, and of constants. */
#include "base/size.h"
#include "formats/onnx/operator.h"

#include "formats/reader.h"

#include <inttypes.h>
#include <string.h>

/* Output 0 has the numbers of input 0 in another shape. */
static enum lip_status give_shape(struct lip_onnx_reader *reader,
                                  const struct lip_onnx_value *x, size_t rank,
                                  const size_t *dim)
{
    if (x->state == LIP_ONNX_NUMBERS) {
        if (x->batch && (rank == 0 || dim[0] != 1))
            return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                                   "it mixes the batch (axis 0) with other "
                                   "axes. The first dimension of its shape "
                                   "must be the batch, 0 or -1.");
        lip_onnx_give(reader, 0, x->operand, rank, dim, x->batch);
        return LIP_OK;
    }
    struct lip_onnx_constant *made = lip_onnx_add_constant(reader);
    if (!made)
        return lip_memory_status(reader->ctx);
    enum lip_status status = LIP_OK;
    if (x->constant->whole) {
        status = lip_onnx_account(reader, rank, dim);
        if (status == LIP_OK)
            status = lip_onnx_constant_new(made, rank, dim, NULL, reader->ctx);
        if (status == LIP_OK && made->count)
            memcpy(made->whole, x->constant->whole,
                   made->count * sizeof *made->whole);
    } else {
        made->real = lip_onnx_hold(x->constant);
        made->real.rank = rank;
        memcpy(made->real.dim, dim, rank * sizeof *dim);
        made->count = x->constant->count;
    }
    if (status == LIP_OK)
        lip_onnx_give_constant(reader, 0, made);
    return status;
}

/* Input 0, constant or not, with its shape known. */
static enum lip_status any_input(struct lip_onnx_value **out,
                                 struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *constant;
    struct lip_onnx_value *x = *out = lip_onnx_input(reader, 0);
    if (x && x->state == LIP_ONNX_NUMBERS)
        return LIP_OK;
    return lip_onnx_constant(&constant, reader, 0, "input");
}

static bool count_of(size_t *count, size_t rank, const size_t *dim)
{
    *count = 1;
    for (size_t k = 0; k < rank; k++)
        if (!lip_size_mul(count, *count, dim[k]))
            return false;
    return true;
}

/* Dimension k of the shape asked for; -1 stays to be filled in. */
static enum lip_status resolve(int64_t *wanted, size_t k,
                               struct lip_onnx_reader *reader,
                               const struct lip_onnx_value *x, int64_t keep)
{
    if (*wanted == 0 && !keep && k < x->rank)
        *wanted = (int64_t)x->dim[k];
    else if (k == 0 && x->batch && *wanted == (int64_t)reader->declared_batch)
        *wanted = 1;
    if (*wanted < -1 || *wanted > (int64_t)LIP_MAX_WIDTH)
        return lip_onnx_refuse(reader, LIP_TOO_LARGE,
                               "dimension %zu of its shape is %" PRId64
                               ": from -1 to %zu is possible.",
                               k, *wanted, LIP_MAX_WIDTH);
    return LIP_OK;
}

static enum lip_status fit(size_t *dim, const int64_t *wanted, size_t rank,
                           struct lip_onnx_reader *reader,
                           const struct lip_onnx_value *x)
{
    size_t open = rank, others = 1, total, count;
    bool fits = count_of(&total, x->rank, x->dim);
    for (size_t k = 0; k < rank; k++) {
        if (wanted[k] < 0 && open < rank)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "its shape has two dimensions of -1.");
        dim[k] = wanted[k] < 0 ? 1 : (size_t)wanted[k];
        open = wanted[k] < 0 ? k : open;
    }
    fits = fits && count_of(&others, rank, dim);
    if (fits && open < rank && others && total % others == 0)
        dim[open] = total / others;
    if (fits && count_of(&count, rank, dim) && count == total)
        return LIP_OK;
    return lip_onnx_refuse(reader, LIP_INVALID,
                           "%zu numbers do not fill the shape that it asks "
                           "for.",
                           total);
}

enum lip_status lip_onnx_reshape(struct lip_onnx_reader *reader,
                                 const void *detail)
{
    struct lip_onnx_value *x;
    int64_t wanted[LIP_MAX_RANK], keep = 0;
    size_t rank = 0, dim[LIP_MAX_RANK];
    (void)detail;
    enum lip_status status = any_input(&x, reader);
    if (status == LIP_OK && reader->node->inputs < 2)
        return lip_onnx_refuse(reader, LIP_INVALID, "its shape is missing.");
    if (status == LIP_OK)
        status =
            lip_onnx_int_input(reader, 1, "shape", wanted, &rank, LIP_MAX_RANK);
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "allowzero", &keep);
    for (size_t k = 0; k < rank && status == LIP_OK; k++)
        status = resolve(&wanted[k], k, reader, x, keep);
    if (status == LIP_OK)
        status = fit(dim, wanted, rank, reader, x);
    return status == LIP_OK ? give_shape(reader, x, rank, dim) : status;
}

enum lip_status lip_onnx_flatten(struct lip_onnx_reader *reader,
                                 const void *detail)
{
    struct lip_onnx_value *x;
    int64_t axis = 1;
    size_t dim[2] = {1, 1};
    (void)detail;
    enum lip_status status = any_input(&x, reader);
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "axis", &axis);
    if (status != LIP_OK)
        return status;
    int64_t rank = (int64_t)x->rank;
    if (axis < -rank || axis > rank)
        return lip_onnx_refuse(reader, LIP_INVALID,
                               "its axis is %" PRId64 ", but there are %" PRId64
                               " axes.",
                               axis, rank);
    if (axis < 0)
        axis += rank;
    if (axis == 0 && x->batch)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it mixes the batch (axis 0) with other axes.");
    for (int64_t k = 0; k < rank; k++)
        dim[k >= axis] *= x->dim[k];
    return give_shape(reader, x, 2, dim);
}

/* The axes of Squeeze and Unsqueeze, as a mask over `rank` axes. */
static enum lip_status read_mask(bool *mask, size_t *given,
                                 struct lip_onnx_reader *reader, size_t rank,
                                 const int64_t *axes, size_t count)
{
    *given = count;
    memset(mask, 0, LIP_MAX_RANK);
    for (size_t k = 0; k < count; k++) {
        size_t axis;
        enum lip_status status = lip_onnx_axis(&axis, reader, axes[k], rank);
        if (status != LIP_OK)
            return status;
        if (mask[axis])
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "it names axis %zu twice.", axis);
        mask[axis] = true;
    }
    return LIP_OK;
}

enum lip_status lip_onnx_squeeze(struct lip_onnx_reader *reader,
                                 const void *detail)
{
    struct lip_onnx_value *x;
    int64_t axes[LIP_MAX_RANK];
    size_t given = 0, rank = 0, dim[LIP_MAX_RANK];
    bool mask[LIP_MAX_RANK] = {false};
    (void)detail;
    enum lip_status status = any_input(&x, reader);
    if (status == LIP_OK)
        status = lip_onnx_ints_since(reader, 13, "axes", 1, axes, &given);
    if (status == LIP_OK)
        status = read_mask(mask, &given, reader, x->rank, axes, given);
    for (size_t k = 0; k < x->rank && status == LIP_OK; k++) {
        bool drop = given ? mask[k] : x->dim[k] == 1 && !(k == 0 && x->batch);
        if (drop && x->dim[k] != 1)
            return lip_onnx_refuse(reader, LIP_INVALID,
                                   "it drops axis %zu, which is %zu long.", k,
                                   x->dim[k]);
        if (drop && k == 0 && x->batch)
            return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                                   "it drops the batch (axis 0).");
        if (!drop)
            dim[rank++] = x->dim[k];
    }
    return status == LIP_OK ? give_shape(reader, x, rank, dim) : status;
}

enum lip_status lip_onnx_unsqueeze(struct lip_onnx_reader *reader,
                                   const void *detail)
{
    struct lip_onnx_value *x;
    int64_t axes[LIP_MAX_RANK];
    size_t given = 0, dim[LIP_MAX_RANK], from = 0;
    bool mask[LIP_MAX_RANK];
    (void)detail;
    enum lip_status status = any_input(&x, reader);
    if (status == LIP_OK)
        status = lip_onnx_ints_since(reader, 13, "axes", 1, axes, &given);
    if (status != LIP_OK)
        return status;
    size_t rank = x->rank + given;
    if (rank > LIP_MAX_RANK)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it makes more than 8 dimensions.");
    status = read_mask(mask, &given, reader, rank, axes, given);
    if (status == LIP_OK && rank && mask[0] && x->batch)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "it puts an axis in front of the batch.");
    for (size_t k = 0; k < rank && status == LIP_OK; k++)
        dim[k] = mask[k] ? 1 : x->dim[from++];
    return status == LIP_OK ? give_shape(reader, x, rank, dim) : status;
}

enum lip_status lip_onnx_shape(struct lip_onnx_reader *reader,
                               const void *detail)
{
    struct lip_onnx_value *x;
    int64_t start = 0, end = INT64_MAX;
    (void)detail;
    enum lip_status status = any_input(&x, reader);
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "start", &start);
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "end", &end);
    if (status != LIP_OK)
        return status;
    int64_t rank = (int64_t)x->rank;
    start = start < -rank ? 0 : start < 0 ? start + rank : start;
    end = end < -rank ? 0 : end < 0 ? end + rank : end;
    end = end > rank ? rank : end;
    start = start > end ? end : start;
    size_t count = (size_t)(end - start);
    struct lip_onnx_constant *made = lip_onnx_add_constant(reader);
    if (!made)
        return lip_memory_status(reader->ctx);
    status = lip_onnx_constant_new(made, 1, &count, NULL, reader->ctx);
    for (size_t k = 0; k < count && status == LIP_OK; k++)
        made->whole[k] = (int64_t)x->dim[(size_t)start + k];
    if (status == LIP_OK)
        lip_onnx_give_constant(reader, 0, made);
    return status;
}
