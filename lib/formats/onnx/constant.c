/* SPDX-License-Identifier: MIT
 *
 * TensorProto in every storage form. */
#include "formats/onnx/constant.h"

#include "base/size.h"
#include "formats/reader.h"

#include <stdio.h>
#include <string.h>

/* Fields of TensorProto. */
enum {
    DIMS = 1,
    DATA_TYPE = 2,
    SEGMENT = 3,
    FLOAT_DATA = 4,
    INT32_DATA = 5,
    INT64_DATA = 7,
    RAW_DATA = 9,
    DOUBLE_DATA = 10,
    UINT64_DATA = 11,
    EXTERNAL_DATA = 13,
    DATA_LOCATION = 14
};

/* An element type by its number in TensorProto.DataType: bytes in raw_data,
 * the field for numbers one by one, and, of reals, our type. */
struct form {
    const char *name;
    size_t size;
    uint32_t field;
    bool real, is_signed;
    enum lip_dtype dtype;
};

static const struct form forms[] = {
    [1] = {"float", 4, FLOAT_DATA, true, true, LIP_F32},
    [2] = {"uint8", 1, INT32_DATA, false, false, LIP_F64},
    [3] = {"int8", 1, INT32_DATA, false, true, LIP_F64},
    [4] = {"uint16", 2, INT32_DATA, false, false, LIP_F64},
    [5] = {"int16", 2, INT32_DATA, false, true, LIP_F64},
    [6] = {"int32", 4, INT32_DATA, false, true, LIP_F64},
    [7] = {"int64", 8, INT64_DATA, false, true, LIP_F64},
    [8] = {"string", 0, 0, false, false, LIP_F64},
    [9] = {"bool", 1, INT32_DATA, false, false, LIP_F64},
    [10] = {"float16", 2, INT32_DATA, true, true, LIP_F16},
    [11] = {"double", 8, DOUBLE_DATA, true, true, LIP_F64},
    [12] = {"uint32", 4, UINT64_DATA, false, false, LIP_F64},
    [13] = {"uint64", 8, UINT64_DATA, false, false, LIP_F64},
    [14] = {"complex64", 0, 0, false, false, LIP_F64},
    [15] = {"complex128", 0, 0, false, false, LIP_F64},
    [16] = {"bfloat16", 2, INT32_DATA, true, true, LIP_BF16},
};

struct reading {
    const struct lip_onnx_model *model;
    const char *what;
    struct lip_span message, raw;
    int64_t type, location;
    size_t rank, dim[LIP_MAX_RANK];
    bool segment, external;
    /* of numbers one by one, whichever field they are in */
    size_t listed, chunks;
    struct lip_span chunk;
};

static enum lip_status refuse(const struct reading *r, enum lip_status status,
                              const char *sentence)
{
    return lip_fail_at(r->model->ctx, status, LIP_AT_TENSOR, r->what,
                       "Tensor \"%.80s\" %s", r->what, sentence);
}

static enum lip_status add_dim(struct reading *r, uint64_t value)
{
    if (r->rank == LIP_MAX_RANK)
        return refuse(r, LIP_UNSUPPORTED, "has more than 8 dimensions.");
    if (value > INT64_MAX)
        return refuse(r, LIP_INVALID, "has a negative dimension.");
    r->dim[r->rank++] = (size_t)value;
    return LIP_OK;
}

static enum lip_status read_dims(struct reading *r, const struct lip_wire *wire,
                                 const struct lip_wire_field *field)
{
    if (field->type == LIP_WIRE_VARINT)
        return add_dim(r, field->value);
    enum lip_status status =
        lip_wire_expect(wire, field, LIP_WIRE_BYTES, "a tensor's shape");
    struct lip_wire packed =
        lip_wire_open(field->bytes, r->model->file, r->model->ctx);
    while (status == LIP_OK && packed.at != packed.end) {
        uint64_t value;
        status = lip_wire_varint(&packed, &value);
        if (status == LIP_OK)
            status = add_dim(r, value);
    }
    return status;
}

