/* SPDX-License-Identifier: MIT
 *
 * lipsdp beside CSDP on the same matrix inequality, which is given to CSDP with
 * W_1 replaced by its triangular factor: 784 inputs become as few as there are
 * neurons. CPU seconds of both, each with one thread. The larger of the two
 * networks takes CSDP some twenty minutes and more: BENCH_LONG=1 runs it. */
#include "linalg/blas.h"
#include "tests/support/golden.h"
#include "tests/support/lipsdp.h"
#include "tests/support/measure.h"

#include <check.h>
#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Weights by columns, rows x cols. */
struct weights {
    size_t rows, cols;
    double *data;
};

/* W = (stored)^T 2^exponent. */
static struct weights weights_of(const struct lip_link *link)
{
    const struct lip_matrix *t = &link->transposed;
    struct weights w = {t->cols, t->rows, NULL};
    w.data = malloc(w.rows * w.cols * sizeof *w.data);
    ck_assert_ptr_nonnull(w.data);
    for (size_t i = 0; i < w.rows; i++)
        for (size_t j = 0; j < w.cols; j++)
            w.data[i + j * w.rows] =
                ldexp(t->data[j + i * t->rows], (int)link->exponent);
    return w;
}

/* W^T = Q R: R^T in place of W has the same W W^T. */
static void compress(struct weights *w)
{
    size_t m = w->cols, n = w->rows;
    if (m <= n)
        return;
    double *t = malloc(m * n * sizeof *t), *tau = malloc(n * sizeof *tau);
    ck_assert(t && tau);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++)
            t[j + i * m] = w->data[i + j * n];
    ck_assert_int_eq(
        LAPACKE_dgeqrf(LAPACK_COL_MAJOR, (int)m, (int)n, t, (int)m, tau), 0);
    w->cols = n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            w->data[i + j * n] = j <= i ? t[j + i * m] : 0;
    free(t);
    free(tau);
}

/* The terms of layer i's multipliers, the first of which is number `first`:
 * z_k - W_k x above, at row and column `row` of the matrix. */
static void write_layer(FILE *file, const struct weights *w, size_t first,
                        size_t row)
{
    size_t column = row - w->cols;
    for (size_t k = 0; k < w->rows; k++) {
        for (size_t j = 0; j < w->cols; j++)
            if (w->data[k + j * w->rows] != 0)
                fprintf(file, "%zu 1 %zu %zu %.17g\n", first + k,
                        column + j + 1, row + k + 1,
                        -0.5 * w->data[k + j * w->rows]);
        fprintf(file, "%zu 1 %zu %zu 1\n", first + k, row + k + 1, row + k + 1);
    }
}

/* -F W_l^T W_l, F = 1 / L^2 being the last variable. */
static void write_last(FILE *file, const struct weights *w, size_t number,
                       size_t column)
{
    for (size_t a = 0; a < w->cols; a++)
        for (size_t b = a; b < w->cols; b++) {
            double sum = 0;
            for (size_t i = 0; i < w->rows; i++)
                sum -= w->data[i + a * w->rows] * w->data[i + b * w->rows];
            fprintf(file, "%zu 1 %zu %zu %.17g\n", number, column + a + 1,
                    column + b + 1, sum);
        }
}

/* Maximise F with diag(I, 0) + sum of all terms >= 0, in SDPA's sparse format.
 */
static void write_sdpa(const char *path, const struct lip_chain *chain)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    struct weights w = weights_of(&chain->link[0]);
    compress(&w);
    size_t inputs = w.cols, neurons = 0, first = 1, row = inputs;
    for (size_t i = 1; i < chain->count; i++)
        neurons += lip_chain_width(chain, i);
    fprintf(file, "%zu\n1\n%zu\n", neurons + 1, inputs + neurons);
    for (size_t k = 0; k < neurons; k++)
        fputs("0 ", file);
    fputs("-1\n", file);
    for (size_t j = 0; j < inputs; j++)
        fprintf(file, "0 1 %zu %zu -1\n", j + 1, j + 1);
    for (size_t i = 0; i + 1 < chain->count; i++) {
        if (i > 0)
            w = weights_of(&chain->link[i]);
        write_layer(file, &w, first, row);
        first += w.rows;
        row += w.rows;
        free(w.data);
    }
    w = weights_of(&chain->link[chain->count - 1]);
    write_last(file, &w, first, row - w.cols);
    free(w.data);
    fclose(file);
}

static void become_csdp(const char *problem, const char *log)
{
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    if (!freopen(log, "w", stdout))
        _exit(126);
    execlp("csdp", "csdp", problem, (char *)NULL);
    _exit(127);
}

static double primal_value(const char *log)
{
    char line[200];
    double value = NAN;
    FILE *file = fopen(log, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        sscanf(line, "Primal objective value: %lf", &value);
    fclose(file);
    return value;
}

/* CSDP's L; *seconds of CPU time. NaN where it failed.
 */
static double csdp(const struct lip_chain *chain, double *seconds)
{
    char problem[60], log[60];
    snprintf(problem, sizeof problem, "/tmp/lipschitz-%d.sdpa", (int)getpid());
    snprintf(log, sizeof log, "/tmp/lipschitz-%d.log", (int)getpid());
    write_sdpa(problem, chain);
    fflush(stdout);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        become_csdp(problem, log);
    int status;
    struct rusage used;
    ck_assert_int_eq(wait4(pid, &status, 0, &used), pid);
    *seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    double value = primal_value(log);
    unlink(problem);
    unlink(log);
    return 1 / sqrt(fabs(value));
}

static void line(const char *name, const char *what, double value,
                 const char *unit, double ratio, const char *baseline)
{
    char text[100];
    snprintf(text, sizeof text, "lipsdp-csdp/%s/%s", name, what);
    measure_print(text, value, unit, ratio, baseline);
}

/* The same network both ways; `least` times as fast is asked for. */
static void compare(const char *name, const char *folder, const char *file,
                    double least)
{
    static const double tolerance[] = {0.01, 1e-4};
    static const char *const what[] = {"proven-1%", "proven-0.01%"};
    char asked[80];
    double seconds;
    struct lip_chain *chain = golden_chain(folder, file);
    double value = csdp(chain, &seconds);
    ck_assert_msg(isfinite(value), "csdp failed");
    line(name, "csdp", seconds, "s", 0, NULL);
    snprintf(asked, sizeof asked, "times as fast as CSDP (%g asked for)",
             least);
    for (int i = 0; i < 2; i++) {
        struct lipsdp_run run = {.tolerance = tolerance[i]};
        lipsdp_run(&run, chain);
        line(name, what[i], 1e3 * run.cpu, "ms", seconds / run.cpu, asked);
        ck_assert_double_ge(run.bound.upper_bound, value * (1 - 1e-6));
        ck_assert_double_le(run.bound.optimum_at_least, value * (1 + 1e-6));
    }
    lip_chain_free(chain);
}

static void bench(void)
{
    lip_blas_single_threaded();
    const char *folder = golden_folder();
    if (!folder)
        return;
    if (system("command -v csdp >/dev/null") != 0) {
        puts("# skipped: csdp is not installed");
        return;
    }
    compare("784-100-100-10", folder, "eclipse/mnist_lyr3n100test1.mat", 100);
    if (getenv("BENCH_LONG"))
        compare("784-300-300-10", folder, "eclipse/mnist_lyr3n300test1.mat",
                500);
    else
        puts("# skipped: 784-300-300-10 (BENCH_LONG=1 runs it)");
}

int main(void)
{
    return measure_main(bench);
}
