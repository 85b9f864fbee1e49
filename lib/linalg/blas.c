/* SPDX-License-Identifier: MIT
 *
 * Process-wide settings of BLAS, and the solve that it does slowly. */
#include "linalg/blas.h"

void lip_blas_single_threaded(void)
{
    openblas_set_num_threads(1);
}

const char *lip_blas_kernel(void)
{
    return openblas_get_corename();
}

/* OpenBLAS reaches the rate of its products in a triangular solve only where
 * the triangle is small: so all but BLOCK columns at a time is left to dgemm.
 */
enum { BLOCK = 64, SMALL_BLOCK = 32, SMALL = 400 };

void lip_solve_right(struct lip_matrix *x, const struct lip_matrix *r)
{
    int m = (int)x->rows, n = (int)r->rows;
    int step = n < SMALL ? SMALL_BLOCK : BLOCK;
    for (int j = 0; j < n; j += step) {
        int width = n - j < step ? n - j : step;
        double *block = x->data + (size_t)j * x->rows;
        const double *above = r->data + (size_t)j * r->rows;
        if (j > 0)
            cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, m, width, j,
                        -1, x->data, m, above, n, 1, block, m);
        cblas_dtrsm(CblasColMajor, CblasRight, CblasUpper, CblasNoTrans,
                    CblasNonUnit, m, width, 1, above + j, n, block, m);
    }
}
