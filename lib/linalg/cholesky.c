/* SPDX-License-Identifier: MIT
 *
 * Verified Cholesky: shift first, factor, and the factor is a bound. */
#include "linalg/cholesky.h"

#include "linalg/blas.h"
#include "linalg/random.h"

#include <lapacke.h>

/* OpenBLAS factors lower triangles up to twice as fast as upper ones (its
 * kernels for solving from the right are the better ones), which is worth
 * mirroring the matrix. The lower factor is R^T, with the same backward error.
 */
static bool factor_lower(struct lip_matrix *a)
{
    int n = (int)a->rows;
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', n, a->data, n) != 0)
        return false;
    /* A NaN slips through comparisons inside dpotrf, but always reaches the
     * diagonal. */
    for (size_t i = 0; i < a->rows; i++) {
        double d = a->data[i * (a->rows + 1)];
        if (!(d > 0 && d < INFINITY))
            return false;
    }
    return true;
}

/* c >= gamma/(1 - gamma) times the sum of the positive diagonal entries, plus
 * what underflow can add; `extra` is added to every entry first. */
static double backward_error(const struct lip_matrix *a, double extra)
{
    size_t n = a->rows;
    double trace = 0;
    for (size_t i = 0; i < n; i++)
        trace += fmax(a->data[i * (n + 1)] + extra, 0);
    trace = lip_inflate(trace, 2 * n + 2);
    double gamma = lip_gamma(n + 3);
    return lip_up(lip_div_up(lip_mul_up(gamma, trace), 1 - 2 * gamma) +
                  LIP_TINY);
}

static bool factor(struct lip_matrix *a)
{
    lip_matrix_mirror_down(a, a);
    if (!factor_lower(a))
        return false;
    lip_matrix_mirror_up(a);
    return true;
}

/* Lowers the diagonal by slack and by the backward error *shift. */
static bool lower_diagonal(struct lip_matrix *a, double slack, double *shift)
{
    size_t n = a->rows;
    *shift = backward_error(a, 0);
    double all = lip_add_up(slack, *shift);
    for (size_t i = 0; i < n; i++) {
        double *d = &a->data[i * (n + 1)];
        *d = nextafter(*d - all, -INFINITY);
        if (!(*d > 0))
            return false;
    }
    return true;
}

bool lip_cholesky_below(struct lip_matrix *a, double slack, double *shift)
{
    double c;
    if (!lower_diagonal(a, slack, &c))
        return false;
    if (shift)
        *shift = c;
    return factor(a);
}

bool lip_cholesky_proves(struct lip_matrix *work, const struct lip_matrix *a,
                         double slack)
{
    double c;
    lip_matrix_mirror_down(work, a);
    return lower_diagonal(work, slack, &c) && factor_lower(work);
}

bool lip_cholesky_above(struct lip_matrix *a, double slack)
{
    size_t n = a->rows;
    double c = backward_error(a, slack);
    /* The trace grows by n c itself: a second round of the formula covers it,
     * as gamma n is far below 1/2. */
    double all = lip_add_up(slack, lip_mul_up(2, c));
    for (size_t i = 0; i < n; i++) {
        double *d = &a->data[i * (n + 1)];
        *d = lip_up(*d + all);
    }
    return factor(a);
}

double lip_cholesky_smallest(const struct lip_matrix *r, double *work)
{
    int n = (int)r->rows;
    double growth = 0;
    lip_random_fill(work, r->rows, 1);
    for (int round = 0; round < 4; round++) {
        double norm = cblas_dnrm2(n, work, 1);
        if (!(norm > 0 && norm < INFINITY))
            return 0;
        cblas_dscal(n, 1 / norm, work, 1);
        cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, n,
                    r->data, n, work, 1);
        cblas_dtrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, n,
                    r->data, n, work, 1);
        growth = cblas_dnrm2(n, work, 1);
    }
    return growth > 0 && growth < INFINITY ? 1 / growth : 0;
}