/* Bytes of one number in the lists of this field; 0: of any length. */
static size_t width_of(uint32_t field)
{
    return field == FLOAT_DATA ? 4 : field == DOUBLE_DATA ? 8 : 0;
}

static size_t count_varints(struct lip_span span)
{
    size_t count = 0;
    for (size_t i = 0; i < span.size; i++)
        count += span.data[i] < 0x80;
    return count;
}

/* Counts numbers of a list, packed or one a field. */
static enum lip_status count_listed(struct reading *r,
                                    const struct lip_wire *wire,
                                    const struct lip_wire_field *field)
{
    size_t width = width_of(field->number);
    enum lip_wire_type alone = width == 4   ? LIP_WIRE_FIXED32
                               : width == 8 ? LIP_WIRE_FIXED64
                                            : LIP_WIRE_VARINT;
    r->chunks++;
    r->chunk = field->bytes;
    if (field->type == alone) {
        r->listed++;
        return LIP_OK;
    }
    if (width && field->bytes.size % width != 0)
        return refuse(r, LIP_MALFORMED, "has numbers that break off.");
    r->listed +=
        width ? field->bytes.size / width : count_varints(field->bytes);
    return lip_wire_expect(wire, field, LIP_WIRE_BYTES, "a tensor's data");
}

static enum lip_status read_field(struct reading *r,
                                  const struct lip_wire *wire,
                                  const struct lip_wire_field *field)
{
    enum lip_wire_type type = LIP_WIRE_VARINT;
    switch (field->number) {
    case DIMS:
        return read_dims(r, wire, field);
    case DATA_TYPE:
        r->type = (int64_t)field->value;
        break;
    case DATA_LOCATION:
        r->location = (int64_t)field->value;
        break;
    case SEGMENT:
        r->segment = true;
        return LIP_OK;
    case EXTERNAL_DATA:
        r->external = true;
        return LIP_OK;
    case RAW_DATA:
        r->raw = field->bytes;
        type = LIP_WIRE_BYTES;
        break;
    case FLOAT_DATA:
    case INT32_DATA:
    case INT64_DATA:
    case DOUBLE_DATA:
    case UINT64_DATA:
        return count_listed(r, wire, field);
    default:
        return LIP_OK;
    }
    return lip_wire_expect(wire, field, type, "a tensor");
}

static enum lip_status scan(struct reading *r)
{
    struct lip_wire wire =
        lip_wire_open(r->message, r->model->file, r->model->ctx);
    struct lip_wire_field field;
    bool more;
    enum lip_status status = lip_wire_next(&wire, &field, &more);
    while (status == LIP_OK && more) {
        status = read_field(r, &wire, &field);
        if (status == LIP_OK)
            status = lip_wire_next(&wire, &field, &more);
    }
    return status;
}

/* The type's form, with what is stored elsewhere or otherwise refused. */
static enum lip_status check(const struct form **form, const struct reading *r)
{
    char sentence[160];
    if (r->external || r->location == 1)
        return refuse(r, LIP_UNSUPPORTED,
                      "keeps its numbers in another file (external data), "
                      "which is not sent. Save the model in one file: "
                      "onnx.save(onnx.load(path), one_file).");
    if (r->segment)
        return refuse(r, LIP_UNSUPPORTED, "is cut into segments.");
    size_t known = sizeof forms / sizeof *forms;
    bool exists = r->type > 0 && (uint64_t)r->type < known;
    *form = exists ? &forms[r->type] : NULL;
    if (exists && (*form)->size)
        return LIP_OK;
    snprintf(sentence, sizeof sentence,
             "has element type %lld%s%s%s, which is not read.",
             (long long)r->type, exists ? " (" : "",
             exists ? (*form)->name : "", exists ? ")" : "");
    return refuse(r, LIP_UNSUPPORTED, sentence);
}

