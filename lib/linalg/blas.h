/* SPDX-License-Identifier: MIT
 *
 * The few BLAS and LAPACK calls that we use, on our matrices. What the error
 * bounds of this library assume of them is only this: every element of a
 * product is a sum of the products of the textbook formula, in any order, with
 * or without fused multiply-add, and a triangular solve or a Cholesky
 * factorisation takes at most three more roundings an element than the
 * textbook algorithm (OpenBLAS multiplies by the reciprocal of a pivot). That
 * excludes Strassen-like products, which OpenBLAS does not use.
 *
 * One thread: lip_blas_single_threaded() must have been called first. */
#ifndef LIP_LINALG_BLAS_H
#define LIP_LINALG_BLAS_H

#include "linalg/matrix.h"

#include <cblas.h>
#include <stdbool.h>

/* Sets BLAS to one thread for the process. */
void lip_blas_single_threaded(void);

/* Name of the kernel in use, "Haswell". */
const char *lip_blas_kernel(void);

/* C = A^T A, upper triangle; C is A.cols square. A.cols^2 A.rows flops. */
static inline void lip_gram(struct lip_matrix *c, const struct lip_matrix *a)
{
    int n = (int)a->cols, k = (int)a->rows;
    cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, n, k, 1, a->data, k, 0,
                c->data, n);
}

/* C = A A^T, upper triangle; C is A.rows square. */
static inline void lip_gram_outer(struct lip_matrix *c,
                                  const struct lip_matrix *a)
{
    int n = (int)a->rows, k = (int)a->cols;
    cblas_dsyrk(CblasColMajor, CblasUpper, CblasNoTrans, n, k, 1, a->data, n, 0,
                c->data, n);
}

/* C = op(A) op(B), op the transpose where the flag says so. */
static inline void lip_gemm(struct lip_matrix *c, const struct lip_matrix *a,
                            bool a_transposed, const struct lip_matrix *b,
                            bool b_transposed)
{
    int m = (int)c->rows, n = (int)c->cols;
    int k = (int)(a_transposed ? a->rows : a->cols);
    cblas_dgemm(CblasColMajor, a_transposed ? CblasTrans : CblasNoTrans,
                b_transposed ? CblasTrans : CblasNoTrans, m, n, k, 1, a->data,
                (int)a->rows, b->data, (int)b->rows, 0, c->data, m);
}

/* X = X R^-1 for upper triangular R, whose lower triangle is not read.
 * R.rows^2 X.rows flops. */
void lip_solve_right(struct lip_matrix *x, const struct lip_matrix *r);

#endif
