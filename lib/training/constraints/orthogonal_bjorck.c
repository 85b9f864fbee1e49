/* SPDX-License-Identifier: MIT
 *
 * orthogonal by the iteration of Björck and Bowie (1971),
 *
 *     X <- 3/2 X - 1/2 X X'X   from   X = V / s,  s about |V|_2,
 *
 * which moves every singular value towards 1. Each iterate is kept, and the
 * gradient goes back through all of them:
 *
 *     dX <- 3/2 G - 1/2 (G X'X + X G'X + X X'G). */
#include "training/constraints/list.h"
#include "training/constraints/power.h"
#include "training/constraints/wide.h"
#include "training/kernel.h"

#include <string.h>

enum { ROUNDS = 12 };

/* Iterates 0 .. ROUNDS, two more, two k x k and s */
static size_t work(const struct lip_constrained *matrix)
{
    size_t k = lip_wide_of(matrix->rows, matrix->cols).k;
    return (ROUNDS + 3) * matrix->rows * matrix->cols + 2 * k * k + 1;
}

struct parts {
    size_t k, l, count;
    float *x, *g, *h, *p, *q, *s;
};

static struct parts parts_of(const struct lip_constrained *matrix)
{
    size_t count = matrix->rows * matrix->cols;
    struct lip_wide size = lip_wide_of(matrix->rows, matrix->cols);
    size_t square = size.k * size.k;
    float *x = matrix->work, *g = x + (ROUNDS + 1) * count;
    float *p = g + 2 * count;
    return (struct parts){size.k, size.l,     count,         x, g, g + count,
                          p,      p + square, p + 2 * square};
}

static enum lip_status map(const struct lip_constrained *matrix,
                           struct lip_ctx *ctx)
{
    struct parts at = parts_of(matrix);
    size_t k = at.k, l = at.l;
    bool tall = matrix->rows > matrix->cols;
    double s = lip_power(matrix, matrix->free, 2);
    if (!(s > 0))
        return lip_fail(ctx, LIP_INVALID,
                        "A weight matrix became zero or not finite: lower the "
                        "learning rate.");
    *at.s = (float)s;
    lip_wide_copy(at.x, matrix->free, matrix->rows, matrix->cols, tall);
    lip_kernel_scale(at.x, (float)(1 / s), at.count);
    for (size_t i = 0; i < ROUNDS; i++) {
        const float *x = at.x + i * at.count;
        float *next = at.x + (i + 1) * at.count;
        lip_multiply(at.p, x, x,
                     (struct lip_product){k, k, l, false, true, 1, 0});
        memcpy(next, x, at.count * sizeof *next);
        lip_multiply(next, at.p, x,
                     (struct lip_product){k, l, k, false, false, -0.5F, 1.5F});
    }
    lip_wide_copy(matrix->weight, at.x + ROUNDS * at.count, k, l, tall);
    lip_kernel_scale(matrix->weight, (float)matrix->limit, at.count);
    return LIP_OK;
}

/* One round back: g becomes the gradient in x. */
static void back(const struct parts *at, const float *x)
{
    size_t k = at->k, l = at->l;
    lip_multiply(at->p, x, x, (struct lip_product){k, k, l, false, true, 1, 0});
    lip_multiply(at->q, at->g, x, /* G X' */
                 (struct lip_product){k, k, l, false, true, 1, 0});
    memcpy(at->h, at->g, at->count * sizeof *at->h);
    lip_multiply(at->h, at->p, at->g, /* X X'G */
                 (struct lip_product){k, l, k, false, false, -0.5F, 1.5F});
    for (size_t i = 0; i < k; i++) /* G X' + X G' */
        for (size_t j = 0; j <= i; j++) {
            float sum = at->q[i * k + j] + at->q[j * k + i];
            at->q[i * k + j] = at->q[j * k + i] = sum;
        }
    lip_multiply(at->h, at->q, x,
                 (struct lip_product){k, l, k, false, false, -0.5F, 1});
    memcpy(at->g, at->h, at->count * sizeof *at->g);
}

/* The last step goes through the division by s, as in spectral normalisation.
 */
static enum lip_status pull(const struct lip_constrained *matrix,
                            struct lip_ctx *ctx)
{
    (void)ctx;
    struct parts at = parts_of(matrix);
    bool tall = matrix->rows > matrix->cols;
    int m = (int)matrix->rows, n = (int)matrix->cols;
    double s = *at.s;
    lip_wide_copy(at.g, matrix->gradient, matrix->rows, matrix->cols, tall);
    lip_kernel_scale(at.g, (float)matrix->limit, at.count);
    for (size_t i = ROUNDS; i-- > 0;)
        back(&at, at.x + i * at.count);
    double along = lip_kernel_dot(at.g, at.x, at.count);
    lip_wide_copy(matrix->free_gradient, at.g, at.k, at.l, tall);
    cblas_sger(CblasRowMajor, m, n, (float)-along, matrix->warm, 1,
               matrix->warm + matrix->rows, 1, matrix->free_gradient, n);
    lip_kernel_scale(matrix->free_gradient, (float)(1 / s), at.count);
    return LIP_OK;
}

const struct lip_constraint lip_constraint_orthogonal_bjorck = {
    .name = "orthogonal-bjorck",
    .title = "Orthonormal rows or columns by Björck's iteration",
    .citation = "Björck and Bowie, SIAM J. Numer. Anal. 8, 1971; Anil, Lucas, "
                "Grosse, ICML 2019",
    .mapped = true,
    .supports = lip_supports_spectral,
    .warm = lip_power_warm,
    .work = work,
    .map = map,
    .pull = pull,
};
