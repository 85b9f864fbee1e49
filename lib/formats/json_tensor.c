/* SPDX-License-Identifier: MIT
 *
 * Arrays of numbers in JSON, straight into tensors. The numbers are counted
 * by their commas first, at the speed of memory, so that one allocation of the
 * right size does. */
#include "formats/json_parts.h"

#include "formats/reader.h"

struct numbers {
    double *data;
    size_t count, capacity;
};

static enum lip_status begin(struct numbers *numbers, struct lip_json *json)
{
    enum lip_json_type type;
    *numbers = (struct numbers){0};
    enum lip_status status = lip_json_peek(json, &type);
    if (status != LIP_OK || type != LIP_JSON_ARRAY)
        return status; /* opening it will tell what is wrong */
    numbers->capacity = lip_json_count_bound(json);
    numbers->data = lip_alloc(json->ctx, numbers->capacity, sizeof(double));
    return numbers->data ? LIP_OK : lip_memory_status(json->ctx);
}

/* Hands the numbers to the tensor, or frees them where `status` says that
 * reading failed. */
static enum lip_status finish(struct lip_tensor *out, struct numbers *numbers,
                              enum lip_status status, struct lip_ctx *ctx)
{
    if (status == LIP_OK && numbers->count < numbers->capacity) {
        double *smaller =
            lip_realloc(ctx, numbers->data, numbers->count, sizeof *smaller);
        if (smaller)
            numbers->data = smaller;
        else
            status = lip_memory_status(ctx);
    }
    if (status != LIP_OK) {
        lip_free(numbers->data);
        return status;
    }
    out->buffer =
        lip_buffer_take(numbers->data, numbers->count * sizeof(double), ctx);
    if (!out->buffer)
        return lip_memory_status(ctx);
    out->dtype = LIP_F64;
    out->data = lip_buffer_bytes(out->buffer);
    return LIP_OK;
}

enum lip_status lip_json_vector(struct lip_tensor *out, struct lip_json *json)
{
    struct numbers numbers;
    enum lip_status status = begin(&numbers, json);
    if (status == LIP_OK)
        status = lip_json_numbers(json, numbers.data, numbers.capacity,
                                  &numbers.count);
    if (status == LIP_OK && numbers.count == 0)
        status = lip_json_fail(json, LIP_INVALID,
                               "This array is empty: it needs numbers.");
    status = finish(out, &numbers, status, json->ctx);
    if (status == LIP_OK) {
        out->rank = 1;
        out->dim[0] = numbers.count;
    }
    return status;
}

/* One row, which must be as long as the ones before. */
static enum lip_status read_row(struct numbers *numbers, size_t rows,
                                struct lip_json *json)
{
    size_t cols = rows ? numbers->count / rows : 0, count;
    enum lip_json_type type;
    enum lip_status status = lip_json_peek(json, &type);
    if (status == LIP_OK && type == LIP_JSON_NUMBER)
        return lip_json_fail(json, LIP_INVALID,
                             "A weight is an array of rows, each an array of "
                             "numbers; this is a number.");
    if (status == LIP_OK)
        status = lip_json_numbers(json, numbers->data + numbers->count,
                                  numbers->capacity - numbers->count, &count);
    if (status != LIP_OK)
        return status;
    numbers->count += count;
    if (count == 0)
        return lip_json_fail(json, LIP_INVALID,
                             "This row is empty: it needs numbers.");
    if (rows && count != cols)
        return lip_json_fail(json, LIP_INVALID,
                             "This row has %zu numbers where the rows before "
                             "it have %zu.",
                             count, cols);
    return LIP_OK;
}

static enum lip_status read_rows(struct numbers *numbers, size_t *rows,
                                 struct lip_json *json)
{
    bool more;
    enum lip_status status = lip_json_open_array(json);
    *rows = 0;
    while (status == LIP_OK &&
           (status = lip_json_next_element(json, &more)) == LIP_OK && more) {
        status = read_row(numbers, *rows, json);
        ++*rows;
    }
    if (status == LIP_OK && *rows == 0)
        return lip_json_fail(json, LIP_INVALID,
                             "This matrix is empty: it needs at least one row "
                             "and one column.");
    return status;
}

/* How deep the array is nested, as far as its first elements tell, and no more
 * than a tensor may have dimensions: 0 is a number. */
