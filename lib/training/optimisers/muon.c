/* SPDX-License-Identifier: MIT
 *
 * Muon: the momentum of a matrix is made all but orthogonal before the step by
 * the Newton-Schulz iteration
 *
 *     X <- a X + (b A + c A^2) X,   A = X X^T,
 *
 * from X = momentum / |momentum|_F, so that a step moves no singular value by
 * much more than the learning rate. Lists of numbers take sgd steps. */
#include "training/kernel.h"
#include "training/optimisers/list.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { ROUNDS = 5 };

static size_t slots(const struct lip_step_options *options)
{
    (void)options;
    return 1;
}

static size_t side(size_t rows, size_t cols)
{
    return rows < cols ? rows : cols;
}

/* X, the next X, A and b A + c A^2 */
static size_t work(size_t rows, size_t cols)
{
    size_t k = side(rows, cols);
    return 2 * rows * cols + 2 * k * k;
}

/* next = a X + B X, or a X + X B where X has more rows than columns. */
static void advance(float *next, const float *x, float *a, float *b,
                    size_t rows, size_t cols)
{
    int m = (int)rows, n = (int)cols, k = (int)side(rows, cols);
    bool wide = rows <= cols;
    cblas_sgemm(CblasRowMajor, wide ? CblasNoTrans : CblasTrans,
                wide ? CblasTrans : CblasNoTrans, k, k, wide ? n : m, 1, x, n,
                x, n, 0, a, k);
    memcpy(b, a, (size_t)k * (size_t)k * sizeof *b);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, k, k, k, 2.0315F, a,
                k, a, k, -4.7750F, b, k);
    memcpy(next, x, rows * cols * sizeof *next);
    if (wide)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, b, k,
                    x, n, 3.4445F, next, n);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, x, n,
                    b, k, 3.4445F, next, n);
}

/* Leaves the orthogonalised work[rows x cols] where it is read from; returns
 * that place. */
static const float *orthogonalise(float *x, size_t rows, size_t cols)
{
    size_t count = rows * cols, k = side(rows, cols);
    float *next = x + count, *a = next + count, *b = a + k * k;
    double norm = sqrt(lip_kernel_dot(x, x, count));
    lip_kernel_scale(x, (float)(1 / (norm + 1e-30)), count);
    for (int i = 0; i < ROUNDS; i++) {
        advance(next, x, a, b, rows, cols);
        float *held = x;
        x = next;
        next = held;
    }
    return x;
}

static void step(const struct lip_stepped *s)
{
    if (s->rows == 0) {
        lip_sgd_step(s);
        return;
    }
    size_t count = s->rows * s->cols;
    float mu = (float)s->options->momentum, *v = s->slot[0], *x = s->work;
    lip_kernel_scale(v, mu, count);
    lip_kernel_axpy(v, 1, s->gradient, count);
    memcpy(x, v, count * sizeof *x);
    if (s->options->nesterov) {
        lip_kernel_scale(x, mu, count);
        lip_kernel_axpy(x, 1, s->gradient, count);
    }
    const float *u = orthogonalise(x, s->rows, s->cols);
    double ratio = fmax(1, (double)s->rows / (double)s->cols);
    double decay = s->options->weight_decay;
    if (decay > 0)
        lip_kernel_scale(s->value, (float)(1 - s->rate * decay), count);
    lip_kernel_axpy(s->value, (float)(-s->rate * sqrt(ratio)), u, count);
}

const struct lip_optimiser lip_optimiser_muon = {
    .name = "muon",
    .title = "Momentum made orthogonal, for matrices",
    .citation = "Jordan et al., 2024; Newhouse et al., arXiv 2507.13338",
    .fallback = {.momentum = 0.95, .nesterov = true},
    .rate = 0.02,
    .slots = slots,
    .work = work,
    .step = step,
};
