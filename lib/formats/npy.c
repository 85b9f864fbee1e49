/* SPDX-License-Identifier: MIT
 *
 * Reading npy. The header is a Python dictionary literal, of which exactly
 * the form that NumPy writes is understood. */
#include "formats/npy.h"

#include "base/size.h"
#include "formats/reader.h"
#include "formats/weights.h"

#include <stdio.h>
#include <string.h>

enum { MAGIC = 6, MAX_HEADER = 1 << 16 };

static const unsigned char magic[MAGIC + 1] = "\x93NUMPY";

struct npy {
    const unsigned char *start, *at, *end; /* at: in the header */
    const unsigned char *data;
    size_t size; /* of data */
    const char *name;
    struct lip_ctx *ctx;
    char descr[LIP_NPY_DESCR];
    bool fortran;
    size_t rank, dim[LIP_MAX_RANK];
    bool has_descr, has_fortran, has_shape;
};

bool lip_npy_detect(const unsigned char *bytes, size_t size)
{
    return size >= MAGIC && memcmp(bytes, magic, MAGIC) == 0;
}

static enum lip_status refuse(const struct npy *npy, enum lip_status status,
                              const char *what)
{
    char where[24];
    if (npy->name)
        return lip_fail_at(npy->ctx, status, LIP_AT_TENSOR, npy->name,
                           "Array \"%.80s\": %s", npy->name, what);
    snprintf(where, sizeof where, "%zu", (size_t)(npy->at - npy->start));
    return lip_fail_at(npy->ctx, status, LIP_AT_BYTE, where, "The npy file: %s",
                       what);
}

static enum lip_status broken(const struct npy *npy)
{
    return refuse(npy, LIP_MALFORMED,
                  "the header is not the dictionary with 'descr', "
                  "'fortran_order' and 'shape' that NumPy writes.");
}

static bool take(struct npy *npy, char c)
{
    while (npy->at < npy->end && *npy->at == ' ')
        npy->at++;
    if (npy->at >= npy->end || *npy->at != (unsigned char)c)
        return false;
    npy->at++;
    return true;
}

/* A quoted string without escapes; false where it is not one or too long. */
static bool take_string(struct npy *npy, char *out, size_t capacity)
{
    char quote = take(npy, '\'') ? '\'' : take(npy, '"') ? '"' : 0;
    size_t n = 0;
    if (!quote)
        return false;
    while (npy->at < npy->end && *npy->at != (unsigned char)quote) {
        unsigned char c = *npy->at++;
        if (n + 1 >= capacity || c < 0x20 || c > 0x7e || c == '\\')
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return take(npy, quote);
}

static bool take_word(struct npy *npy, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(npy->end - npy->at) < n || memcmp(npy->at, word, n) != 0)
        return false;
    npy->at += n;
    return true;
}

static enum lip_status take_dimension(struct npy *npy)
{
    size_t value = 0;
    const unsigned char *begin = npy->at;
    if (npy->rank == LIP_MAX_RANK)
        return refuse(npy, LIP_UNSUPPORTED, "more than 8 dimensions.");
    for (; npy->at < npy->end && *npy->at >= '0' && *npy->at <= '9'; npy->at++)
        if (!lip_size_mul(&value, value, 10) ||
            !lip_size_add(&value, value, (size_t)(*npy->at - '0')))
            return refuse(npy, LIP_INVALID,
                          "the shape is beyond the address space.");
    if (npy->at == begin)
        return broken(npy);
    npy->dim[npy->rank++] = value;
    return LIP_OK;
}

/* "()", "(3,)", "(3, 4)" */
static enum lip_status take_shape(struct npy *npy)
{
    bool comma = true;
    if (!take(npy, '('))
        return broken(npy);
    while (!take(npy, ')')) {
        if (!comma)
            return broken(npy);
        enum lip_status status = take_dimension(npy);
        if (status != LIP_OK)
            return status;
        comma = take(npy, ',');
    }
    return npy->rank == 1 && !comma ? broken(npy) : LIP_OK;
}

