/* SPDX-License-Identifier: MIT
 *
 * Reading safetensors. What the format's own reader checks is checked, and the
 * header's keys for repetition as well, which it leaves to its JSON parser. */
#include "formats/safetensors.h"

#include "base/size.h"
#include "formats/json_scan.h"
#include "formats/reader.h"
#include "formats/weights.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, DTYPE_NAME = 16 };

/* Above this the first eight bytes are not a header length but text. */
static const uint64_t PLAUSIBLE_HEADER = UINT64_C(1) << 40;

struct header {
    struct lip_json json;
    struct lip_tensor_list *list, names;
    struct lip_buffer *bytes;
    const unsigned char *data;
    size_t size; /* of data */
    struct lip_ctx *ctx;
};

/* One header entry, as written. */
struct entry {
    char name[LIP_TENSOR_NAME];
    char dtype[DTYPE_NAME];
    size_t rank, dim[LIP_MAX_RANK];
    size_t begin, end;
    bool has_dtype, has_shape, has_offsets;
};

static uint64_t header_length(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = LENGTH_BYTES; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static bool detect(const unsigned char *bytes, size_t size)
{
    return size > LENGTH_BYTES && bytes[LENGTH_BYTES] == '{' &&
           header_length(bytes) < PLAUSIBLE_HEADER;
}

static enum lip_status refuse(const struct entry *entry, enum lip_status status,
                              struct lip_ctx *ctx, const char *what)
{
    return lip_fail_at(ctx, status, LIP_AT_TENSOR, entry->name,
                       "Tensor \"%.80s\" %s", entry->name, what);
}

static enum lip_status read_shape(struct entry *entry, struct lip_json *json)
{
    bool more;
    enum lip_status status = lip_json_open_array(json);
    while (status == LIP_OK &&
           (status = lip_json_next_element(json, &more)) == LIP_OK && more) {
        if (entry->rank == LIP_MAX_RANK)
            return refuse(entry, LIP_UNSUPPORTED, json->ctx,
                          "has more than 8 dimensions.");
        status = lip_json_size(json, &entry->dim[entry->rank++]);
    }
    return status;
}

static enum lip_status read_offsets(struct entry *entry, struct lip_json *json)
{
    size_t value[2], n = 0;
    bool more;
    enum lip_status status = lip_json_open_array(json);
    while (status == LIP_OK &&
           (status = lip_json_next_element(json, &more)) == LIP_OK && more) {
        if (n == 2)
            return refuse(entry, LIP_MALFORMED, json->ctx,
                          "has more than two data_offsets.");
        status = lip_json_size(json, &value[n++]);
    }
    if (status == LIP_OK && n < 2)
        return refuse(entry, LIP_MALFORMED, json->ctx,
                      "has fewer than two data_offsets.");
    entry->begin = n == 2 ? value[0] : 0;
    entry->end = n == 2 ? value[1] : 0;
    return status;
}

static enum lip_status read_field(struct entry *entry, struct lip_json *json)
{
    bool *seen = lip_json_key_is(json, "dtype")          ? &entry->has_dtype
                 : lip_json_key_is(json, "shape")        ? &entry->has_shape
                 : lip_json_key_is(json, "data_offsets") ? &entry->has_offsets
                                                         : NULL;
    if (!seen)
        return lip_json_fail(json, LIP_MALFORMED,
                             "A tensor of the header has only dtype, shape "
                             "and data_offsets.");
    if (*seen)
        return lip_json_fail(json, LIP_MALFORMED,
                             "This member is given twice.");
    *seen = true;
    if (seen == &entry->has_dtype)
        return lip_json_string(json, entry->dtype, sizeof entry->dtype);
    return seen == &entry->has_shape ? read_shape(entry, json)
                                     : read_offsets(entry, json);
}

static enum lip_status read_entry(struct entry *entry, struct lip_json *json)
{
    bool more;
    enum lip_status status = lip_json_open_object(json);
    while (status == LIP_OK &&
           (status = lip_json_next_member(json, &more)) == LIP_OK && more)
        status = read_field(entry, json);
    if (status == LIP_OK &&
        !(entry->has_dtype && entry->has_shape && entry->has_offsets))
        return refuse(entry, LIP_MALFORMED, json->ctx,
                      "lacks one of dtype, shape and data_offsets in the "
                      "header.");
    return status;
}

static enum lip_status
find_dtype(enum lip_dtype *out, const struct entry *entry, struct lip_ctx *ctx)
{
    static const struct {
        const char *name;
        enum lip_dtype dtype;
    } known[] = {{"F64", LIP_F64},
                 {"F32", LIP_F32},
                 {"F16", LIP_F16},
                 {"BF16", LIP_BF16}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, entry->dtype) == 0) {
            *out = known[i].dtype;
            return LIP_OK;
        }
    return lip_fail_at(ctx, LIP_UNSUPPORTED, LIP_AT_TENSOR, entry->name,
                       "Tensor \"%.80s\" has dtype %s; F64, F32, F16 and BF16 "
                       "are read. Convert it or leave it out.",
                       entry->name, entry->dtype);
}

