/* SPDX-License-Identifier: MIT
 *
 * Arrays of NumPy: an npz file with x and y, or the two as npy parts of a
 * form. Numbers are widened a strip at a time on their way from the (inflated)
 * file into the set: nothing else of their size is held. */
#include "api/dataset_parts.h"

#include "api/dataset_element.h"
#include "base/size.h"
#include "formats/archive.h"
#include "formats/npy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_ENTRIES = 1024, NPY_HEAD_MAX = 12 + (1 << 16), NPY_HEAD_LEAST = 12 };

/* One array in its file: an entry of the archive, or bytes. */
struct array {
    const char *name;
    struct lip_archive *archive; /* NULL: bytes */
    size_t entry, size;
    struct lip_bytes bytes;
    size_t at;
    struct lip_npy_header header;
    const struct api_element *element;
    size_t rows, columns;
    struct lip_ctx *ctx;
};

static enum lip_status refuse(const struct array *array, const char *what)
{
    return lip_fail_at(array->ctx, LIP_INVALID, LIP_AT_TENSOR, array->name,
                       "Array \"%.80s\": %s", array->name, what);
}

/* --- bytes in their order */

static enum lip_status rewind_array(struct array *array)
{
    array->at = 0;
    return array->archive ? lip_archive_begin(array->archive, array->entry)
                          : LIP_OK;
}

/* The next bytes; the caller asks for no more than there are. */
static enum lip_status take(struct array *array, unsigned char *out,
                            size_t size)
{
    if (array->archive)
        return lip_archive_read(array->archive, out, size);
    memcpy(out, array->bytes.data + array->at, size);
    array->at += size;
    return LIP_OK;
}

static enum lip_status finish(struct array *array)
{
    return array->archive ? lip_archive_end(array->archive) : LIP_OK;
}

/* --- the head */

/* Bytes of the head, whose first NPY_HEAD_LEAST are given. */
static size_t head_size(const unsigned char *first)
{
    size_t size = 10 + (size_t)(first[8] | first[9] << 8);
    if (first[6] != 1)
        size += 2 + ((size_t)first[10] << 16 | (size_t)first[11] << 24);
    return size < NPY_HEAD_LEAST ? NPY_HEAD_LEAST : size;
}

/* Reads the head and leaves the array in front of its numbers. */
static enum lip_status take_head(struct array *array)
{
    size_t size = array->size < NPY_HEAD_LEAST ? array->size : NPY_HEAD_LEAST;
    unsigned char *head = lip_calloc(array->ctx, NPY_HEAD_MAX, 1);
    enum lip_status status =
        head ? rewind_array(array) : api_no_memory(array->ctx);
    if (status == LIP_OK)
        status = take(array, head, size);
    if (status == LIP_OK && size == NPY_HEAD_LEAST) {
        size_t whole = head_size(head);
        whole = whole < array->size ? whole : array->size;
        whole = whole < NPY_HEAD_MAX ? whole : NPY_HEAD_MAX;
        status = take(array, head + size, whole - size);
        size = whole;
    }
    if (status == LIP_OK)
        status = lip_npy_header_read(&array->header, head, size, array->name,
                                     array->ctx);
    /* A version 1 head of less than 12 bytes has no dictionary. */
    if (status == LIP_OK && array->header.data != size)
        status = refuse(array, "its head cannot be read.");
    lip_free(head);
    return status;
}

/* Rows and columns, and whether the file is as long as they ask for. */
static enum lip_status measure(struct array *array)
{
    const struct lip_npy_header *header = &array->header;
    char text[160];
    size_t bytes;
    array->element = api_element_find(header->descr);
    if (!array->element) {
        snprintf(text, sizeof text,
                 "elements of type '%s' are not read. Save floating-point "
                 "numbers or integers.",
                 header->descr);
        return refuse(array, text);
    }
    if (header->rank == 0)
        return refuse(array, "it is a single number, not an array.");
    array->rows = header->dim[0];
    array->columns = 1;
    bool fits = true;
    for (size_t k = 1; k < header->rank; k++)
        fits = fits &&
               lip_size_mul(&array->columns, array->columns, header->dim[k]);
    fits = fits && lip_size_mul(&bytes, array->rows, array->columns) &&
           lip_size_mul(&bytes, bytes, array->element->size);
    if (!fits)
        return refuse(array, "the shape is beyond the address space.");
    if (bytes == array->size - header->data)
        return LIP_OK;
    snprintf(text, sizeof text,
             "%zu bytes of numbers where the shape needs %zu. Is it complete?",
             array->size - header->data, bytes);
    return refuse(array, text);
}

