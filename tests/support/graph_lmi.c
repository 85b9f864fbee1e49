/* SPDX-License-Identifier: MIT
 *
 * The full form, written for CSDP. */
#include "tests/support/graph_lmi.h"

#include "network/operator.h"

#include <check.h>
#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each layer's numbers as rows over z. */
struct form {
    const struct lip_network *network;
    double **row; /* [layers] outputs x size */
    size_t inputs, size;
};

bool graph_lmi_can(void)
{
    return system("command -v csdp >/dev/null") == 0;
}

static double *zeros(size_t count)
{
    double *x = calloc(count, sizeof *x);
    ck_assert_ptr_nonnull(x);
    return x;
}

/* The rows of all that layer i takes, one after the other. */
static double *taken(const struct form *f, size_t i)
{
    const struct lip_layer *layer = &f->network->layer[i];
    double *all = zeros(layer->inputs * f->size), *to = all;
    for (size_t k = 0; k < lip_network_sources(f->network, i); k++) {
        size_t from = lip_network_source(f->network, i, k), n = f->inputs;
        if (from == LIP_FROM_INPUT) {
            for (size_t j = 0; j < n; j++)
                to[j + j * f->size] = 1;
        } else {
            n = f->network->layer[from].outputs;
            memcpy(to, f->row[from], n * f->size * sizeof *to);
        }
        to += n * f->size;
    }
    return all;
}

static void linear(struct form *f, size_t i, const double *in)
{
    const struct lip_layer *layer = &f->network->layer[i];
    struct lip_operator op;
    ck_assert_int_eq(lip_operator_new(&op, layer, NULL), LIP_OK);
    for (size_t k = 0; k < layer->outputs; k++) {
        size_t n = lip_operator_row(&op, k);
        double *to = f->row[i] + k * f->size;
        for (size_t j = 0; j < n; j++)
            for (size_t c = 0; c < f->size; c++)
                to[c] += op.value[j] * in[op.column[j] * f->size + c];
    }
    lip_operator_clear(&op);
}

/* W^T = Q R, and R^T has the same W W^T: the first layer as a square one. */
static void compressed(struct form *f, size_t i)
{
    const struct lip_layer *layer = &f->network->layer[i];
    int m = (int)layer->inputs, n = (int)layer->outputs;
    double *t = zeros((size_t)m * (size_t)n), *tau = zeros((size_t)n);
    lip_tensor_widen(t, &layer->weight);
    ck_assert_int_eq(LAPACKE_dgeqrf(LAPACK_COL_MAJOR, m, n, t, m, tau), 0);
    for (int k = 0; k < n; k++)
        for (int j = 0; j <= k; j++)
            f->row[i][(size_t)k * f->size + (size_t)j] = t[j + k * m];
    free(t);
    free(tau);
}

static void write_neurons(FILE *file, const struct form *f, size_t i,
                          const double *in, size_t *at)
{
    for (size_t k = 0; k < f->network->layer[i].outputs; k++) {
        size_t z = f->inputs + *at, number = ++*at;
        const double *y = in + k * f->size;
        for (size_t c = 0; c < f->size; c++)
            if (y[c] != 0)
                fprintf(file, "%zu 1 %zu %zu %.17g\n", number, c + 1, z + 1,
                        -0.5 * y[c]);
        fprintf(file, "%zu 1 %zu %zu 1\n", number, z + 1, z + 1);
        f->row[i][k * f->size + z] = 1;
    }
}

/* Sorts of few numbers, by comparisons that are known to do it. */
static const struct {
    size_t group, a, b;
} comparison[] = {{2, 0, 1}, {3, 0, 2}, {3, 0, 1}, {3, 1, 2}, {4, 0, 2},
                  {4, 1, 3}, {4, 0, 1}, {4, 2, 3}, {4, 1, 2}};

/* Rows a and b turned so that one number is d, |d| a new neuron, and back. */
static void write_mirror(FILE *file, struct form *f, double *a, double *b,
                         double half, size_t *at)
{
    size_t n = f->size, z = f->inputs + *at, number = ++*at;
    double c = cos(half), s = sin(half), *d = zeros(n);
    for (size_t k = 0; k < n; k++) {
        double p = c * a[k] + s * b[k];
        d[k] = s * a[k] - c * b[k];
        a[k] = c * p;
        b[k] = s * p;
    }
    a[z] += s;
    b[z] -= c;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++)
            if (d[i] * d[j] != 0)
                fprintf(file, "%zu 1 %zu %zu %.17g\n", number, i + 1, j + 1,
                        -d[i] * d[j]);
    fprintf(file, "%zu 1 %zu %zu 1\n", number, z + 1, z + 1);
    free(d);
}