/* Turns an entry into a view; its bytes lie within the data afterwards. */
static enum lip_status make_tensor(struct lip_tensor *tensor,
                                   const struct entry *entry,
                                   const struct header *header)
{
    size_t bytes;
    enum lip_status status = find_dtype(&tensor->dtype, entry, header->ctx);
    if (status != LIP_OK)
        return status;
    bytes = lip_dtype_size(tensor->dtype);
    tensor->rank = entry->rank;
    for (size_t k = 0; k < entry->rank; k++) {
        tensor->dim[k] = entry->dim[k];
        if (!lip_size_mul(&bytes, bytes, entry->dim[k]))
            return refuse(entry, LIP_INVALID, header->ctx,
                          "has a shape beyond the address space.");
    }
    if (entry->begin > entry->end || entry->end > header->size)
        return refuse(entry, LIP_MALFORMED, header->ctx,
                      "has data_offsets that run backwards or past the end of "
                      "the file. Is the file complete?");
    if (entry->end - entry->begin != bytes)
        return refuse(entry, LIP_MALFORMED, header->ctx,
                      "has data_offsets that do not fit its shape and dtype.");
    tensor->data = header->data + entry->begin;
    tensor->buffer = lip_buffer_hold(header->bytes);
    return LIP_OK;
}

/* A text of any length with its escapes resolved, as a buffer. */
static enum lip_status read_text(struct lip_buffer **out, size_t longest,
                                 struct lip_json *json)
{
    size_t capacity = longest + 1;
    char *text = lip_alloc(json->ctx, capacity, 1);
    if (!text)
        return lip_memory_status(json->ctx);
    enum lip_status status = lip_json_string(json, text, capacity);
    if (status != LIP_OK) {
        lip_free(text);
        return status;
    }
    *out = lip_buffer_take(text, strlen(text), json->ctx);
    return *out ? LIP_OK : lip_memory_status(json->ctx);
}

/* Keeps a pair as metadata, or the layers where they are it. Names that are
 * past the bounds of metadata, and texts that cannot be C strings, are not. */
static enum lip_status keep_pair(struct header *header, const char *name)
{
    struct lip_json *json = &header->json, ahead = *json;
    struct lip_json_span span;
    struct lip_buffer *text = NULL;
    bool layers = strcmp(name, LIP_LAYERS_KEY) == 0;
    enum lip_status status = lip_json_skip(&ahead, &span);
    if (status != LIP_OK)
        return status;
    if (!layers && (span.size > LIP_METADATA_VALUE ||
                    memmem(span.data, span.size, "\\u0000", 6)))
        return lip_json_skip(json, NULL);
    status = read_text(&text, span.size, json);
    if (status != LIP_OK)
        return status;
    if (layers) {
        header->list->layers = text;
        return LIP_OK;
    }
    status =
        lip_metadata_add(&header->list->metadata, name,
                         (const char *)lip_buffer_bytes(text), header->ctx);
    lip_buffer_put(text);
    return status;
}

/* {"format": "pt", ...}: strings, none given twice. */
static enum lip_status read_metadata(struct header *header)
{
    struct lip_json *json = &header->json;
    bool more;
    enum lip_json_type type;
    if (header->names.limit)
        return lip_json_fail(json, LIP_MALFORMED,
                             "__metadata__ is given twice.");
    header->names.limit = header->list->limit;
    enum lip_status status = lip_json_open_object(json);
    while (status == LIP_OK &&
           (status = lip_json_next_member(json, &more)) == LIP_OK && more) {
        struct lip_named_tensor *name =
            lip_tensor_list_add(&header->names, header->ctx);
        if (!name)
            return lip_memory_status(header->ctx);
        status = lip_json_key(json, name->name, sizeof name->name);
        if (status == LIP_OK)
            status = lip_json_peek(json, &type);
        if (status == LIP_OK && type != LIP_JSON_STRING)
            return lip_json_fail(json, LIP_MALFORMED,
                                 "__metadata__ may hold only strings.");
        if (status == LIP_OK && header->list->layers &&
            strcmp(name->name, LIP_LAYERS_KEY) == 0)
            return lip_json_fail(json, LIP_MALFORMED,
                                 "This member is given twice.");
        if (status == LIP_OK)
            status = keep_pair(header, name->name);
    }
    return status == LIP_OK ? lip_tensor_list_sort(&header->names, header->ctx)
                            : status;
}

static enum lip_status read_member(struct header *header)
{
    struct entry entry = {.rank = 0};
    if (lip_json_key_is(&header->json, "__metadata__"))
        return read_metadata(header);
    enum lip_status status =
        lip_json_key(&header->json, entry.name, sizeof entry.name);
    if (status == LIP_OK)
        status = read_entry(&entry, &header->json);
    if (status != LIP_OK)
        return status;
    struct lip_named_tensor *named =
        lip_tensor_list_add(header->list, header->ctx);
    if (!named)
        return lip_memory_status(header->ctx);
    memcpy(named->name, entry.name, sizeof named->name);
    return make_tensor(&named->tensor, &entry, header);
}

