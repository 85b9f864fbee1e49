/* SPDX-License-Identifier: MIT
 *
 * Positive definite matrices by LAPACK. */
#include "linalg/definite.h"

#include <lapacke.h>

bool lip_definite_factor(struct lip_matrix *a, double *log_det)
{
    lapack_int n = (lapack_int)a->rows;
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', n, a->data, n) != 0)
        return false;
    double sum = 0;
    for (size_t k = 0; k < a->rows; k++)
        sum += 2 * log(a->data[k * (a->rows + 1)]);
    *log_det += sum;
    return isfinite(sum);
}

void lip_definite_invert(struct lip_matrix *r)
{
    lapack_int n = (lapack_int)r->rows;
    LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'U', n, r->data, n);
}

bool lip_definite_solve(double *x, struct lip_matrix *a)
{
    lapack_int n = (lapack_int)a->rows;
    return LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'U', n, 1, a->data, n, x, n) ==
           0;
}