static enum lip_status take_descr(struct npy *npy)
{
    if (take(npy, '['))
        return refuse(npy, LIP_UNSUPPORTED,
                      "arrays of records are not read. Save plain float64 or "
                      "float32 arrays.");
    return take_string(npy, npy->descr, sizeof npy->descr) ? LIP_OK
                                                           : broken(npy);
}

static enum lip_status take_order(struct npy *npy)
{
    npy->fortran = take_word(npy, "True");
    return npy->fortran || take_word(npy, "False") ? LIP_OK : broken(npy);
}

static enum lip_status take_item(struct npy *npy)
{
    static const struct {
        const char *key;
        size_t seen;
        enum lip_status (*take)(struct npy *npy);
    } items[] = {
        {"descr", offsetof(struct npy, has_descr), take_descr},
        {"fortran_order", offsetof(struct npy, has_fortran), take_order},
        {"shape", offsetof(struct npy, has_shape), take_shape},
    };
    char key[LIP_NPY_DESCR];
    if (!take_string(npy, key, sizeof key) || !take(npy, ':'))
        return broken(npy);
    while (npy->at < npy->end && *npy->at == ' ')
        npy->at++;
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        bool *seen = (bool *)((char *)npy + items[i].seen);
        if (strcmp(key, items[i].key) != 0 || *seen)
            continue;
        *seen = true;
        return items[i].take(npy);
    }
    return broken(npy);
}

static enum lip_status take_dictionary(struct npy *npy)
{
    bool comma = true;
    if (!take(npy, '{'))
        return broken(npy);
    while (!take(npy, '}')) {
        enum lip_status status = comma ? take_item(npy) : broken(npy);
        if (status != LIP_OK)
            return status;
        comma = take(npy, ',');
    }
    while (npy->at < npy->end && (*npy->at == ' ' || *npy->at == '\n'))
        npy->at++;
    if (npy->at < npy->end || !npy->has_descr || !npy->has_fortran ||
        !npy->has_shape)
        return broken(npy);
    return LIP_OK;
}

/* Magic, version, header length: sets where header and data are. */
static enum lip_status open_header(struct npy *npy, const unsigned char *p,
                                   size_t size)
{
    size_t length = 0;
    npy->start = npy->at = p;
    if (!lip_npy_detect(p, size))
        return refuse(npy, LIP_MALFORMED, "it does not begin as npy does.");
    size_t width = size > MAGIC && p[MAGIC] == 1 ? 2 : 4;
    size_t begin = MAGIC + 2 + width;
    npy->at = p + MAGIC;
    if (size > MAGIC && (p[MAGIC] < 1 || p[MAGIC] > 3))
        return refuse(npy, LIP_UNSUPPORTED, "only versions 1 to 3 are read.");
    if (size < begin)
        return refuse(npy, LIP_MALFORMED, "it ends inside its header.");
    for (size_t i = width; i-- > 0;)
        length = length << 8 | p[MAGIC + 2 + i];
    if (length > MAX_HEADER)
        return refuse(npy, LIP_TOO_LARGE, "the header is over 65536 bytes.");
    if (length > size - begin)
        return refuse(npy, LIP_MALFORMED, "it ends inside its header.");
    npy->at = p + begin;
    npy->end = npy->data = npy->at + length;
    npy->size = size - begin - length;
    return LIP_OK;
}

static enum lip_status unknown_type(const struct npy *npy)
{
    const char *d = npy->descr;
    char text[200];
    if (*d == '|' || *d == '<' || *d == '>' || *d == '=')
        d++;
    snprintf(text, sizeof text,
             "%s (dtype '%s'). Save float64, float32 or float16 arrays.",
             *d == 'O' ? "objects are Python pickles and are not read"
             : *d && strchr("biu", *d) ? "integers are not read as weights"
             : *d == 'c'               ? "complex numbers are not read"
                                       : "this element type is not read",
             npy->descr);
    return refuse(npy, LIP_UNSUPPORTED, text);
}

static enum lip_status find_dtype(enum lip_dtype *out, bool *big,
                                  const struct npy *npy)
{
    static const struct {
        const char *name;
        enum lip_dtype dtype;
    } known[] = {{"f8", LIP_F64}, {"f4", LIP_F32}, {"f2", LIP_F16}};
    *big = *npy->descr == '>';
    if (*npy->descr != '<' && !*big)
        return unknown_type(npy);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(npy->descr + 1, known[i].name) == 0) {
            *out = known[i].dtype;
            return LIP_OK;
        }
    return unknown_type(npy);
}

