/* SPDX-License-Identifier: MIT
 *
 * Matrices on which norms go wrong. */
#include "tests/support/nasty.h"

#include "linalg/blas.h"
#include "linalg/random.h"
#include "tests/support/plain.h"

#include <check.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

static double *at(struct lip_matrix *a, size_t i, size_t j)
{
    return &a->data[i + j * a->rows];
}

static void gaussian(struct lip_matrix *a)
{
    uint64_t state = a->rows * 1000 + a->cols;
    for (size_t k = 0; k < a->rows * a->cols; k++)
        a->data[k] = plain_normal(&state);
}

static void zero(struct lip_matrix *a)
{
    memset(a->data, 0, a->rows * a->cols * sizeof *a->data);
}

static void identity(struct lip_matrix *a)
{
    zero(a);
    for (size_t i = 0; i < a->rows; i++)
        *at(a, i, i) = 1;
}

/* Q of a QR factorisation: all singular values 1. */
static void orthogonal(struct lip_matrix *a)
{
    double tau[256];
    lapack_int m = (lapack_int)a->rows, n = (lapack_int)a->cols;
    gaussian(a);
    LAPACKE_dgeqrf(LAPACK_COL_MAJOR, m, n, a->data, m, tau);
    LAPACKE_dorgqr(LAPACK_COL_MAJOR, m, n, n, a->data, m, tau);
}

/* Q diag(1, 1, 1, 1/2, ..., 1/2): a triple largest singular value. */
static void repeated(struct lip_matrix *a)
{
    orthogonal(a);
    for (size_t j = 3; j < a->cols; j++)
        for (size_t i = 0; i < a->rows; i++)
            *at(a, i, j) /= 2;
}

/* Largest singular values closer than rounding. */
static void clustered(struct lip_matrix *a)
{
    orthogonal(a);
    for (size_t j = 0; j < a->cols; j++)
        for (size_t i = 0; i < a->rows; i++)
            *at(a, i, j) *= 1 - 1e-13 * (double)j;
}

static void rank_one(struct lip_matrix *a)
{
    uint64_t state = 5;
    double u[256], v[256];
    for (size_t i = 0; i < a->rows; i++)
        u[i] = plain_normal(&state);
    for (size_t j = 0; j < a->cols; j++)
        v[j] = plain_normal(&state);
    for (size_t j = 0; j < a->cols; j++)
        for (size_t i = 0; i < a->rows; i++)
            *at(a, i, j) = u[i] * v[j];
}

static void ones(struct lip_matrix *a)
{
    for (size_t k = 0; k < a->rows * a->cols; k++)
        a->data[k] = 1;
}

static void holes(struct lip_matrix *a)
{
    gaussian(a);
    for (size_t i = 0; i < a->rows; i++)
        *at(a, i, 0) = *at(a, i, a->cols / 2) = 0;
    for (size_t j = 0; j < a->cols; j++)
        *at(a, a->rows - 1, j) = *at(a, a->rows / 3, j) = 0;
}

/* Rows from 1 down to 1e-300. */
static void graded_rows(struct lip_matrix *a)
{
    gaussian(a);
    for (size_t j = 0; j < a->cols; j++)
        for (size_t i = 0; i < a->rows; i++)
            *at(a, i, j) *= exp10(-300.0 * (double)i / (double)a->rows);
}

/* Entries of any size between 1e-200 and 1e28. */
static void graded_entries(struct lip_matrix *a)
{
    uint64_t state = 3;
    gaussian(a);
    for (size_t k = 0; k < a->rows * a->cols; k++)
        a->data[k] *= exp10(plain_uniform(&state, -200, 28));
}

/* One number that counts among subnormal ones. */
static void subnormal(struct lip_matrix *a)
{
    uint64_t state = 3;
    for (size_t k = 0; k < a->rows * a->cols; k++)
        a->data[k] = 0x1p-1074 * (double)(lip_random_next(&state) % 4096);
    *at(a, a->rows / 2, a->cols / 2) = 0x1.8p-299;
}

static void hilbert(struct lip_matrix *a)
{
    for (size_t j = 0; j < a->cols; j++)
        for (size_t i = 0; i < a->rows; i++)
            *at(a, i, j) = 1 / (double)(i + j + 1);
}

static void huge(struct lip_matrix *a)
{
    gaussian(a);
    for (size_t k = 0; k < a->rows * a->cols; k++)
        a->data[k] *= 0x1p97;
}