static size_t count_mirrors(const struct lip_layer *layer)
{
    size_t count = 0, group = layer->group ? layer->group : layer->inputs;
    if (layer->kind == &lip_layer_householder)
        return layer->inputs / 2;
    for (size_t k = 0; k < sizeof comparison / sizeof *comparison; k++)
        count += comparison[k].group == group;
    ck_assert(count > 0);
    return layer->inputs / group * count;
}

static void write_joint(FILE *file, struct form *f, size_t i, const double *in,
                        size_t *at)
{
    const struct lip_layer *layer = &f->network->layer[i];
    size_t n = f->size, group = layer->group ? layer->group : layer->inputs;
    double *row = f->row[i];
    bool sort = layer->kind == &lip_layer_group_sort;
    memcpy(row, in, layer->inputs * n * sizeof *row);
    for (size_t k = 0; !sort && k < layer->inputs; k += 2)
        write_mirror(file, f, row + k * n, row + (k + 1) * n,
                     lip_tensor_at(&layer->weight, k / 2) / 2, at);
    for (size_t g = 0; sort && g < layer->inputs; g += group)
        for (size_t k = 0; k < sizeof comparison / sizeof *comparison; k++)
            if (comparison[k].group == group)
                write_mirror(file, f, row + (g + comparison[k].a) * n,
                             row + (g + comparison[k].b) * n, atan(1), at);
}

static void write_output(FILE *file, const struct form *f, size_t number)
{
    size_t last = f->network->count - 1, n = f->size;
    const double *c = f->row[last];
    for (size_t a = 0; a < n; a++)
        for (size_t b = a; b < n; b++) {
            double sum = 0;
            for (size_t k = 0; k < f->network->outputs; k++)
                sum -= c[k * n + a] * c[k * n + b];
            if (sum != 0)
                fprintf(file, "%zu 1 %zu %zu %.17g\n", number, a + 1, b + 1,
                        sum);
        }
}

static void write_all(const char *path, struct form *f, size_t neurons,
                      size_t first)
{
    FILE *file = fopen(path, "w");
    size_t at = 0;
    ck_assert_ptr_nonnull(file);
    fprintf(file, "%zu\n1\n%zu\n", neurons + 1, f->size);
    for (size_t k = 0; k < neurons; k++)
        fputs("0 ", file);
    fputs("-1\n", file);
    for (size_t j = 0; j < f->inputs; j++)
        fprintf(file, "0 1 %zu %zu -1\n", j + 1, j + 1);
    for (size_t i = first; i < f->network->count; i++) {
        const struct lip_layer *layer = &f->network->layer[i];
        f->row[i] = zeros(layer->outputs * f->size);
        if (i == first) {
            compressed(f, i);
            continue;
        }
        double *in = taken(f, i);
        if (layer->kind->role == LIP_ROLE_LINEAR)
            linear(f, i, in);
        else if (layer->kind->role == LIP_ROLE_JOINT)
            write_joint(file, f, i, in, &at);
        else
            write_neurons(file, f, i, in, &at);
        free(in);
    }
    write_output(file, f, neurons + 1);
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

double graph_lmi_solve(const char *problem, double *seconds)
{
    char log[60], line[200];
    double value = NAN;
    int status;
    struct rusage used;
    snprintf(log, sizeof log, "/tmp/lipschitz-%d.log", (int)getpid());
    fflush(stdout);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        become_csdp(problem, log);
    ck_assert_int_eq(wait4(pid, &status, 0, &used), pid);
    *seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    FILE *file = fopen(log, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        sscanf(line, "Primal objective value: %lf", &value);
    fclose(file);
    unlink(log);
    return 1 / sqrt(fabs(value));
}

double graph_lmi(const struct lip_network *network, double *seconds)
{
    char path[60];
    size_t neurons = 0, first = 0;
    while (network->layer[first].kind->role == LIP_ROLE_RESHAPE)
        first++;
    ck_assert(network->layer[first].kind == &lip_layer_dense);
    for (size_t i = first; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        if (layer->activation)
            neurons += layer->outputs;
        else if (layer->kind->role == LIP_ROLE_JOINT)
            neurons += count_mirrors(layer);
    }
    struct form f = {.network = network,
                     .inputs = network->layer[first].outputs};
    ck_assert(network->layer[first].inputs >= f.inputs);
    f.size = f.inputs + neurons;
    f.row = calloc(network->count, sizeof *f.row);
    ck_assert_ptr_nonnull(f.row);
    snprintf(path, sizeof path, "/tmp/lipschitz-%d.sdpa", (int)getpid());
    write_all(path, &f, neurons, first);
    double value = graph_lmi_solve(path, seconds);
    unlink(path);
    for (size_t i = 0; i < network->count; i++)
        free(f.row[i]);
    free(f.row);
    return value;
}
