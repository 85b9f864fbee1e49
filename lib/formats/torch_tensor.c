/* SPDX-License-Identifier: MIT
 *
 * One tensor of a state dict: _rebuild_tensor_v2(storage, offset, sizes,
 * strides, ...) with the storage an entry of the zip file. */
#include "formats/torch_parts.h"

#include "base/size.h"
#include "formats/reader.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_PATH = 512, MAX_WRAPPERS = 4, TICK = 1 << 20 /* elements */ };

/* A tensor as the pickle describes it. */
struct description {
    const char *name;
    uint32_t storage_type, key;
    size_t numel, offset; /* elements */
    size_t rank, dim[LIP_MAX_RANK], stride[LIP_MAX_RANK];
};

bool lip_torch_is_call(const struct lip_torch_reader *r, uint32_t value,
                       const char *name)
{
    const struct lip_pickle_value *v = lip_torch_value(r, value);
    return v->type == LIP_PICKLE_CALL &&
           lip_pickle_is_global(&r->pickle, v->callee, name);
}

bool lip_torch_is_string(const struct lip_torch_reader *r, uint32_t value,
                         const char *text)
{
    const struct lip_pickle_value *v = lip_torch_value(r, value);
    return v->type == LIP_PICKLE_STRING && v->size == strlen(text) &&
           memcmp(v->text, text, v->size) == 0;
}

/* Takes the wrappers of a parameter off. */
static uint32_t unwrapped(const struct lip_torch_reader *r, uint32_t value)
{
    for (int i = 0; i < MAX_WRAPPERS; i++) {
        if (!lip_torch_is_call(r, value, "torch._utils _rebuild_parameter") &&
            !lip_torch_is_call(r, value,
                               "torch._utils _rebuild_parameter_with_state"))
            break;
        if (!lip_pickle_at(&value, &r->pickle,
                           lip_torch_value(r, value)->argument, 0))
            break;
    }
    return value;
}

bool lip_torch_is_tensor(const struct lip_torch_reader *r, uint32_t value)
{
    value = unwrapped(r, value);
    return lip_torch_is_call(r, value, "torch._utils _rebuild_tensor_v2") ||
           lip_torch_is_call(r, value, "torch._utils _rebuild_tensor");
}

enum lip_status lip_torch_refuse(const struct lip_torch_reader *r,
                                 const char *name, enum lip_status status,
                                 const char *what)
{
    return lip_fail_at(r->ctx, status, LIP_AT_TENSOR, name,
                       "Tensor \"%.80s\" %s", name, what);
}

/* The zip entry that is called this in the file's folder; NULL: none. */
struct lip_zip_entry *lip_torch_find_entry(struct lip_torch_reader *r,
                                           const char *folder, const char *name,
                                           size_t size)
{
    char path[MAX_PATH];
    int n = snprintf(path, sizeof path, "%.*s%s%.*s", (int)r->folder_size,
                     r->folder, folder, (int)size, name);
    return n > 0 && (size_t)n < sizeof path
               ? lip_zip_find(&r->zip, path, (size_t)n)
               : NULL;
}

static enum lip_status odd(const struct lip_torch_reader *r, const char *name)
{
    return lip_torch_refuse(r, name, LIP_MALFORMED,
                            "is not described as torch.save does it.");
}

/* Item i of a tuple, where it is of this type. */
static bool item_of_type(uint32_t *out, const struct lip_torch_reader *r,
                         uint32_t tuple, uint32_t i, enum lip_pickle_type type)
{
    return lip_pickle_at(out, &r->pickle, tuple, i) &&
           lip_torch_value(r, *out)->type == type;
}

static bool size_at(size_t *out, const struct lip_torch_reader *r,
                    uint32_t tuple, uint32_t i)
{
    uint32_t item;
    if (!item_of_type(&item, r, tuple, i, LIP_PICKLE_INT) ||
        lip_torch_value(r, item)->integer < 0)
        return false;
    *out = (size_t)lip_torch_value(r, item)->integer;
    return true;
}

/* ("storage", type, key, device, elements) */
static bool read_storage(struct description *out,
                         const struct lip_torch_reader *r, uint32_t storage)
{
    uint32_t word, id = lip_torch_value(r, storage)->argument;
    return lip_pickle_at(&word, &r->pickle, id, 0) &&
           lip_torch_is_string(r, word, "storage") &&
           item_of_type(&out->storage_type, r, id, 1, LIP_PICKLE_GLOBAL) &&
           item_of_type(&out->key, r, id, 2, LIP_PICKLE_STRING) &&
           size_at(&out->numel, r, id, 4);
}

