/* SPDX-License-Identifier: MIT
 *
 * Largest eigenvalue: Lanczos finds it, a verified Cholesky proves it. */
#include "linalg/eigen.h"

#include "linalg/blas.h"
#include "linalg/cholesky.h"
#include "linalg/random.h"

#include <float.h>
#include <lapacke.h>
#include <stdbool.h>
#include <string.h>

enum { DIRECT_BELOW = 40, MAX_STEPS = 160, CHECK_EVERY = 4 };

static enum lip_status direct(double *out, const struct lip_matrix *a,
                              struct lip_ctx *ctx)
{
    int n = (int)a->rows, found = 0;
    size_t work_size = 40 * a->rows + 64;
    double *copy =
        lip_alloc(ctx, a->rows * a->rows + a->rows + work_size, sizeof *copy);
    int *iwork = lip_alloc(ctx, 12 * a->rows + 2, sizeof *iwork);
    enum lip_status status = copy && iwork ? LIP_OK : LIP_NO_MEMORY;
    if (status == LIP_OK) {
        double *w = copy + a->rows * a->rows;
        memcpy(copy, a->data, a->rows * a->rows * sizeof *copy);
        int info = LAPACKE_dsyevr_work(LAPACK_COL_MAJOR, 'N', 'I', 'U', n, copy,
                                       n, 0, 0, n, n, 0, &found, w, NULL, 1,
                                       iwork + 10 * a->rows, w + a->rows,
                                       (int)work_size, iwork, 10 * n);
        *out = info == 0 && found == 1 ? w[0] : 0;
    }
    lip_free(copy);
    lip_free(iwork);
    return status == LIP_OK || !ctx ? status : ctx->error.status;
}

/* With q_i the pivots of x I - T for a tridiagonal T (diagonal alpha, beside it
 * beta), p = det(x I - T) and all q_i > 0, that is x above all eigenvalues:
 * *g = p'/p and *h = (p'/p)^2 - p''/p. False where some q_i <= 0. */
static bool pivots(double *g, double *h, const double *alpha,
                   const double *beta, int k, double x)
{
    double first = 0, second = 0, ratio = 0; /* q'/q, q''/q, beta^2/q */
    *g = *h = 0;
    for (int i = 0; i < k; i++) {
        double q = x - alpha[i] - ratio;
        if (!(q > 0))
            return false;
        double q1 = 1 + ratio * first;
        double q2 = ratio * (second - 2 * first * first);
        first = q1 / q;
        second = q2 / q;
        *g += first;
        *h += first * first - second;
        ratio = beta[i] * beta[i] / q;
    }
    return true;
}

/* Gershgorin's bound of the k x k tridiagonal matrix (alpha, beta). */
static double above_all(const double *alpha, const double *beta, int k)
{
    double most = -INFINITY;
    for (int i = 0; i < k; i++) {
        double radius = (i > 0 ? beta[i - 1] : 0) + (i + 1 < k ? beta[i] : 0);
        most = fmax(most, alpha[i] + radius);
    }
    return most;
}

/* Its largest eigenvalue, by Laguerre's iteration, which descends to it from
 * above and converges cubically: a solver for all eigenvalues would take as
 * long as the products with A. In units where the bound is of order 1. */
static double ritz(const double *alpha, const double *beta, int k)
{
    double a[MAX_STEPS], b[MAX_STEPS], g, h, bound = above_all(alpha, beta, k);
    if (!(bound > 0 && bound < INFINITY))
        return 0;
    int exponent = ilogb(bound);
    for (int i = 0; i < k; i++) {
        a[i] = ldexp(alpha[i], -exponent);
        b[i] = ldexp(beta[i], -exponent);
    }
    double x = ldexp(bound, -exponent);
    for (int i = 0; i < 60 && pivots(&g, &h, a, b, k, x); i++) {
        double step = k / (g + sqrt(fmax((k - 1) * (k * h - g * g), 0)));
        if (!(step > 0x1p-53 * x))
            break;
        x -= step;
    }
    return ldexp(x, exponent);
}

/* Makes x a unit vector and returns what its length was. Squares of its numbers
 * may be out of range: not every BLAS scales inside dnrm2. */
static double normalise(int n, double *x)
{
    double most = fabs(x[cblas_idamax(n, x, 1)]);
    if (!(most > DBL_MIN))
        return 0;
    double scale = ldexp(1, ilogb(most));
    cblas_dscal(n, 1 / scale, x, 1);
    double length = cblas_dnrm2(n, x, 1);
    cblas_dscal(n, 1 / length, x, 1);
    return length * scale;
}

/* One step: v[k+1] beta[k] = A v[k] - alpha[k] v[k] - ..., kept orthogonal to
 * all before it by two passes of Gram-Schmidt. Returns beta[k]. */