/* A copy of the data with the bytes of each element turned round. */
static struct lip_buffer *swapped(const struct npy *npy, size_t width)
{
    unsigned char *copy = lip_alloc(npy->ctx, npy->size, 1);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < npy->size; i += width)
        for (size_t k = 0; k < width; k++)
            copy[i + k] = npy->data[i + width - 1 - k];
    return lip_buffer_take(copy, npy->size, npy->ctx);
}

static enum lip_status make_tensor(struct lip_tensor *out,
                                   struct lip_buffer *bytes,
                                   const struct npy *npy)
{
    bool big;
    struct lip_tensor tensor = {.column_major = npy->fortran && npy->rank > 1,
                                .rank = npy->rank};
    enum lip_status status = find_dtype(&tensor.dtype, &big, npy);
    if (status != LIP_OK)
        return status;
    size_t size = lip_dtype_size(tensor.dtype);
    for (size_t k = 0; k < npy->rank; k++) {
        tensor.dim[k] = npy->dim[k];
        if (!lip_size_mul(&size, size, npy->dim[k]))
            return refuse(npy, LIP_INVALID,
                          "the shape is beyond the address space.");
    }
    if (size != npy->size) {
        char text[160];
        snprintf(text, sizeof text,
                 "%zu bytes of numbers where the shape needs %zu. Is it "
                 "complete?",
                 npy->size, size);
        return refuse(npy, LIP_MALFORMED, text);
    }
    tensor.buffer = big ? swapped(npy, lip_dtype_size(tensor.dtype))
                        : lip_buffer_hold(bytes);
    if (!tensor.buffer)
        return lip_memory_status(npy->ctx);
    tensor.data = big ? lip_buffer_bytes(tensor.buffer) : npy->data;
    *out = tensor;
    return LIP_OK;
}

enum lip_status lip_npy_header_read(struct lip_npy_header *out,
                                    const unsigned char *bytes, size_t size,
                                    const char *name, struct lip_ctx *ctx)
{
    struct npy npy = {.name = name, .ctx = ctx};
    memset(out, 0, sizeof *out);
    enum lip_status status = open_header(&npy, bytes, size);
    if (status == LIP_OK)
        status = take_dictionary(&npy);
    if (status != LIP_OK)
        return status;
    memcpy(out->descr, npy.descr, sizeof out->descr);
    memcpy(out->dim, npy.dim, sizeof out->dim);
    out->fortran = npy.fortran;
    out->rank = npy.rank;
    out->data = (size_t)(npy.data - npy.start);
    return LIP_OK;
}

enum lip_status lip_npy_read(struct lip_tensor *out, struct lip_buffer *bytes,
                             const char *name, struct lip_ctx *ctx)
{
    struct npy npy = {.name = name, .ctx = ctx};
    memset(out, 0, sizeof *out);
    enum lip_status status =
        open_header(&npy, lip_buffer_bytes(bytes), lip_buffer_size(bytes));
    if (status == LIP_OK)
        status = take_dictionary(&npy);
    return status == LIP_OK ? make_tensor(out, bytes, &npy) : status;
}

static enum lip_status read(struct lip_network **out, struct lip_buffer *bytes,
                            const struct lip_read_options *options,
                            struct lip_ctx *ctx)
{
    struct lip_tensor_list list = {.limit = 1};
    *out = NULL;
    struct lip_named_tensor *one = lip_tensor_list_add(&list, ctx);
    if (!one)
        return lip_memory_status(ctx);
    memcpy(one->name, "weight", sizeof "weight");
    enum lip_status status = lip_npy_read(&one->tensor, bytes, NULL, ctx);
    if (status == LIP_OK)
        status = lip_weights_network(out, &list, options, ctx);
    lip_tensor_list_clear(&list);
    return status;
}

const struct lip_format lip_format_npy = {
    .name = "npy",
    .title = "NumPy npy: one matrix",
    .media_type = "application/x-npy",
    .weights_only = true,
    .detect = lip_npy_detect,
    .read = read,
};
