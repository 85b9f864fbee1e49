/* SPDX-License-Identifier: MIT
 *
 * Arithmetic on constants: whole numbers exactly, real ones rounded to the type
 * that they are stored in, as the exporter's framework does. */
#include "formats/onnx/arithmetic.h"
#include "formats/onnx/fold.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Whether the result of these is float32. Products, sums, quotients and roots
 * of two float32 numbers in double, rounded once more, are the float32 ones. */
static bool is_single(const struct lip_onnx_constant *c)
{
    return !c->whole && c->real.dtype != LIP_F64;
}

static bool whole_result(int64_t *out, char op, int64_t a, int64_t b)
{
    switch (op) {
    case 'A':
        return !__builtin_add_overflow(a, b, out);
    case 'S':
        return !__builtin_sub_overflow(a, b, out);
    case 'M':
        return !__builtin_mul_overflow(a, b, out);
    case 'D':
        *out = 0;
        if (b == 0 || (b == -1 && a == INT64_MIN))
            return false;
        *out = a / b;
        return true;
    case '<':
        *out = a < b ? a : b;
        return true;
    case '>':
        *out = a > b ? a : b;
        return true;
    default:
        *out = a == b;
        return true;
    }
}

static double real_result(char op, double a, double b)
{
    switch (op) {
    case 'A':
        return a + b;
    case 'S':
        return a - b;
    case 'M':
        return a * b;
    case 'D':
        return a / b;
    case '<':
        return fmin(a, b);
    default:
        return fmax(a, b);
    }
}

static char letter_of(struct lip_span op)
{
    return lip_span_is(op, "Min")   ? '<'
           : lip_span_is(op, "Max") ? '>'
                                    : (char)op.data[0];
}

/* Number k of a shape, by broadcasting, in the numbers of c. */
static size_t place(const struct lip_onnx_constant *c, size_t rank,
                    const size_t *dim, size_t k)
{
    size_t at = 0, stride = 1;
    for (size_t a = 0; a < rank; a++) {
        size_t own = a < c->real.rank ? c->real.dim[c->real.rank - 1 - a] : 1;
        size_t wide = dim[rank - 1 - a];
        at += own == 1 ? 0 : k % wide * stride;
        stride *= own;
        k /= wide;
    }
    return at;
}

static enum lip_status refuse_arithmetic(struct lip_onnx_reader *reader)
{
    return lip_onnx_refuse(reader, LIP_INVALID,
                           "arithmetic on constants leaves 64 bits or divides "
                           "by 0.");
}

enum lip_status lip_onnx_fold_binary(struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *a, *b;
    struct lip_onnx_constant *made = NULL;
    size_t rank, dim[LIP_MAX_RANK];
    double *reals = NULL;
    char op = letter_of(reader->node->op);
    if (reader->node->inputs != 2)
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "of constants, two are read.");
    enum lip_status status = lip_onnx_constant(&a, reader, 0, "first term");
    if (status == LIP_OK)
        status = lip_onnx_constant(&b, reader, 1, "second term");
    if (status == LIP_OK)
        status = lip_onnx_broadcast(&rank, dim, reader, a->real.rank,
                                    a->real.dim, b->real.rank, b->real.dim);
    if (status != LIP_OK)
        return status;
    bool whole = a->whole && b->whole, single = is_single(a) && is_single(b);
    if (!whole && op == 'E')
        return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                               "real numbers are not compared.");
    status = lip_onnx_fold_new(&made, reader, rank, dim, whole ? NULL : &reals);
    for (size_t k = 0; status == LIP_OK && k < made->count; k++) {
        size_t i = place(a, rank, dim, k), j = place(b, rank, dim, k);
        if (whole) {
            if (!whole_result(&made->whole[k], op, a->whole[i], b->whole[j]))
                status = refuse_arithmetic(reader);
            continue;
        }
        reals[k] = real_result(op, lip_onnx_constant_at(a, i),
                               lip_onnx_constant_at(b, j));
        if (single)
            reals[k] = (float)reals[k];
    }
    return status;
}

static double unary(char op, double x)
{
    return op == 'A'   ? fabs(x)
           : op == 'N' ? -x
           : op == 'S' ? sqrt(x)
           : op == 'C' ? ceil(x)
                       : floor(x);
}