static double lanczos_step(const struct lip_matrix *a, double *v, int k,
                           double *alpha, double *overlap)
{
    int n = (int)a->rows;
    double *now = v + (size_t)k * a->rows, *next = now + a->rows;
    cblas_dsymv(CblasColMajor, CblasUpper, n, 1, a->data, n, now, 1, 0, next,
                1);
    *alpha = cblas_ddot(n, now, 1, next, 1);
    for (int pass = 0; pass < 2; pass++) {
        cblas_dgemv(CblasColMajor, CblasTrans, n, k + 1, 1, v, n, next, 1, 0,
                    overlap, 1);
        cblas_dgemv(CblasColMajor, CblasNoTrans, n, k + 1, -1, v, n, overlap, 1,
                    1, next, 1);
    }
    return normalise(n, next);
}

static double lanczos(const struct lip_matrix *a, double *v)
{
    double alpha[MAX_STEPS], beta[MAX_STEPS], overlap[MAX_STEPS + 1];
    double last = 0, best = 0;
    int n = (int)a->rows, most = n < MAX_STEPS ? n : MAX_STEPS;
    lip_random_fill(v, a->rows, 7);
    normalise(n, v);
    for (int k = 0; k < most; k++) {
        beta[k] = lanczos_step(a, v, k, &alpha[k], overlap);
        bool exhausted = !(beta[k] > 1e-14 * fabs(best)) || k + 1 == most;
        if ((k + 1) % CHECK_EVERY && !exhausted)
            continue;
        best = ritz(alpha, beta, k + 1);
        /* Ritz values converge with the square of the residual, so that two
         * checks that agree are far closer to the truth than to each other. */
        if (exhausted || fabs(best - last) <= 1e-14 * fabs(best))
            break;
        last = best;
    }
    return best;
}

enum lip_status lip_eigen_estimate(double *out, const struct lip_matrix *a,
                                   struct lip_ctx *ctx)
{
    if (a->rows == 1) {
        *out = a->data[0];
        return LIP_OK;
    }
    if (a->rows < DIRECT_BELOW)
        return direct(out, a, ctx);
    size_t most = a->rows < MAX_STEPS ? a->rows : MAX_STEPS;
    double *v = lip_alloc(ctx, (most + 1) * a->rows, sizeof *v);
    if (!v)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    *out = lanczos(a, v);
    lip_free(v);
    return LIP_OK;
}

/* tau I - A, upper triangle, into t; the diagonal rounded down. */
static void shifted(struct lip_matrix *t, const struct lip_matrix *a,
                    double tau)
{
    size_t n = a->rows;
    for (size_t j = 0; j < n; j++) {
        const double *from = a->data + j * n;
        double *to = t->data + j * n;
        for (size_t i = 0; i < j; i++)
            to[i] = -from[i];
        to[j] = nextafter(tau - from[j], -INFINITY);
    }
}

/* sum over j of |a_ij|, the largest, which needs no estimate at all. */
static double gershgorin(const struct lip_matrix *a, double *row)
{
    size_t n = a->rows;
    memset(row, 0, n * sizeof *row);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i <= j; i++) {
            double x = fabs(a->data[i + j * n]);
            row[i] += x;
            if (i < j)
                row[j] += x;
        }
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, row[i]);
    return lip_inflate(most, n);
}

/* Tries tau from just above the estimate outward. */
static bool search(double *out, const struct lip_matrix *a, double estimate,
                   struct lip_matrix *t)
{
    size_t n = a->rows;
    double trace = 0;
    for (size_t i = 0; i < n; i++)
        trace += fmax(a->data[i * (n + 1)], 0);
    for (double over = 0x1p-46; over < 2; over *= 32) {
        double tau = estimate * (1 + over);
        /* Room for the shift that the verified factorisation takes. */
        tau += 1.01 * lip_gamma(n + 3) * fmax((double)n * tau - trace, 0);
        shifted(t, a, tau);
        if (lip_cholesky_proves(t, t, 0)) {
            *out = tau;
            return true;
        }
    }
    return false;
}

enum lip_status lip_eigen_upper(double *out, const struct lip_matrix *a,
                                double estimate, struct lip_ctx *ctx)
{
    if (a->rows == 1) {
        *out = fmax(a->data[0], 0);
        return LIP_OK;
    }
    struct lip_matrix t;
    enum lip_status status = lip_matrix_new(&t, a->rows, a->rows, ctx);
    if (status != LIP_OK)
        return status;
    double norm = gershgorin(a, t.data);
    if (!(estimate > 0 && estimate <= norm) || !search(out, a, estimate, &t) ||
        *out > norm)
        *out = norm;
    lip_matrix_clear(&t);
    return LIP_OK;
}
