/* SPDX-License-Identifier: MIT
 *
 * Complex Cholesky as a proof; the constants are in the header. */
#include "linalg/hermitian.h"

#include "linalg/lanczos.h"
#include "linalg/rounding.h"

#include <cblas.h>
#include <lapacke.h>

void lip_hermitian_minus_gram(double *g, const double *h, size_t m, size_t n)
{
    cblas_zherk(CblasColMajor, CblasLower, CblasConjTrans, (int)n, (int)m, -1,
                h, (int)m, 0, g, (int)n);
}

/* In the real form the inner products have 2 m terms, and |H~|_F^2 is
 * 2 |H|_F^2. */
double lip_hermitian_gram_error(double frobenius, size_t m)
{
    double square = lip_mul_up(frobenius, frobenius);
    return lip_add_up(lip_mul_up(lip_gamma(2 * m + 2), 2 * square), LIP_TINY);
}

bool lip_hermitian_proves(double *a, size_t n, double tau)
{
    double trace = 0, gamma = lip_gamma(2 * n + 4);
    for (size_t i = 0; i < n; i++)
        trace += fmax(tau + a[2 * i * (n + 1)], 0);
    trace = lip_inflate(trace, 2 * n + 2);
    double shift = lip_up(
        lip_div_up(lip_mul_up(2 * gamma, trace), 1 - 3 * gamma) + LIP_TINY);
    double lowered = nextafter(tau - shift, -INFINITY);
    for (size_t i = 0; i < n; i++) {
        double *d = &a[2 * i * (n + 1)];
        *d = nextafter(lowered + *d, -INFINITY);
        if (!(*d > 0))
            return false;
    }
    if (LAPACKE_zpotrf_work(LAPACK_COL_MAJOR, 'L', (int)n,
                            (lapack_complex_double *)a, (int)n) != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        double d = a[2 * i * (n + 1)];
        if (!(d > 0 && d < INFINITY))
            return false;
    }
    return true;
}

struct operand {
    const double *a;
    int n;
};

static bool apply(double *to, const double *from, void *arg)
{
    const struct operand *o = arg;
    static const double minus[2] = {-1, 0}, zero[2] = {0, 0};
    cblas_zhemv(CblasColMajor, CblasLower, o->n, minus, o->a, o->n, from, 1,
                zero, to, 1);
    return true;
}

double lip_hermitian_estimate(const double *a, size_t n, double *work)
{
    struct operand operand = {a, (int)n};
    if (n == 1)
        return -a[0];
    return lip_lanczos_largest(2 * n, apply, &operand, n < 18 ? n : 18, 1e-4,
                               work);
}