static enum lip_status open_array(struct array *array)
{
    enum lip_status status = take_head(array);
    return status == LIP_OK ? measure(array) : status;
}

/* --- the numbers */

/* Where the numbers go. */
struct sink {
    double *wide; /* one of the two */
    float *narrow;
    double scale; /* 0: none */
};

/* Walks the elements in the order of the file and tells where each stands by
 * rows. */
struct walk {
    size_t rank, to;
    size_t dim[LIP_MAX_RANK], at[LIP_MAX_RANK], stride[LIP_MAX_RANK];
};

static void start_walk(struct walk *walk, const struct lip_npy_header *header)
{
    size_t stride = 1;
    *walk = (struct walk){.rank = header->rank};
    for (size_t k = header->rank; k-- > 0; stride *= header->dim[k]) {
        walk->dim[k] = header->dim[k];
        walk->stride[k] = stride;
    }
}

/* One step where the first index is the fastest. */
static void step(struct walk *walk)
{
    for (size_t k = 0; k < walk->rank; k++) {
        walk->to += walk->stride[k];
        if (++walk->at[k] < walk->dim[k])
            return;
        walk->to -= walk->stride[k] * walk->dim[k];
        walk->at[k] = 0;
    }
}

static void pour(const struct sink *sink, size_t to, double value)
{
    if (sink->wide)
        sink->wide[to] = value;
    else if (sink->scale > 0)
        sink->narrow[to] = (float)(value / sink->scale);
    else
        sink->narrow[to] = (float)value;
}

static enum lip_status take_numbers(struct array *array,
                                    const struct sink *sink)
{
    enum { STRIP = 4096 };
    unsigned char raw[STRIP * API_ELEMENT_MAX];
    double wide[STRIP];
    const struct api_element *element = array->element;
    size_t count = array->rows * array->columns;
    bool by_rows = !array->header.fortran;
    struct walk walk;
    start_walk(&walk, &array->header);
    for (size_t i = 0; i < count; i += STRIP) {
        size_t n = count - i < STRIP ? count - i : STRIP;
        enum lip_status status = take(array, raw, n * element->size);
        if (status == LIP_OK && i % (256 * STRIP) == 0)
            status = lip_tick(array->ctx, "reading numbers", (double)i,
                              (double)count, NAN);
        if (status != LIP_OK)
            return status;
        if (*array->header.descr == '>')
            api_element_swap(raw, n, element->size);
        element->widen(wide, raw, n);
        for (size_t k = 0; k < n; k++) {
            pour(sink, by_rows ? i + k : walk.to, wide[k]);
            if (!by_rows)
                step(&walk);
        }
    }
    return finish(array);
}

static enum lip_status take_y(struct api_y *out, struct array *y)
{
    if (y->header.rank > 2)
        return refuse(y, "it has more than two dimensions.");
    *out = (struct api_y){
        .rows = y->rows, .columns = y->columns, .classes = y->element->whole};
    out->value = lip_alloc(y->ctx, y->rows * y->columns, sizeof(double));
    struct sink sink = {.wide = out->value};
    return out->value ? take_numbers(y, &sink) : api_no_memory(y->ctx);
}

static enum lip_status check_shapes(const struct array *x,
                                    const struct array *y)
{
    char text[160];
    if (x->header.rank < 2)
        return refuse(x, "it has one dimension: the features need a row for "
                         "each example, as x.reshape(-1, 1) makes them.");
    if (x->rows == y->rows)
        return LIP_OK;
    snprintf(text, sizeof text, "it has %zu rows where \"%.40s\" has %zu.",
             y->rows, x->name, x->rows);
    return refuse(y, text);
}

/* y first: it tells what the set is to have room for. */
static enum lip_status read_pair(struct lip_data **out, struct array *x,
                                 struct array *y,
                                 const struct api_dataset_options *options)
{
    struct api_y numbers = {0};
    *out = NULL;
    enum lip_status status = open_array(x);
    if (status == LIP_OK)
        status = open_array(y);
    if (status == LIP_OK)
        status = check_shapes(x, y);
    if (status == LIP_OK)
        status = take_y(&numbers, y);
    if (status == LIP_OK)
        status = api_dataset_new(out, &numbers, x->columns, options, x->ctx);
    lip_free(numbers.value);
    if (status == LIP_OK)
        status = take_head(x);
    if (status == LIP_OK) {
        struct sink sink = {.narrow = (*out)->x, .scale = options->scale};
        status = take_numbers(x, &sink);
    }
    if (status != LIP_OK) {
        lip_data_free(*out);
        *out = NULL;
    }
    return status;
}

