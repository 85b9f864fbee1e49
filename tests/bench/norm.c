/* SPDX-License-Identifier: MIT
 *
 * A proven spectral norm beside the unproven one that LAPACK gives: the Gram
 * matrix by dsyrk and its largest eigenvalue by dsyevr. */
#include "linalg/blas.h"
#include "linalg/random.h"
#include "linalg/spectral.h"
#include "tests/support/measure.h"

#include <lapacke.h>
#include <stdio.h>
#include <stdlib.h>

struct work {
    struct lip_matrix a;
    double *gram, *values, norm, plain;
};

static void proven(void *arg)
{
    struct work *w = arg;
    if (lip_spectral_upper(&w->norm, &w->a, NULL) != LIP_OK)
        abort();
}

static void lapack(void *arg)
{
    struct work *w = arg;
    int n = (int)w->a.cols, found, which[2];
    cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, n, (int)w->a.rows, 1,
                w->a.data, (int)w->a.rows, 0, w->gram, n);
    if (LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'N', 'I', 'U', n, w->gram, n, 0, 0, n,
                       n, 0, &found, w->values, NULL, n, which) != 0)
        abort();
    w->plain = sqrt(w->values[0]);
}

static void compare(size_t n)
{
    struct work w = {.gram = malloc(n * n * sizeof *w.gram),
                     .values = malloc(n * sizeof *w.values)};
    char name[60];
    if (lip_matrix_new(&w.a, n, n, NULL) != LIP_OK || !w.gram || !w.values)
        abort();
    lip_random_fill(w.a.data, n * n, n);
    struct measure both[] = {{proven, &w, 0}, {lapack, &w, 0}};
    measure(both, 2, 2);
    snprintf(name, sizeof name, "spectral-norm/%zux%zu", n, n);
    measure_print(name, 1e3 * both[0].seconds, "ms",
                  both[0].seconds / both[1].seconds, "dsyrk + dsyevr(largest)");
    snprintf(name, sizeof name, "spectral-norm/%zux%zu/excess", n, n);
    measure_print(name, w.norm / w.plain - 1, "relative", 0, NULL);
    lip_matrix_clear(&w.a);
    free(w.gram);
    free(w.values);
}

int main(void)
{
    lip_blas_single_threaded();
    compare(100);
    compare(300);
    compare(1000);
    return 0;
}
