/* SPDX-License-Identifier: MIT
 *
 * Proven eclipse-fast beside the same pass, unproven, in a NumPy program that
 * may lie beside the checkout (REFERENCE in the environment, or
 * ../shared/oracles/reference.py): a trained 784-400-400-10 and 70 layers of
 * 80 neurons. Both read the same npz file. */
#include "linalg/blas.h"
#include "tests/support/golden.h"
#include "tests/support/measure.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "tests/support/files.h"

enum { DEPTH = 70, WIDTH = 80, LINKS = DEPTH + 1 };

static const char *const python = "/usr/bin/python3";

static const char *program(void)
{
    const char *path = getenv("REFERENCE");
    path = path ? path : "../shared/oracles/reference.py";
    if (access(path, R_OK) != 0) {
        printf("# skipped: %s is not there\n", path);
        return NULL;
    }
    if (system("/usr/bin/python3 -c 'import numpy, scipy' 2>/dev/null") != 0) {
        printf("# skipped: no NumPy or SciPy for %s\n", python);
        return NULL;
    }
    return path;
}

/* Weights only, as W1, W2, ... */
static void save(const char *path, double *const *weight, const size_t *width,
                 size_t links)
{
    char name[LINKS][16];
    struct array array[LINKS];
    struct bytes bytes = {0};
    for (size_t i = 0; i < links; i++) {
        snprintf(name[i], sizeof name[i], "W%zu", i + 1);
        array[i] =
            (struct array){name[i], 2, {width[i + 1], width[i]}, weight[i]};
    }
    bytes_npz(&bytes, array, links, "<f8", ZIP_CM_STORE);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    fclose(file);
    bytes_clear(&bytes);
}

static struct lip_chain *chain_of(const char *path)
{
    struct bytes bytes = {0};
    struct lip_ctx ctx = {0};
    struct lip_read_options options;
    struct lip_network *network;
    struct lip_chain *chain;
    lip_read_options_default(&options);
    ck_assert(bytes_load(&bytes, path));
    ck_assert_int_eq(read_bytes(&network, &bytes, &options, &ctx), LIP_OK);
    ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
    lip_network_free(network);
    bytes_clear(&bytes);
    return chain;
}

static void pass(void *arg)
{
    bound_of("eclipse-fast", arg, PAIR_22);
}

static void compare(const char *name, const char *reference, const char *path)
{
    char command[500], line[100];
    double value, whole, one;
    struct lip_chain *chain = chain_of(path);
    struct measure work = {pass, chain, 0};
    snprintf(command, sizeof command,
             "OPENBLAS_NUM_THREADS=1 %s tests/bench/reference.py %s %s", python,
             reference, path);
    measure(&work, 1, 1);
    double before = work.seconds;
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_int_eq(fscanf(pipe, "%lf %lf %lf", &value, &whole, &one), 3);
    pclose(pipe);
    /* Before and after: the machine may have changed its mind between. */
    measure(&work, 1, 1);
    double seconds = (before + work.seconds) / 2;
    double bound = bound_of("eclipse-fast", chain, PAIR_22);
    snprintf(line, sizeof line, "reference/%s", name);
    measure_print(line, 1e3 * seconds, "ms", whole / seconds,
                  "times as fast as reference.py");
    measure_print(line, 1e3 * seconds, "ms", one / seconds,
                  "times as fast as its multipliers, no value");
    snprintf(line, sizeof line, "reference/%s/excess", name);
    measure_print(line, bound / value - 1, "relative", 0, NULL);
    lip_chain_free(chain);
}

static void trained(const char *reference, const char *folder)
{
    char path[400];
    struct plain net;
    snprintf(path, sizeof path, "%s/eclipse/mnist_lyr3n400test1.mat", folder);
    matlab_weights(&net, path);
    snprintf(path, sizeof path, "/tmp/lipschitz-bench-%d.npz", (int)getpid());
    save(path, net.weight, net.width, net.links);
    compare("784-400-400-10", reference, path);
    unlink(path);
    plain_clear(&net);
}

/* Gaussian weights with the gain that keeps the values of a deep ReLU network
 * in range. */
static void deep(const char *reference)
{
    char path[100];
    size_t width[LINKS + 1];
    double *weight[LINKS];
    uint64_t state = 70;
    for (size_t i = 0; i <= LINKS; i++)
        width[i] = i == 0 ? 5 : i == LINKS ? 2 : WIDTH;
    for (size_t i = 0; i < LINKS; i++) {
        size_t count = width[i] * width[i + 1];
        weight[i] = malloc(count * sizeof **weight);
        ck_assert_ptr_nonnull(weight[i]);
        for (size_t k = 0; k < count; k++)
            weight[i][k] = sqrt(2 / (double)width[i]) * plain_normal(&state);
    }
    snprintf(path, sizeof path, "/tmp/lipschitz-bench-%d.npz", (int)getpid());
    save(path, weight, width, LINKS);
    compare("70x80", reference, path);
    unlink(path);
    for (size_t i = 0; i < LINKS; i++)
        free(weight[i]);
}

static void bench(void)
{
    lip_blas_single_threaded();
    const char *reference = program();
    if (!reference)
        return;
    const char *folder = golden_folder();
    if (folder)
        trained(reference, folder);
    deep(reference);
}

int main(void)
{
    return measure_main(bench);
}
