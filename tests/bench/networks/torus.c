/* SPDX-License-Identifier: MIT
 *
 * LipSDP on the frequencies of a torus beside the product of norms: random
 * convolutions 3x3 of normal weights with ReLU on 32x32. */
#include "bounds/method.h"

#include "linalg/blas.h"
#include "linalg/random.h"
#include "tests/support/graph.h"
#include "tests/support/measure.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 32, MOST = 24 };

static double normal(uint64_t *seed)
{
    double sum = -6;
    for (int k = 0; k < 12; k++)
        sum += (double)(lip_random_next(seed) >> 11) * 0x1p-53;
    return sum;
}

static struct lip_layer conv(size_t out, size_t in, uint64_t *seed)
{
    size_t count = out * in * 9;
    double *w = malloc(count * sizeof *w);
    ck_assert_ptr_nonnull(w);
    for (size_t k = 0; k < count; k++)
        w[k] = normal(seed) / sqrt(9.0 * (double)in);
    struct lip_layer layer =
        make_conv((size_t[]){out, in, 3, 3, 0}, w, NULL, NULL);
    set(&layer, "padding", 1, (long[]){1});
    free(w);
    return layer;
}

static struct lip_bound run(const char *id, const struct lip_chain *chain)
{
    struct lip_bound_options options = {.norm = {LIP_NORM_2, LIP_NORM_2}};
    struct lip_bound bound;
    ck_assert_int_eq(
        lip_method_run(&bound, lip_method_find(id), chain, &options, NULL),
        LIP_OK);
    ck_assert_msg(!bound.skipped, "%s", bound.reason);
    return bound;
}

static void compare(size_t channels, size_t layers)
{
    struct lip_layer layer[MOST] = {make_reshape((long[]){3, SIZE, SIZE, 0})};
    struct lip_network *network;
    struct lip_chain *chain;
    size_t count = 1;
    uint64_t seed = 1;
    char name[60];
    for (size_t k = 0; k < layers; k++) {
        layer[count++] = conv(channels, k ? channels : 3, &seed);
        if (k + 1 < layers)
            layer[count++] = make_activation("relu");
    }
    ck_assert_int_eq(make_network(&network, layer, count, NULL), LIP_OK);
    ck_assert_int_eq(lip_chain_new(&chain, network, NULL), LIP_OK);
    double start = measure_now();
    struct lip_bound ours = run("lipsdp-torus", chain);
    double seconds = measure_now() - start;
    struct lip_bound product = run("spectral", chain);
    snprintf(name, sizeof name, "torus/%zu-layers-of-%zu", layers, channels);
    measure_print(name, ours.upper_bound, "bound",
                  product.upper_bound / ours.upper_bound,
                  "product of norms is so many times as large");
    snprintf(name, sizeof name, "torus/%zu-layers-of-%zu/time", layers,
             channels);
    measure_print(name, seconds, "s", 0, NULL);
    lip_bound_clear(&ours);
    lip_bound_clear(&product);
    lip_chain_free(chain);
    lip_network_free(network);
}

static void bench(void)
{
    lip_blas_single_threaded();
    compare(16, 4);
    compare(16, 6);
    compare(32, 8);
    compare(64, 10);
}

int main(void)
{
    return measure_main(bench);
}