static enum lip_status find_rank(size_t *rank, const struct lip_json *json)
{
    struct lip_json ahead = *json;
    enum lip_json_type type;
    bool more = true;
    *rank = 0;
    enum lip_status status = lip_json_peek(&ahead, &type);
    while (status == LIP_OK && more && type == LIP_JSON_ARRAY) {
        if (++*rank > LIP_MAX_RANK)
            return lip_json_fail(&ahead, LIP_TOO_LARGE,
                                 "Numbers may be nested in at most %d arrays.",
                                 LIP_MAX_RANK);
        status = lip_json_open_array(&ahead);
        if (status == LIP_OK)
            status = lip_json_next_element(&ahead, &more);
        if (status == LIP_OK && more)
            status = lip_json_peek(&ahead, &type);
    }
    return status;
}

/* An array of arrays that is read: how many parts each level that is open has
 * so far, and how many the first of that level had. */
struct nest {
    size_t rank, level, rows;
    size_t index[LIP_MAX_RANK], dim[LIP_MAX_RANK];
};

/* After the last part of a level. */
static enum lip_status close_level(struct nest *nest, struct lip_json *json)
{
    size_t *dim = &nest->dim[nest->level], found = nest->index[nest->level];
    if (found == 0)
        return lip_json_fail(json, LIP_INVALID,
                             "This array is empty: it needs numbers.");
    if (*dim == 0)
        *dim = found;
    if (*dim != found)
        return lip_json_fail(json, LIP_INVALID,
                             "This array has %zu parts where those before it "
                             "have %zu.",
                             found, *dim);
    return LIP_OK;
}

static enum lip_status read_nest(struct numbers *numbers, struct nest *nest,
                                 struct lip_json *json)
{
    enum lip_status status = lip_json_open_array(json);
    while (status == LIP_OK) {
        bool more;
        status = lip_json_next_element(json, &more);
        if (status == LIP_OK && !more) {
            status = close_level(nest, json);
            if (nest->level == 0)
                break;
            nest->level--;
        } else if (status == LIP_OK) {
            nest->index[nest->level]++;
            if (nest->level + 2 == nest->rank) {
                status = read_row(numbers, nest->rows++, json);
            } else {
                nest->index[++nest->level] = 0;
                status = lip_json_open_array(json);
            }
        }
    }
    return status;
}

static enum lip_status read_deep(struct lip_tensor *out, size_t rank,
                                 struct lip_json *json)
{
    struct numbers numbers;
    struct nest nest = {.rank = rank};
    enum lip_status status = begin(&numbers, json);
    if (status == LIP_OK)
        status = read_nest(&numbers, &nest, json);
    status = finish(out, &numbers, status, json->ctx);
    if (status != LIP_OK)
        return status;
    out->rank = rank;
    for (size_t k = 0; k + 1 < rank; k++)
        out->dim[k] = nest.dim[k];
    out->dim[rank - 1] = numbers.count / nest.rows;
    return LIP_OK;
}

static enum lip_status read_one(struct lip_tensor *out, struct lip_json *json)
{
    struct numbers numbers = {.count = 1, .capacity = 1};
    numbers.data = lip_alloc(json->ctx, 1, sizeof(double));
    if (!numbers.data)
        return lip_memory_status(json->ctx);
    enum lip_status status = lip_json_number(json, numbers.data);
    return finish(out, &numbers, status, json->ctx);
}

enum lip_status lip_json_array(struct lip_tensor *out, struct lip_json *json)
{
    size_t rank;
    enum lip_status status = find_rank(&rank, json);
    if (status != LIP_OK)
        return status;
    if (rank == 0)
        return read_one(out, json);
    return rank == 1   ? lip_json_vector(out, json)
           : rank == 2 ? lip_json_matrix(out, json)
                       : read_deep(out, rank, json);
}

enum lip_status lip_json_matrix(struct lip_tensor *out, struct lip_json *json)
{
    struct numbers numbers;
    size_t rows = 0;
    enum lip_status status = begin(&numbers, json);
    if (status == LIP_OK)
        status = read_rows(&numbers, &rows, json);
    status = finish(out, &numbers, status, json->ctx);
    if (status == LIP_OK) {
        out->rank = 2;
        out->dim[0] = rows;
        out->dim[1] = numbers.count / rows;
    }
    return status;
}