static enum lip_status check_count(struct lip_onnx_constant *out,
                                   const struct reading *r,
                                   const struct form *form)
{
    char sentence[160];
    size_t bytes = form->size;
    bool fits = true;
    out->real.rank = r->rank;
    for (size_t k = 0; k < r->rank; k++) {
        out->real.dim[k] = r->dim[k];
        fits = fits && lip_size_mul(&bytes, bytes, r->dim[k]);
    }
    if (!fits)
        return refuse(r, LIP_INVALID, "has a shape beyond the address space.");
    out->count = bytes / form->size;
    if (r->raw.data && r->listed)
        return refuse(r, LIP_MALFORMED, "has its numbers twice.");
    size_t stored = r->raw.data ? r->raw.size / form->size : r->listed;
    if (stored == out->count && (!r->raw.data || r->raw.size % form->size == 0))
        return LIP_OK;
    snprintf(sentence, sizeof sentence,
             "has %zu numbers by its shape, but %zu are stored.", out->count,
             stored);
    return refuse(r, LIP_MALFORMED, sentence);
}

/* The number that `bits` are as an element of this form. */
static int64_t whole_of(uint64_t bits, const struct form *form)
{
    if (form->size == 8)
        return (int64_t)bits;
    unsigned unused = 64 - 8 * (unsigned)form->size;
    uint64_t high = bits << unused;
    return form->is_signed ? (int64_t)high >> unused
                           : (int64_t)(high >> unused);
}

/* Where the next number goes: bytes of a real, or a whole one. */
struct target {
    unsigned char *real;
    int64_t *whole;
    const struct form *form;
};

static void put(struct target *to, uint64_t bits)
{
    if (to->whole) {
        *to->whole++ = whole_of(bits, to->form);
        return;
    }
    for (size_t k = 0; k < to->form->size; k++)
        *to->real++ = (unsigned char)(bits >> 8 * k);
}

static uint64_t bits_at(const unsigned char *at, size_t size)
{
    uint64_t bits = 0;
    for (size_t k = size; k-- > 0;)
        bits = bits << 8 | at[k];
    return bits;
}

static enum lip_status put_packed(struct target *to, struct lip_span span,
                                  const struct reading *r)
{
    struct lip_wire packed = lip_wire_open(span, r->model->file, r->model->ctx);
    size_t width = width_of(to->form->field);
    while (packed.at != packed.end) {
        uint64_t bits;
        if (width) {
            bits = bits_at(packed.at, width);
            packed.at += width;
        } else {
            enum lip_status status = lip_wire_varint(&packed, &bits);
            if (status != LIP_OK)
                return status;
        }
        put(to, bits);
    }
    return LIP_OK;
}

/* All numbers of the list, whose bytes have been counted. */
static enum lip_status put_listed(struct target *to, const struct reading *r)
{
    struct lip_wire wire =
        lip_wire_open(r->message, r->model->file, r->model->ctx);
    struct lip_wire_field field;
    bool more;
    enum lip_status status = lip_wire_next(&wire, &field, &more);
    while (status == LIP_OK && more) {
        if (field.number == to->form->field && field.type != LIP_WIRE_BYTES)
            put(to, field.value);
        else if (field.number == to->form->field)
            status = put_packed(to, field.bytes, r);
        if (status == LIP_OK)
            status = lip_wire_next(&wire, &field, &more);
    }
    return status;
}

static enum lip_status fill(struct target to, const struct reading *r)
{
    size_t size = to.form->size;
    if (!r->raw.data)
        return put_listed(&to, r);
    for (size_t i = 0; i < r->raw.size; i += size)
        put(&to, bits_at(r->raw.data + i, size));
    return LIP_OK;
}

static enum lip_status read_whole(struct lip_onnx_constant *out,
                                  const struct reading *r,
                                  const struct form *form)
{
    out->whole = lip_alloc(r->model->ctx, out->count, sizeof *out->whole);
    if (!out->whole)
        return lip_memory_status(r->model->ctx);
    return fill((struct target){NULL, out->whole, form}, r);
}