static size_t bytes_of(const struct lip_tensor *tensor)
{
    return lip_tensor_count(tensor) * lip_dtype_size(tensor->dtype);
}

static int by_place(const void *a, const void *b)
{
    const struct lip_tensor *x = &((const struct lip_named_tensor *)a)->tensor;
    const struct lip_tensor *y = &((const struct lip_named_tensor *)b)->tensor;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    size_t m = bytes_of(x), n = bytes_of(y);
    return m < n ? -1 : m > n;
}

/* The tensors fill the data without holes and without overlap: no byte can
 * mean two things, and none can hide something. */
static enum lip_status check_places(const struct header *header)
{
    struct lip_tensor_list *list = header->list;
    const unsigned char *at = header->data;
    if (list->count)
        qsort(list->item, list->count, sizeof *list->item, by_place);
    for (size_t i = 0; i < list->count; i++) {
        const struct lip_named_tensor *item = &list->item[i];
        if (item->tensor.data < at)
            return lip_fail_at(header->ctx, LIP_MALFORMED, LIP_AT_TENSOR,
                               item->name,
                               "Tensors \"%.80s\" and \"%.80s\" overlap.",
                               list->item[i - 1].name, item->name);
        if (item->tensor.data > at)
            return lip_fail_at(header->ctx, LIP_MALFORMED, LIP_AT_TENSOR,
                               item->name,
                               "%zu bytes in front of tensor \"%.80s\" belong "
                               "to no tensor.",
                               (size_t)(item->tensor.data - at), item->name);
        at += bytes_of(&item->tensor);
    }
    size_t left = header->size - (size_t)(at - header->data);
    if (left)
        return lip_fail(header->ctx, LIP_MALFORMED,
                        "%zu bytes at the end of the file belong to no "
                        "tensor.",
                        left);
    return LIP_OK;
}

/* Finds header and data in the file. */
static enum lip_status open_header(struct header *header)
{
    const unsigned char *bytes = lip_buffer_bytes(header->bytes);
    size_t size = lip_buffer_size(header->bytes);
    uint64_t length = size < LENGTH_BYTES ? 0 : header_length(bytes);
    if (size < LENGTH_BYTES || length > size - LENGTH_BYTES)
        return lip_fail_at(header->ctx, LIP_MALFORMED, LIP_AT_BYTE, "0",
                           "The safetensors header is longer than the file "
                           "(%zu bytes). Is the file complete?",
                           size);
    if (length > LIP_SAFETENSORS_HEADER)
        return lip_fail_at(header->ctx, LIP_TOO_LARGE, LIP_AT_BYTE, "0",
                           "The safetensors header is over the limit of %d "
                           "bytes.",
                           LIP_SAFETENSORS_HEADER);
    if (length == 0 || bytes[LENGTH_BYTES] != '{')
        return lip_fail_at(header->ctx, LIP_MALFORMED, LIP_AT_BYTE, "8",
                           "The safetensors header must begin with '{'.");
    header->data = bytes + LENGTH_BYTES + length;
    header->size = size - LENGTH_BYTES - (size_t)length;
    lip_json_init(&header->json, bytes + LENGTH_BYTES, (size_t)length,
                  LENGTH_BYTES, "", header->ctx);
    return LIP_OK;
}

enum lip_status lip_safetensors_read(struct lip_tensor_list *list,
                                     struct lip_buffer *bytes,
                                     struct lip_ctx *ctx)
{
    struct header header = {.list = list, .bytes = bytes, .ctx = ctx};
    bool more;
    enum lip_status status = open_header(&header);
    if (status == LIP_OK)
        status = lip_json_open_object(&header.json);
    while (status == LIP_OK &&
           (status = lip_json_next_member(&header.json, &more)) == LIP_OK &&
           more)
        status = read_member(&header);
    if (status == LIP_OK)
        status = lip_json_end(&header.json);
    if (status == LIP_OK)
        status = check_places(&header);
    lip_tensor_list_clear(&header.names);
    return status == LIP_OK ? lip_tensor_list_sort(list, ctx) : status;
}

static enum lip_status read(struct lip_network **out, struct lip_buffer *bytes,
                            const struct lip_read_options *options,
                            struct lip_ctx *ctx)
{
    struct lip_read_options filled;
    lip_read_options_fill(&filled, options);
    struct lip_tensor_list list = {.limit = filled.max_tensors};
    *out = NULL;
    enum lip_status status = lip_safetensors_read(&list, bytes, ctx);
    if (status == LIP_OK)
        status = lip_weights_network(out, &list, options, ctx);
    lip_tensor_list_clear(&list);
    return status;
}

const struct lip_format lip_format_safetensors = {
    .name = "safetensors",
    .title = "safetensors: named weights, F64, F32, F16 or BF16",
    .media_type = "application/vnd.safetensors",
    .weights_only = true,
    .detect = detect,
    .read = read,
};
