/* SPDX-License-Identifier: MIT
 *
 * Reading an ONNX file of 100 MB to a validated network, beside hashing the
 * same numbers as the id does, and the memory that it takes; and a graph of
 * 100 000 nodes. */
#include "formats/onnx.h"
#include "tests/support/measure.h"
#include "tests/support/onnx_file.h"
#include "tests/support/plain.h"

#include <check.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 2500, LAYERS = 4, NODES = 100000 };

/* Four products of SIDE x SIDE float32 numbers with relu between them. */
static void large(struct bytes *file)
{
    struct bytes graph = {0};
    uint64_t state = 7;
    size_t count = (size_t)SIDE * SIDE;
    float *value = malloc(count * sizeof *value);
    ck_assert_ptr_nonnull(value);
    onnx_input(&graph, "r0", "n,2500");
    for (int k = 0; k < LAYERS; k++) {
        char name[20], from[40], product[20], to[20];
        for (size_t i = 0; i < count; i++)
            value[i] = (float)plain_uniform(&state, -1, 1);
        snprintf(name, sizeof name, "w%d", k);
        snprintf(from, sizeof from, "r%d w%d", k, k);
        snprintf(product, sizeof product, "h%d", k);
        snprintf(to, sizeof to, "r%d", k + 1);
        onnx_reals(&graph, name, (size_t[4]){SIDE, SIDE}, value);
        onnx_node(&graph, "Gemm", from, product, "transB=i:1");
        onnx_node(&graph, "Relu", product, to, NULL);
    }
    free(value);
    onnx_output(&graph, "r4");
    onnx_finish(file, &graph, 13);
}

static void many(struct bytes *file)
{
    struct bytes graph = {0};
    char from[20] = "0", to[20] = "0";
    onnx_input(&graph, "0", "1,4");
    for (int i = 0; i < NODES; i++) {
        memcpy(from, to, sizeof from);
        snprintf(to, sizeof to, "%d", i + 1);
        onnx_node(&graph, "Identity", from, to, NULL);
    }
    onnx_output(&graph, to);
    onnx_finish(file, &graph, 13);
}

/* Reads a copy of the file, which is cleared: CPU seconds, and the peak of
 * resident memory less what was there before the copy. */
static double read_file(struct bytes *file, double *peak)
{
    struct lip_ctx ctx = {0};
    struct lip_network *network;
    size_t size = file->size;
    void *block = lip_alloc(&ctx, size, 1);
    ck_assert_ptr_nonnull(block);
    memcpy(block, file->data, size);
    bytes_clear(file);
    malloc_trim(0);
    double before = measure_memory(0, "VmRSS:") - (double)size;
    measure_reset_peak(0);
    struct lip_buffer *buffer = lip_buffer_take(block, size, &ctx);
    double start = measure_now();
    enum lip_status status = lip_format_onnx.read(&network, buffer, NULL, &ctx);
    double seconds = measure_now() - start;
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    *peak = measure_memory(0, "VmHWM:") - before;
    lip_network_free(network);
    lip_buffer_put(buffer);
    return seconds;
}

static double hash_seconds(void)
{
    enum { BYTES = 50000000 };
    unsigned char *zeros = calloc(BYTES, 1);
    struct sha256_ctx hash;
    ck_assert_ptr_nonnull(zeros);
    sha256_init(&hash);
    double start = measure_now();
    for (int k = 0; k < 4; k++) /* float32 numbers are hashed as doubles */
        sha256_update(&hash, BYTES, zeros);
    free(zeros);
    return measure_now() - start;
}

static void bench(void)
{
    struct bytes file = {0};
    double peak;
    large(&file);
    double size = (double)file.size;
    double seconds = read_file(&file, &peak);
    measure_print("onnx/100MB/speed", 1e-6 * size / seconds, "MB/s",
                  hash_seconds() / seconds, "SHA-256 of the numbers");
    measure_print("onnx/100MB/peak", 1e-6 * peak, "MB", peak / size,
                  "size of the file");
    many(&file);
    measure_print("onnx/100000-nodes", 1e3 * read_file(&file, &peak), "ms", 0,
                  NULL);
}

int main(void)
{
    return measure_main(bench);
}
