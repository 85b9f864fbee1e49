/* SPDX-License-Identifier: MIT
 *
 * Proven norms of convolutions: time and excess beside an SVD of each frequency
 * in NumPy, and the excess over the SVD of the matrix on 500 random shapes. */
#include "bounds/norms/layer_norm.h"

#include "bounds/norms/ways.h"
#include "linalg/blas.h"
#include "linalg/random.h"
#include "tests/support/graph.h"
#include "tests/support/measure.h"
#include "tests/support/random_conv.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHAPES = 500, SIZE = 32 };

struct work {
    const struct lip_layer *layer;
    struct lip_layer_norm norm;
};

static void bound(void *arg)
{
    struct work *work = arg;
    ck_assert_int_eq(
        lip_layer_norm(&work->norm, work->layer, LIP_NORM_2, 0, false, NULL),
        LIP_OK);
}

/* Normal weights, or ones whose symbol has a clear peak: smooth in space. */
static void fill(double *kernel, size_t channels, bool smooth)
{
    size_t n = channels * channels;
    uint64_t seed = 1;
    for (size_t k = 0; k < n; k++) {
        double base = 0;
        for (size_t p = 0; p < 9; p++) {
            double sum = -6;
            for (int i = 0; i < 12; i++)
                sum += (double)(lip_random_next(&seed) >> 11) * 0x1p-53;
            base = smooth && p > 0 ? 0.8 * base + 0.3 * sum : sum;
            kernel[9 * k + p] = base;
        }
    }
}

/* Norm and CPU seconds of NumPy; false where it is not there. */
static bool numpy(double out[2], const double *kernel, size_t channels)
{
    char path[] = "/tmp/kernel-XXXXXX", command[200];
    int file = mkstemp(path);
    size_t bytes = 9 * channels * channels * sizeof *kernel;
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, kernel, bytes), (ssize_t)bytes);
    close(file);
    snprintf(command, sizeof command,
             "/usr/bin/python3 tests/bench/networks/norms_numpy.py %s %zu %d "
             "2>/dev/null",
             path, channels, SIZE);
    FILE *from = popen(command, "r");
    bool found = from && fscanf(from, "%lf %lf", &out[0], &out[1]) == 2;
    if (from)
        pclose(from);
    unlink(path);
    return found;
}

static void square(size_t channels, bool smooth)
{
    static double kernel[9 * 256 * 256];
    size_t dim[] = {channels, channels, 3, 3, 0};
    double there[2] = {NAN, NAN};
    char name[80];
    fill(kernel, channels, smooth);
    struct lip_layer layer[2] = {
        make_reshape((long[]){(long)channels, SIZE, SIZE, 0}),
        make_conv(dim, kernel, NULL, NULL)};
    struct lip_network *network;
    set(&layer[1], "padding", 1, (long[]){1});
    ck_assert_int_eq(make_network(&network, layer, 2, NULL), LIP_OK);
    struct work work = {.layer = &network->layer[1]};
    struct measure here = {bound, &work, 0};
    measure(&here, 1, 2);
    bool found = numpy(there, kernel, channels);
    snprintf(name, sizeof name, "norm/conv-%zux%zu-3x3-32x32%s", channels,
             channels, smooth ? "-smooth" : "");
    measure_print(name, 1e3 * here.seconds, "ms",
                  found ? there[1] / here.seconds : NAN,
                  found ? "times as fast as NumPy's SVD per frequency" : NULL);
    if (!found)
        printf("# no NumPy here: `make bench-networks` installs it\n");
    strncat(name, "/over-the-grid", sizeof name - strlen(name) - 1);
    if (found)
        measure_print(name,
                      100 * (lip_big_double(work.norm.value) / there[0] - 1),
                      "%", 0, NULL);
    lip_network_free(network);
}

static void shapes(void)
{
    static double excess[SHAPES], symbol[SHAPES];
    uint64_t seed = 20261121;
    size_t below = 0, symbols = 0, unrolled = 0;
    double start = measure_now(), spent = 0;
    for (size_t k = 0; k < SHAPES; k++) {
        char text[96];
        struct lip_layer_norm norm;
        struct lip_ctx ctx = {0};
        struct lip_network *network = random_conv(&seed, 700, text, &ctx);
        const struct lip_layer *layer = &network->layer[1];
        double truth = layer_sigma(layer), from = measure_now();
        ck_assert_int_eq(
            lip_layer_norm(&norm, layer, LIP_NORM_2, 0, true, &ctx), LIP_OK);
        spent += measure_now() - from;
        excess[k] = lip_big_double(norm.value) / truth - 1;
        unrolled += norm.method == &lip_norm_unrolled;
        for (size_t j = 0; j < norm.count; j++) {
            double over = lip_big_double(norm.tried[j].value) / truth - 1;
            below += over < -1e-12;
            if (norm.tried[j].method == &lip_norm_symbol)
                symbol[symbols++] = over;
        }
        lip_network_free(network);
    }
    measure_print("norm/500-shapes/bounds-below-the-svd", (double)below,
                  "bounds", 0, NULL);
    measure_print("norm/500-shapes/median-excess",
                  100 * measure_median(excess, SHAPES), "%", 0, NULL);
    measure_print("norm/500-shapes/worst-excess", 100 * excess[SHAPES - 1], "%",
                  0, NULL);
    measure_print("norm/500-shapes/symbol-median-excess",
                  100 * measure_median(symbol, symbols), "%", 0, NULL);
    measure_print("norm/500-shapes/by-the-matrix", (double)unrolled, "shapes",
                  0, NULL);
    measure_print("norm/500-shapes/time", spent, "s",
                  (measure_now() - start - spent) / spent, "SVD of the matrix");
}

static void bench(void)
{
    lip_blas_single_threaded();
    square(16, false);
    square(64, false);
    square(64, true);
    square(256, false);
    shapes();
}

int main(void)
{
    return measure_main(bench);
}