/* (storage, offset, sizes, strides, ...) */
static bool read_arguments(struct description *out,
                           const struct lip_torch_reader *r, uint32_t arguments)
{
    uint32_t storage, sizes, strides;
    if (!item_of_type(&storage, r, arguments, 0, LIP_PICKLE_PERSISTENT) ||
        !read_storage(out, r, storage) ||
        !size_at(&out->offset, r, arguments, 1) ||
        !item_of_type(&sizes, r, arguments, 2, LIP_PICKLE_TUPLE) ||
        !item_of_type(&strides, r, arguments, 3, LIP_PICKLE_TUPLE))
        return false;
    out->rank = lip_torch_value(r, sizes)->count;
    if (lip_torch_value(r, strides)->count != out->rank ||
        out->rank > LIP_MAX_RANK)
        return false;
    for (uint32_t k = 0; k < out->rank; k++)
        if (!size_at(&out->dim[k], r, sizes, k) ||
            !size_at(&out->stride[k], r, strides, k))
            return false;
    return true;
}

/* Whether the storage holds floating-point numbers, and which. */
static enum lip_status find_dtype(enum lip_dtype *out, bool *is_float,
                                  const struct lip_torch_reader *r,
                                  const struct description *d)
{
    static const struct {
        const char *name;
        enum lip_dtype dtype;
    } floats[] = {{"torch FloatStorage", LIP_F32},
                  {"torch DoubleStorage", LIP_F64},
                  {"torch HalfStorage", LIP_F16},
                  {"torch BFloat16Storage", LIP_BF16}};
    static const char *const integers[] = {
        "torch LongStorage", "torch IntStorage",  "torch ShortStorage",
        "torch CharStorage", "torch ByteStorage", "torch BoolStorage"};
    char name[100], text[200];
    *is_float = true;
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        if (lip_pickle_is_global(&r->pickle, d->storage_type, floats[i].name)) {
            *out = floats[i].dtype;
            return LIP_OK;
        }
    *is_float = false;
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
        if (lip_pickle_is_global(&r->pickle, d->storage_type, integers[i]))
            return LIP_OK;
    snprintf(text, sizeof text,
             "lies in a %s, which is not read: weights are float64, float32, "
             "float16 or bfloat16.",
             lip_pickle_name(name, sizeof name, &r->pickle, d->storage_type));
    return lip_torch_refuse(r, d->name, LIP_UNSUPPORTED, text);
}

/* How many elements it has, and that all of them lie in the storage. */
static bool fits(size_t *count, const struct description *d)
{
    size_t last = d->offset, reach;
    *count = 1;
    for (size_t k = 0; k < d->rank; k++)
        if (!lip_size_mul(count, *count, d->dim[k]))
            return false;
    if (*count == 0)
        return true;
    for (size_t k = 0; k < d->rank; k++)
        if (!lip_size_mul(&reach, d->dim[k] - 1, d->stride[k]) ||
            !lip_size_add(&last, last, reach))
            return false;
    return last < d->numel;
}

/* Whether the elements lie next to one another with the last index (or, where
 * `columns` is set, the first) fastest. */
static bool is_dense(const struct description *d, bool columns)
{
    size_t stride = 1;
    for (size_t i = 0; i < d->rank; i++) {
        size_t k = columns ? i : d->rank - 1 - i;
        if (d->dim[k] > 1 && d->stride[k] != stride)
            return false;
        stride *= d->dim[k]; /* fits: it has been multiplied before */
    }
    return true;
}

/* The elements one after another, for views of other strides. */
static enum lip_status gather(unsigned char *out,
                              const struct lip_torch_reader *r,
                              const unsigned char *first,
                              const struct description *d, size_t count,
                              size_t width)
{
    size_t index[LIP_MAX_RANK] = {0};
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        for (size_t k = 0; k < d->rank; k++)
            at += index[k] * d->stride[k];
        memcpy(out + i * width, first + at * width, width);
        for (size_t k = d->rank; k-- > 0 && ++index[k] == d->dim[k];)
            index[k] = 0;
        if (i % TICK == TICK - 1) {
            enum lip_status status = lip_tick(r->ctx, "copying a view",
                                              (double)i, (double)count, NAN);
            if (status != LIP_OK)
                return status;
        }
    }
    return LIP_OK;
}