static void tiny(struct lip_matrix *a)
{
    gaussian(a);
    for (size_t k = 0; k < a->rows * a->cols; k++)
        a->data[k] *= 0x1p-298;
}

/* Signs of a Hadamard matrix: all singular values sqrt(rows). */
static void hadamard(struct lip_matrix *a)
{
    for (size_t j = 0; j < a->cols; j++)
        for (size_t i = 0; i < a->rows; i++)
            *at(a, i, j) = __builtin_popcountl(i & j) % 2 ? -1 : 1;
}

/* A vector orthogonal to the start of the power or Lanczos iteration. */
static void unseen(double *v, size_t n)
{
    double start[256];
    lip_random_fill(start, n, 7);
    memset(v, 0, n * sizeof *v);
    double norm = hypot(start[0], start[1]);
    v[0] = start[1] / norm;
    v[1] = -start[0] / norm;
}

/* I / 2 + v v^T / 2: the start vector is an eigenvector, but of the wrong
 * value. */
static void adversarial(struct lip_matrix *a)
{
    double v[256];
    unseen(v, a->rows);
    zero(a);
    for (size_t i = 0; i < a->rows; i++) {
        *at(a, i, i) = 0.5;
        for (size_t j = 0; j < a->cols; j++)
            *at(a, i, j) += 0.5 * v[i] * v[j];
    }
}

/* The same hidden direction beside a spread spectrum. */
static void adversarial_spread(struct lip_matrix *a)
{
    double v[256];
    unseen(v, a->rows);
    zero(a);
    for (size_t i = 2; i < a->rows; i++)
        *at(a, i, i) = 1 / (double)i;
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++)
            *at(a, i, j) = v[i] * v[j];
}

/* Diagonal: the largest sits where a truncated look misses it. */
static void diagonal(struct lip_matrix *a)
{
    zero(a);
    for (size_t i = 0; i < a->rows; i++)
        *at(a, i, i) = 1 + (double)i * 1e-9;
}

const struct nasty nasty_matrices[] = {
    {"zero", 5, 4, zero},
    {"one number", 1, 1, gaussian},
    {"a row", 1, 50, gaussian},
    {"a column", 50, 1, gaussian},
    {"gaussian 2 x 2", 2, 2, gaussian},
    {"gaussian 13 x 7", 13, 7, gaussian},
    {"gaussian 7 x 13", 7, 13, gaussian},
    {"gaussian 60 x 45", 60, 45, gaussian},
    {"gaussian 45 x 60", 45, 60, gaussian},
    {"identity", 48, 48, identity},
    {"orthogonal 30", 30, 30, orthogonal},
    {"orthogonal 60", 60, 60, orthogonal},
    {"orthogonal 80 x 41", 80, 41, orthogonal},
    {"repeated 20", 20, 20, repeated},
    {"repeated 50", 50, 50, repeated},
    {"clustered", 50, 45, clustered},
    {"rank one", 20, 30, rank_one},
    {"rank one 60", 60, 50, rank_one},
    {"ones", 64, 41, ones},
    {"zero rows and columns", 12, 9, holes},
    {"zero rows and columns 50", 50, 44, holes},
    {"graded rows", 40, 41, graded_rows},
    {"graded entries", 20, 20, graded_entries},
    {"graded entries 45", 45, 45, graded_entries},
    {"subnormal", 10, 12, subnormal},
    {"subnormal 50", 50, 42, subnormal},
    {"hilbert 12", 12, 12, hilbert},
    {"hilbert 48", 48, 48, hilbert},
    {"huge", 41, 41, huge},
    {"tiny", 41, 41, tiny},
    {"hadamard", 32, 32, hadamard},
    {"hadamard 64", 64, 64, hadamard},
    {"adversarial", 60, 60, adversarial},
    {"adversarial among a spread", 60, 60, adversarial_spread},
    {"diagonal", 55, 55, diagonal},
};
const size_t nasty_count = sizeof nasty_matrices / sizeof *nasty_matrices;

struct lip_matrix nasty_make(size_t k)
{
    struct lip_ctx ctx = {0};
    struct lip_matrix a;
    const struct nasty *n = &nasty_matrices[k];
    ck_assert_int_eq(lip_matrix_new(&a, n->rows, n->cols, &ctx), LIP_OK);
    n->fill(&a);
    return a;
}
