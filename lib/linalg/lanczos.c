/* SPDX-License-Identifier: MIT
 *
 * Lanczos with three vectors. Lost orthogonality only makes copies of
 * eigenvalues that have been found: the largest stays what it is. */
#include "linalg/lanczos.h"

#include "linalg/random.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

enum { CHECK_EVERY = 4 };

/* The largest eigenvalue of the tridiagonal k x k matrix. */
static double largest(const double *alpha, const double *beta, size_t k)
{
    double d[LIP_LANCZOS_STEPS], e[LIP_LANCZOS_STEPS];
    memcpy(d, alpha, k * sizeof *d);
    memcpy(e, beta, k * sizeof *e);
    return LAPACKE_dsterf_work((int)k, d, e) == 0 ? d[k - 1] : 0;
}

static double unit(double *x, int n)
{
    double length = cblas_dnrm2(n, x, 1);
    if (!(length > 0x1p-400 && length < 0x1p400))
        return 0;
    cblas_dscal(n, 1 / length, x, 1);
    return length;
}

double lip_lanczos_largest(size_t size, lip_apply_fn *apply, void *arg,
                           size_t steps, double tolerance, double *work)
{
    double alpha[LIP_LANCZOS_STEPS], beta[LIP_LANCZOS_STEPS], best = 0;
    double *before = work, *now = work + size, *next = work + 2 * size;
    int n = (int)size;
    memset(before, 0, size * sizeof *before);
    lip_random_fill(now, size, 5);
    if (unit(now, n) == 0)
        return 0;
    for (size_t k = 0; k < steps; k++) {
        if (!apply(next, now, arg))
            break;
        alpha[k] = cblas_ddot(n, now, 1, next, 1);
        cblas_daxpy(n, -alpha[k], now, 1, next, 1);
        if (k > 0)
            cblas_daxpy(n, -beta[k - 1], before, 1, next, 1);
        beta[k] = unit(next, n);
        bool last = k + 1 == steps || !(beta[k] > 1e-13 * fabs(best));
        if (last || k % CHECK_EVERY == CHECK_EVERY - 1) {
            double value = largest(alpha, beta, k + 1);
            bool still = fabs(value - best) <= tolerance * fabs(value);
            best = fmax(best, value);
            if (last || still)
                break;
        }
        double *free_one = before;
        before = now;
        now = next;
        next = free_one;
    }
    return best;
}
