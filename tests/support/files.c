/* SPDX-License-Identifier: MIT
 *
 * Small writers of the formats that are read. */
#include "tests/support/files.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

static void must(bool condition)
{
    if (!condition)
        abort();
}

void bytes_put(struct bytes *bytes, const void *data, size_t size)
{
    if (bytes->size + size > bytes->capacity) {
        bytes->capacity = 2 * (bytes->size + size);
        bytes->data = realloc(bytes->data, bytes->capacity);
        must(bytes->data);
    }
    if (size)
        memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void bytes_text(struct bytes *bytes, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    must(n >= 0 && (size_t)n < sizeof text);
    bytes_put(bytes, text, (size_t)n);
}

void bytes_little(struct bytes *bytes, uint64_t value, int width)
{
    for (int i = 0; i < width; i++) {
        unsigned char c = (unsigned char)(value >> 8 * i);
        bytes_put(bytes, &c, 1);
    }
}

void bytes_clear(struct bytes *bytes)
{
    free(bytes->data);
    memset(bytes, 0, sizeof *bytes);
}

static size_t count_of(const struct array *array)
{
    size_t count = 1;
    for (size_t k = 0; k < array->rank; k++)
        count *= array->dim[k];
    return count;
}

static void put_number(struct bytes *bytes, double value, int width, bool big)
{
    float single = (float)value;
    unsigned char raw[8];
    memcpy(raw, width == 8 ? (const void *)&value : &single, (size_t)width);
    for (int i = 0; i < width; i++)
        bytes_put(bytes, &raw[big ? width - 1 - i : i], 1);
}

void bytes_safetensors_raw(struct bytes *bytes, const char *header,
                           const void *data, size_t size)
{
    bytes_little(bytes, strlen(header), 8);
    bytes_put(bytes, header, strlen(header));
    bytes_put(bytes, data, size);
}

void bytes_safetensors(struct bytes *bytes, const struct array *array,
                       size_t count, const char *dtype)
{
    struct bytes header = {0}, data = {0};
    int width = strcmp(dtype, "F64") == 0 ? 8 : 4;
    bytes_text(&header, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < count; i++) {
        size_t begin = data.size;
        for (size_t k = 0; k < count_of(&array[i]); k++)
            put_number(&data, array[i].value[k], width, false);
        bytes_text(&header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[",
                   array[i].name, dtype);
        for (size_t k = 0; k < array[i].rank; k++)
            bytes_text(&header, "%s%zu", k ? "," : "", array[i].dim[k]);
        bytes_text(&header, "],\"data_offsets\":[%zu,%zu]}", begin, data.size);
    }
    bytes_text(&header, "}");
    bytes_put(&header, "", 1);
    bytes_safetensors_raw(bytes, (const char *)header.data, data.data,
                          data.size);
    bytes_clear(&header);
    bytes_clear(&data);
}

void bytes_npy_raw(struct bytes *bytes, int version, const char *dictionary,
                   const void *data, size_t size)
{
    bytes_put(bytes, "\x93NUMPY", 6);
    bytes_little(bytes, (uint64_t)version, 2);
    bytes_little(bytes, strlen(dictionary), version == 1 ? 2 : 4);
    bytes_put(bytes, dictionary, strlen(dictionary));
    bytes_put(bytes, data, size);
}

void bytes_npy(struct bytes *bytes, const struct array *array,
               const char *descr, bool fortran)
{
    struct bytes data = {0};
    char text[200];
    size_t rows = array->rank == 2 ? array->dim[0] : 1;
    size_t cols = count_of(array) / (rows ? rows : 1);
    for (size_t k = 0; k < rows * cols; k++) {
        size_t at = fortran ? k % rows * cols + k / rows : k;
        put_number(&data, array->value[at], descr[2] - '0', *descr == '>');
    }
    int n = snprintf(text, sizeof text,
                     "{'descr': '%s', 'fortran_order': %s, 'shape': (", descr,
                     fortran ? "True" : "False");
    for (size_t k = 0; k < array->rank; k++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%zu%s",
                      k ? " " : "", array->dim[k],
                      k + 1 < array->rank || array->rank == 1 ? "," : "");
    snprintf(text + n, sizeof text - (size_t)n, "), }   \n");
    bytes_npy_raw(bytes, 1, text, data.data, data.size);
    bytes_clear(&data);
}

void bytes_zip(struct bytes *bytes, const struct entry *entry, size_t count,
               int method, const char *password)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *target = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_t *zip = zip_open_from_source(target, ZIP_TRUNCATE, &error);
    must(zip);
    zip_source_keep(target);
    for (size_t i = 0; i < count; i++) {
        zip_source_t *source =
            zip_source_buffer(zip, entry[i].data, entry[i].size, 0);
        zip_int64_t index = zip_file_add(zip, entry[i].name, source, 0);
        must(index >= 0);
        zip_set_file_compression(zip, (zip_uint64_t)index, method, 0);
        if (password)
            zip_file_set_encryption(zip, (zip_uint64_t)index,
                                    ZIP_EM_TRAD_PKWARE, password);
    }
    must(zip_close(zip) == 0 && zip_source_open(target) == 0);
    zip_int64_t n;
    char block[4096];
    while ((n = zip_source_read(target, block, sizeof block)) > 0)
        bytes_put(bytes, block, (size_t)n);
    zip_source_close(target);
    zip_source_free(target);
    zip_error_fini(&error);
}

void bytes_npz(struct bytes *bytes, const struct array *array, size_t count,
               const char *descr, int method)
{
    enum { MOST = 128 };
    struct bytes file[MOST] = {{0}};
    struct entry entry[MOST] = {{0}};
    char name[MOST][64];
    must(count <= MOST);
    for (size_t i = 0; i < count; i++) {
        snprintf(name[i], sizeof name[i], "%s.npy", array[i].name);
        bytes_npy(&file[i], &array[i], descr, false);
        entry[i] = (struct entry){name[i], file[i].data, file[i].size};
    }
    bytes_zip(bytes, entry, count, method, NULL);
    for (size_t i = 0; i < count; i++)
        bytes_clear(&file[i]);
}

bool bytes_load(struct bytes *bytes, const char *path)
{
    FILE *file = fopen(path, "rb");
    char block[4096];
    size_t n;
    if (!file)
        return false;
    while ((n = fread(block, 1, sizeof block, file)) > 0)
        bytes_put(bytes, block, n);
    fclose(file);
    return true;
}

enum lip_status read_bytes(struct lip_network **out, const struct bytes *bytes,
                           const struct lip_read_options *options,
                           struct lip_ctx *ctx)
{
    *out = NULL;
    void *copy = lip_alloc(ctx, bytes->size, 1);
    if (!copy)
        return ctx->error.status;
    if (bytes->size)
        memcpy(copy, bytes->data, bytes->size);
    struct lip_buffer *buffer = lip_buffer_take(copy, bytes->size, ctx);
    if (!buffer)
        return ctx->error.status;
    enum lip_status status = lip_model_read(out, buffer, options, ctx);
    lip_buffer_put(buffer);
    return status;
}

static void nothing_is_left(struct lip_budget *budget)
{
    if (atomic_load(&budget->used) != 0)
        ck_abort_msg("%zu bytes are left", atomic_load(&budget->used));
}

void must_refuse(const struct bytes *bytes, const struct refusal *refusal,
                 const struct lip_read_options *options)
{
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_network *network;
    lip_budget_init(&budget, 0);
    enum lip_status status = read_bytes(&network, bytes, options, &ctx);
    const struct lip_error *error = &ctx.error;
    const char *text = bytes->data ? (const char *)bytes->data : "";
    int n = bytes->size < 300 ? (int)bytes->size : 300;
    ck_assert_ptr_null(network);
    if (status != refusal->status || error->status != status ||
        error->place != refusal->place ||
        (refusal->where && strcmp(error->where, refusal->where) != 0) ||
        !strstr(error->detail, refusal->says))
        ck_abort_msg("%.*s\n%s, place %d \"%s\": %s", n, text,
                     lip_status_name(status), error->place, error->where,
                     error->detail);
    nothing_is_left(&budget);
}

void model_id(char out[LIP_DIGEST_TEXT], const struct bytes *bytes,
              const struct lip_read_options *options)
{
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_network *network;
    lip_budget_init(&budget, 0);
    if (read_bytes(&network, bytes, options, &ctx) != LIP_OK)
        ck_abort_msg("%s: %s", ctx.error.where, ctx.error.detail);
    memcpy(out, network->id, LIP_DIGEST_TEXT);
    lip_network_free(network);
    nothing_is_left(&budget);
}

void must_survive_lack_of_memory(const struct bytes *bytes)
{
    struct lip_budget budget;
    enum lip_status status = LIP_NO_MEMORY;
    lip_budget_init(&budget, 0);
    for (long n = 0; status != LIP_OK; n++) {
        struct lip_ctx ctx = {.budget = &budget};
        struct lip_network *network;
        atomic_store(&budget.fail_after, n);
        status = read_bytes(&network, bytes, NULL, &ctx);
        if (status != LIP_OK && status != LIP_NO_MEMORY)
            ck_abort_msg("allocation %ld: %s", n, ctx.error.detail);
        ck_assert(n < 1000 && (status == LIP_OK) == (network != NULL));
        lip_network_free(network);
        nothing_is_left(&budget);
    }
}

static enum lip_status try_damaged(const struct bytes *bytes)
{
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_network *network;
    lip_budget_init(&budget, 64 << 20);
    enum lip_status status = read_bytes(&network, bytes, NULL, &ctx);
    if (status != ctx.error.status || (status == LIP_OK) != (network != NULL) ||
        (status != LIP_OK && !*ctx.error.detail))
        ck_abort_msg("status %d, recorded %d: %s", status, ctx.error.status,
                     ctx.error.detail);
    lip_network_free(network);
    nothing_is_left(&budget);
    return status;
}

void must_survive_damage(const struct bytes *bytes)
{
    struct bytes cut = *bytes;
    for (cut.size = 0; cut.size < bytes->size; cut.size++)
        if (try_damaged(&cut) == LIP_OK)
            ck_abort_msg("the first %zu bytes were taken for all", cut.size);
    for (size_t i = 0; i < 8 * bytes->size; i++) {
        bytes->data[i / 8] ^= (unsigned char)(1 << i % 8);
        try_damaged(bytes);
        bytes->data[i / 8] ^= (unsigned char)(1 << i % 8);
    }
}