static enum lip_status plan_pair(struct api_dataset_plan *plan, struct array *x,
                                 struct array *y)
{
    enum lip_status status = open_array(x);
    if (status == LIP_OK)
        status = open_array(y);
    if (status == LIP_OK)
        status = check_shapes(x, y);
    plan->memory =
        status == LIP_OK
            ? api_sum(NPY_HEAD_MAX,
                      api_dataset_memory(x->rows, x->columns, y->columns))
            : 0;
    return status;
}

/* --- npz */

/* The entry of this name. */
static enum lip_status find_entry(struct array *out,
                                  struct lip_archive *archive, const char *name,
                                  struct lip_ctx *ctx)
{
    char names[256] = "";
    struct lip_entry entry;
    for (size_t i = 0; i < lip_archive_count(archive); i++) {
        enum lip_status status = lip_archive_entry(&entry, archive, i);
        if (status != LIP_OK)
            return status;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%.60s", i ? ", " : "",
                 entry.name);
        if (strcmp(entry.name, name) != 0)
            continue;
        if (out->archive)
            return lip_fail(ctx, LIP_INVALID,
                            "The npz file has two arrays \"%.80s\".", name);
        *out = (struct array){.name = name,
                              .archive = archive,
                              .entry = i,
                              .size = entry.size,
                              .ctx = ctx};
    }
    if (out->archive)
        return LIP_OK;
    return lip_fail(ctx, LIP_INVALID,
                    "The npz file has no array \"%.80s\" but %s. Name the "
                    "arrays with ?x= and ?y=.",
                    name, *names ? names : "no arrays at all");
}

static enum lip_status with_npz(struct lip_data **out,
                                struct api_dataset_plan *plan,
                                const struct api_dataset_plan *known,
                                struct lip_ctx *ctx)
{
    struct lip_archive *archive;
    struct array x = {0}, y = {0};
    const char *x_name = known->options.x ? known->options.x : "x";
    const char *y_name = known->options.y ? known->options.y : "y";
    enum lip_status status = lip_archive_open(
        &archive, known->part[0].data, known->part[0].size, MAX_ENTRIES, ctx);
    if (status == LIP_OK)
        status = find_entry(&x, archive, x_name, ctx);
    if (status == LIP_OK)
        status = find_entry(&y, archive, y_name, ctx);
    if (status == LIP_OK)
        status = plan ? plan_pair(plan, &x, &y)
                      : read_pair(out, &x, &y, &known->options);
    lip_archive_close(archive);
    return status;
}

static bool is_npz(const struct lip_bytes *part)
{
    return lip_archive_detect(part->data, part->size);
}

static enum lip_status plan_npz(struct api_dataset_plan *plan,
                                struct lip_ctx *ctx)
{
    return with_npz(NULL, plan, plan, ctx);
}

static enum lip_status read_npz(struct lip_data **out,
                                const struct api_dataset_plan *plan,
                                struct lip_ctx *ctx)
{
    *out = NULL;
    return with_npz(out, NULL, plan, ctx);
}

const struct api_dataset_format api_dataset_npz = {
    .name = "npz",
    .title = "NumPy npz with the arrays x and y",
    .media_type = "application/x-npz",
    .parts = 1,
    .options = " task x y scale classes ",
    .detect = is_npz,
    .plan = plan_npz,
    .read = read_npz,
};

/* --- two npy parts */

static bool is_npy(const struct lip_bytes *part)
{
    return lip_npy_detect(part->data, part->size);
}

static struct array part_array(const struct lip_bytes *part, const char *name,
                               struct lip_ctx *ctx)
{
    return (struct array){
        .name = name, .bytes = *part, .size = part->size, .ctx = ctx};
}

static enum lip_status plan_npy(struct api_dataset_plan *plan,
                                struct lip_ctx *ctx)
{
    struct array x = part_array(&plan->part[0], "x", ctx);
    struct array y = part_array(&plan->part[1], "y", ctx);
    return plan_pair(plan, &x, &y);
}

static enum lip_status read_npy(struct lip_data **out,
                                const struct api_dataset_plan *plan,
                                struct lip_ctx *ctx)
{
    struct array x = part_array(&plan->part[0], "x", ctx);
    struct array y = part_array(&plan->part[1], "y", ctx);
    return read_pair(out, &x, &y, &plan->options);
}

const struct api_dataset_format api_dataset_npy = {
    .name = "npy",
    .title = "two NumPy npy files as the parts x and y of a form",
    .media_type = "multipart/form-data",
    .parts = 2,
    .options = " task scale classes ",
    .detect = is_npy,
    .plan = plan_npy,
    .read = read_npy,
};
