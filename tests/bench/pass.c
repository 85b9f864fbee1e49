/* SPDX-License-Identifier: MIT
 *
 * One proven eclipse-fast pass: the rate at which its flops are done beside
 * the rate of dgemm at the same width, in the same run. Counted are the flops
 * that the textbook needs (two Cholesky factorisations, one of them the proof,
 * a triangular solve and a Gram matrix a layer); the search for eigenvalues and
 * all checks are overhead. */
#include "bounds/recursion.h"
#include "linalg/blas.h"
#include "tests/support/measure.h"
#include "tests/support/plain.h"

#include <stdio.h>
#include <stdlib.h>

enum { LAYERS = 6 };

struct work {
    struct lip_chain *chain;
    double *a, *b, *c;
    int n;
};

static void pass(void *arg)
{
    const struct work *w = arg;
    bound_of("eclipse-fast", w->chain, PAIR_22);
}

static void product(void *arg)
{
    struct work *w = arg;
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, w->n, w->n, w->n, 1,
                w->a, w->n, w->b, w->n, 0, w->c, w->n);
}

static double *filled(size_t n, uint64_t seed)
{
    double *x = malloc(n * n * sizeof *x);
    if (!x)
        abort();
    for (size_t i = 0; i < n * n; i++)
        x[i] = plain_normal(&seed);
    return x;
}

static void measure_width(size_t n)
{
    size_t width[LAYERS + 1];
    char name[60];
    struct plain net;
    struct lip_ctx ctx = {0};
    for (int i = 0; i <= LAYERS; i++)
        width[i] = n;
    plain_random(&net, "relu", width, LAYERS, n);
    struct work w = {plain_chain(&net, &ctx), filled(n, 1), filled(n, 2),
                     filled(n, 3), (int)n};
    struct measure both[] = {{pass, &w, 0}, {product, &w, 0}};
    measure(both, 2, 2);
    double cube = (double)n * (double)n * (double)n;
    double flops = cube + lip_recursion_flops(w.chain);
    double dgemm = 2 * cube / both[1].seconds;
    snprintf(name, sizeof name, "eclipse-fast/%dx%zu", LAYERS, n);
    measure_print(name, 1e-9 * flops / both[0].seconds, "Gflop/s",
                  flops / both[0].seconds / dgemm, "dgemm of that width");
    snprintf(name, sizeof name, "eclipse-fast/%dx%zu/time", LAYERS, n);
    measure_print(name, 1e3 * both[0].seconds, "ms",
                  both[0].seconds / both[1].seconds, "one dgemm");
    lip_chain_free(w.chain);
    plain_clear(&net);
    free(w.a);
    free(w.b);
    free(w.c);
}

static void bench(void)
{
    static const size_t width[] = {100, 300, 500, 700, 1000};
    lip_blas_single_threaded();
    for (size_t i = 0; i < sizeof width / sizeof *width; i++)
        measure_width(width[i]);
}

int main(void)
{
    return measure_main(bench);
}