static enum lip_status copy_view(struct lip_tensor *out,
                                 struct lip_torch_reader *r,
                                 const struct description *d,
                                 const unsigned char *first, size_t size)
{
    size_t width = lip_dtype_size(out->dtype);
    if (size > r->may_copy)
        return lip_torch_refuse(
            r, d->name, LIP_TOO_LARGE,
            "is a view that has to be copied, which is over the "
            "limit. Save it with .contiguous().");
    r->may_copy -= size;
    unsigned char *copy = lip_alloc(r->ctx, size, 1);
    if (!copy)
        return lip_memory_status(r->ctx);
    enum lip_status status = gather(copy, r, first, d, size / width, width);
    if (status != LIP_OK) {
        lip_free(copy);
        return status;
    }
    out->buffer = lip_buffer_take(copy, size, r->ctx);
    if (!out->buffer)
        return lip_memory_status(r->ctx);
    out->data = lip_buffer_bytes(out->buffer);
    return LIP_OK;
}

static enum lip_status place(struct lip_tensor *out, struct lip_torch_reader *r,
                             const struct description *d,
                             const unsigned char *storage)
{
    size_t count, width = lip_dtype_size(out->dtype), size;
    if (!fits(&count, d) || !lip_size_mul(&size, count, width))
        return lip_torch_refuse(
            r, d->name, LIP_MALFORMED,
            "reaches beyond the storage that it is a view of.");
    out->rank = d->rank;
    memcpy(out->dim, d->dim, sizeof out->dim);
    out->column_major = count && !is_dense(d, false);
    const unsigned char *first = count ? storage + d->offset * width : storage;
    if (!out->column_major || is_dense(d, true)) {
        out->buffer = lip_buffer_hold(r->bytes);
        out->data = first;
        return LIP_OK;
    }
    out->column_major = false;
    return copy_view(out, r, d, first, size);
}

static enum lip_status open_storage(const unsigned char **out,
                                    struct lip_torch_reader *r,
                                    const struct description *d, size_t width)
{
    const struct lip_pickle_value *key = lip_torch_value(r, d->key);
    size_t size;
    struct lip_zip_entry *entry =
        key->size < MAX_PATH
            ? lip_torch_find_entry(r, "data/", key->text, key->size)
            : NULL;
    if (!entry)
        return lip_torch_refuse(
            r, d->name, LIP_MALFORMED,
            "is missing: the file has no entry with its numbers.");
    enum lip_status status = lip_zip_data(&r->zip, entry, r->ctx);
    if (status != LIP_OK)
        return status;
    if (!lip_size_mul(&size, d->numel, width) || size > entry->size)
        return lip_torch_refuse(
            r, d->name, LIP_MALFORMED,
            "has fewer numbers in the file than the file says.");
    *out = entry->data;
    return LIP_OK;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* Layers whose settings a state dict does not hold. */
static enum lip_status check_kind(const struct lip_torch_reader *r,
                                  const struct description *d)
{
    bool norm =
        ends_with(d->name, "running_mean") || ends_with(d->name, "running_var");
    if (r->has_layers || (d->rank <= 2 && !norm))
        return LIP_OK;
    return lip_torch_refuse(
        r, d->name, LIP_UNSUPPORTED,
        norm ? "belongs to a batch norm: a state dict does not say "
               "where that stands. Export the model as ONNX: "
               "torch.onnx.export(model.eval(), example, "
               "\"model.onnx\")."
             : "belongs to a convolution: a state dict says nothing "
               "of its stride and padding. Export the model as "
               "ONNX: torch.onnx.export(model.eval(), example, "
               "\"model.onnx\").");
}

enum lip_status lip_torch_add_tensor(struct lip_torch_reader *r,
                                     const char *name, uint32_t value)
{
    struct description d = {.name = name};
    enum lip_dtype dtype = LIP_F64;
    bool is_float;
    const unsigned char *storage = NULL;
    value = unwrapped(r, value);
    if (!read_arguments(&d, r, lip_torch_value(r, value)->argument))
        return odd(r, name);
    enum lip_status status = find_dtype(&dtype, &is_float, r, &d);
    if (status != LIP_OK || !is_float)
        return status;
    status = check_kind(r, &d);
    if (status == LIP_OK)
        status = open_storage(&storage, r, &d, lip_dtype_size(dtype));
    if (status != LIP_OK)
        return status;
    struct lip_named_tensor *named = lip_tensor_list_add(r->list, r->ctx);
    if (!named)
        return lip_memory_status(r->ctx);
    memcpy(named->name, name, strlen(name) + 1);
    named->tensor.dtype = dtype;
    return place(&named->tensor, r, &d, storage);
}