enum lip_status lip_onnx_fold_unary(struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *in;
    struct lip_onnx_constant *made = NULL;
    double *reals = NULL;
    char op = (char)reader->node->op.data[0];
    enum lip_status status = lip_onnx_constant(&in, reader, 0, "input");
    if (status != LIP_OK)
        return status;
    status = lip_onnx_fold_new(&made, reader, in->real.rank, in->real.dim,
                               in->whole ? NULL : &reals);
    for (size_t k = 0; status == LIP_OK && k < made->count; k++) {
        if (!in->whole) {
            double y = unary(op, lip_onnx_constant_at(in, k));
            reals[k] = is_single(in) ? (float)y : y;
            continue;
        }
        int64_t x = in->whole[k];
        if (x == INT64_MIN || (op != 'A' && op != 'N'))
            return refuse_arithmetic(reader);
        made->whole[k] = op == 'N' || x < 0 ? -x : x;
    }
    return status;
}

/* Real numbers of a narrower type are rounded to it. */
static enum lip_status narrow(struct lip_onnx_constant *made,
                              struct lip_onnx_reader *reader, int64_t to)
{
    enum lip_dtype type = to == 1    ? LIP_F32
                          : to == 10 ? LIP_F16
                          : to == 16 ? LIP_BF16
                                     : LIP_F64;
    return type == LIP_F64 ? LIP_OK
                           : lip_tensor_convert(&made->real, type, reader->ctx);
}

static enum lip_status to_real(struct lip_onnx_reader *reader,
                               const struct lip_onnx_constant *in, int64_t to)
{
    struct lip_onnx_constant *made = NULL;
    double *reals = NULL;
    enum lip_status status =
        lip_onnx_fold_new(&made, reader, in->real.rank, in->real.dim, &reals);
    for (size_t k = 0; status == LIP_OK && k < made->count; k++)
        reals[k] = lip_onnx_constant_at(in, k);
    return status == LIP_OK ? narrow(made, reader, to) : status;
}

static enum lip_status to_whole(struct lip_onnx_reader *reader,
                                const struct lip_onnx_constant *in, bool truth)
{
    struct lip_onnx_constant *made = NULL;
    enum lip_status status =
        lip_onnx_fold_new(&made, reader, in->real.rank, in->real.dim, NULL);
    for (size_t k = 0; status == LIP_OK && k < made->count; k++) {
        double x = lip_onnx_constant_at(in, k);
        if (!in->whole && !(fabs(x) < 0x1p62))
            return refuse_arithmetic(reader);
        made->whole[k] = in->whole ? in->whole[k] : (int64_t)x;
        if (truth)
            made->whole[k] = x != 0;
    }
    return status;
}

enum lip_status lip_onnx_fold_cast(struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *in;
    int64_t to = 1;
    enum lip_status status = lip_onnx_constant(&in, reader, 0, "input");
    if (status == LIP_OK)
        status = lip_onnx_int(reader, "to", &to);
    if (status != LIP_OK)
        return status;
    if (to == 1 || to == 10 || to == 11 || to == 16)
        return to_real(reader, in, to);
    if ((to >= 2 && to <= 7) || to == 9 || to == 12 || to == 13)
        return to_whole(reader, in, to == 9);
    return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                           "it casts to element type %" PRId64 ".", to);
}

enum lip_status lip_onnx_fold_where(struct lip_onnx_reader *reader)
{
    const struct lip_onnx_constant *in[3];
    struct lip_onnx_constant *made = NULL;
    size_t rank = 0, dim[LIP_MAX_RANK];
    enum lip_status status = LIP_OK;
    for (size_t k = 0; k < 3 && status == LIP_OK; k++) {
        status = lip_onnx_constant(&in[k], reader, k, "input");
        if (status == LIP_OK && !in[k]->whole)
            return lip_onnx_refuse(reader, LIP_UNSUPPORTED,
                                   "it chooses between other than whole "
                                   "numbers.");
        if (status == LIP_OK)
            status = lip_onnx_broadcast(&rank, dim, reader, rank, dim,
                                        in[k]->real.rank, in[k]->real.dim);
    }
    if (status == LIP_OK)
        status = lip_onnx_fold_new(&made, reader, rank, dim, NULL);
    for (size_t k = 0; status == LIP_OK && k < made->count; k++) {
        bool first = in[0]->whole[place(in[0], rank, dim, k)] != 0;
        const struct lip_onnx_constant *from = in[first ? 1 : 2];
        made->whole[k] = from->whole[place(from, rank, dim, k)];
    }
    return status;
}