static enum lip_status read_real(struct lip_onnx_constant *out,
                                 const struct reading *r,
                                 const struct form *form,
                                 struct lip_buffer *buffer)
{
    struct lip_ctx *ctx = r->model->ctx;
    bool in_place = r->raw.data || (r->chunks == 1 && width_of(form->field));
    out->real.dtype = form->dtype;
    if (in_place) {
        out->real.data = r->raw.data ? r->raw.data : r->chunk.data;
        out->real.buffer = lip_buffer_hold(buffer);
        return LIP_OK;
    }
    unsigned char *block = lip_alloc(ctx, out->count, form->size);
    if (!block)
        return lip_memory_status(ctx);
    out->real.buffer = lip_buffer_take(block, out->count * form->size, ctx);
    if (!out->real.buffer)
        return lip_memory_status(ctx);
    out->real.data = block;
    return fill((struct target){block, NULL, form}, r);
}

/* Numbers listed in another field than that of the type are not the tensor's.
 */
static enum lip_status check_field(const struct reading *r,
                                   const struct form *form)
{
    struct lip_wire wire =
        lip_wire_open(r->message, r->model->file, r->model->ctx);
    struct lip_wire_field field;
    bool more;
    enum lip_status status = lip_wire_next(&wire, &field, &more);
    while (status == LIP_OK && more) {
        uint32_t n = field.number;
        bool list = n == FLOAT_DATA || n == INT32_DATA || n == INT64_DATA ||
                    n == DOUBLE_DATA || n == UINT64_DATA;
        if (list && n != form->field)
            return refuse(r, LIP_MALFORMED,
                          "has numbers of another type than it says.");
        status = lip_wire_next(&wire, &field, &more);
    }
    return status;
}

enum lip_status lip_onnx_constant_read(struct lip_onnx_constant *out,
                                       struct lip_span message,
                                       const char *what,
                                       struct lip_buffer *buffer,
                                       const struct lip_onnx_model *model)
{
    struct reading r = {.model = model, .what = what, .message = message};
    const struct form *form = NULL;
    *out = (struct lip_onnx_constant){.count = 0};
    enum lip_status status = scan(&r);
    if (status == LIP_OK)
        status = check(&form, &r);
    if (status == LIP_OK && r.listed)
        status = check_field(&r, form);
    if (status == LIP_OK)
        status = check_count(out, &r, form);
    if (status == LIP_OK)
        status = form->real ? read_real(out, &r, form, buffer)
                            : read_whole(out, &r, form);
    if (status != LIP_OK)
        lip_onnx_constant_clear(out);
    return status;
}

enum lip_status lip_onnx_constant_new(struct lip_onnx_constant *out,
                                      size_t rank, const size_t *dim,
                                      double **numbers, struct lip_ctx *ctx)
{
    struct lip_shape shape = {.rank = rank};
    *out = (struct lip_onnx_constant){.count = 1};
    bool empty = false;
    out->real.rank = rank;
    for (size_t k = 0; k < rank; k++) {
        out->real.dim[k] = shape.dim[k] = dim[k];
        empty |= dim[k] == 0;
    }
    out->count = empty ? 0 : lip_shape_count(&shape);
    if (!empty && out->count == 0)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "A constant of the ONNX graph would have more than %zu "
                        "numbers, which is the limit.",
                        LIP_MAX_WIDTH);
    void *block = lip_alloc(ctx, out->count, sizeof(double));
    if (!block)
        return lip_memory_status(ctx);
    if (!numbers) {
        out->whole = block;
        return LIP_OK;
    }
    out->real.buffer = lip_buffer_take(block, out->count * sizeof(double), ctx);
    if (!out->real.buffer)
        return lip_memory_status(ctx);
    out->real.dtype = LIP_F64;
    out->real.data = block;
    *numbers = block;
    return LIP_OK;
}

void lip_onnx_constant_clear(struct lip_onnx_constant *constant)
{
    lip_tensor_clear(&constant->real);
    lip_free(constant->whole);
    *constant = (struct lip_onnx_constant){.count = 0};
}

double lip_onnx_constant_at(const struct lip_onnx_constant *constant, size_t i)
{
    return constant->whole ? (double)constant->whole[i]
                           : lip_tensor_at(&constant->real, i);
}
