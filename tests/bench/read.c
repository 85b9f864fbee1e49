/* SPDX-License-Identifier: MIT
 *
 * Reading models: a JSON body of a million numbers beside strtod over the same
 * text, and the memory that a safetensors file of 100 MB takes. */
#include "formats/format.h"
#include "tests/support/files.h"
#include "tests/support/measure.h"
#include "tests/support/plain.h"

#include <check.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 1000, LARGE = 2500 };

struct work {
    struct bytes body;
    size_t peak; /* of what the reader asked for */
    double sum;
};

static void read_model(void *arg)
{
    struct work *w = arg;
    struct lip_budget budget;
    struct lip_read_options options;
    struct lip_network *network;
    struct lip_ctx ctx = {.budget = &budget};
    lip_budget_init(&budget, 0);
    lip_read_options_default(&options);
    enum lip_status status = read_bytes(&network, &w->body, &options, &ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    w->peak = budget.peak;
    lip_network_free(network);
}

/* What any reader has to do at least: find each number and convert it. */
static void convert(void *arg)
{
    struct work *w = arg;
    for (const char *at = (const char *)w->body.data; *at;) {
        char *end;
        at += strcspn(at, "-0123456789");
        w->sum += strtod(at, &end);
        at = end;
    }
}

static void copy(void *arg)
{
    struct work *w = arg;
    struct lip_ctx ctx = {0};
    void *block = lip_alloc(&ctx, w->body.size, 1);
    ck_assert_ptr_nonnull(block);
    memcpy(block, w->body.data, w->body.size);
    lip_free(block);
}

/* SIDE x SIDE numbers of `digits` digits, as other programs print them. */
static void json(struct bytes *body, int digits)
{
    uint64_t state = 3;
    bytes_text(body, "{\"layers\": [{\"type\": \"dense\", \"weight\": [");
    for (int i = 0; i < SIDE; i++) {
        bytes_text(body, i ? ", [" : "[");
        for (int j = 0; j < SIDE; j++)
            bytes_text(body, "%s%.*g", j ? ", " : "", digits,
                       0.03 * plain_normal(&state));
        bytes_text(body, "]");
    }
    bytes_text(body, "]}]}");
    bytes_put(body, "", 1);
    body->size--;
}

static void measure_json(int digits)
{
    struct work w = {.sum = 0};
    char name[60];
    json(&w.body, digits);
    struct measure all[] = {
        {read_model, &w, 0}, {convert, &w, 0}, {copy, &w, 0}};
    measure(all, 3, 3);
    /* read_bytes hands the reader a copy, which is no work of the reader. */
    double seconds = all[0].seconds - all[2].seconds;
    snprintf(name, sizeof name, "json/1M-numbers-%d-digits", digits);
    measure_print(name, 1e-6 * (double)w.body.size / seconds, "MB/s",
                  all[1].seconds / seconds, "strtod over the same text");
    snprintf(name, sizeof name, "json/1M-numbers-%d-digits/heap", digits);
    double heap = (double)w.peak - (double)w.body.size;
    measure_print(name, heap / (SIDE * SIDE), "byte/number",
                  heap / (8 * SIDE * SIDE), "8 bytes a number");
    bytes_clear(&w.body);
}

/* The peak of resident memory while a file is held and read, less what was
 * there before, over the size of the file. */
static void measure_safetensors(const char *dtype, size_t width)
{
    struct work w = {.sum = 0};
    char name[60];
    uint64_t state = 5;
    double *value = malloc(width * width * sizeof *value);
    ck_assert_ptr_nonnull(value);
    for (size_t i = 0; i < width * width; i++)
        value[i] = plain_uniform(&state, -1, 1);
    const struct array array[] = {{"0.weight", 2, {width, width}, value},
                                  {"2.weight", 2, {width, width}, value}};
    bytes_safetensors(&w.body, array, 2, dtype);
    free(value);
    /* The reader owns the file: hand it this copy, not one more. */
    struct lip_ctx ctx = {0};
    struct lip_read_options options;
    struct lip_network *network;
    void *block = lip_alloc(&ctx, w.body.size, 1);
    ck_assert_ptr_nonnull(block);
    memcpy(block, w.body.data, w.body.size);
    size_t size = w.body.size;
    bytes_clear(&w.body);
    malloc_trim(0);
    double before = measure_memory(0, "VmRSS:") - (double)size;
    measure_reset_peak(0);
    struct lip_buffer *buffer = lip_buffer_take(block, size, &ctx);
    lip_read_options_default(&options);
    double start = measure_now();
    ck_assert_int_eq(lip_model_read(&network, buffer, &options, &ctx), LIP_OK);
    double seconds = measure_now() - start;
    double peak = measure_memory(0, "VmHWM:") - before;
    lip_network_free(network);
    lip_buffer_put(buffer);
    snprintf(name, sizeof name, "safetensors/100MB-%s/peak", dtype);
    measure_print(name, 1e-6 * peak, "MB", peak / (double)size,
                  "size of the file");
    snprintf(name, sizeof name, "safetensors/100MB-%s/speed", dtype);
    measure_print(name, 1e-6 * (double)size / seconds, "MB/s", 0, NULL);
}

static void bench(void)
{
    measure_json(17);
    measure_json(8);
    measure_safetensors("F64", LARGE);
    measure_safetensors("F32", LARGE * 1414 / 1000);
}

int main(void)
{
    return measure_main(bench);
}
