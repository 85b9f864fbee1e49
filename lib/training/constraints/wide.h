/* SPDX-License-Identifier: MIT
 *
 * Square and oblong float32 products for constraints that work on the smaller
 * side of a matrix: they see every matrix as wide, k x l with k <= l. */
#ifndef LIP_TRAINING_CONSTRAINTS_WIDE_H
#define LIP_TRAINING_CONSTRAINTS_WIDE_H

#include "training/constraint.h"

#include <cblas.h>

struct lip_wide {
    size_t k, l;
};

static inline struct lip_wide lip_wide_of(size_t rows, size_t cols)
{
    return rows <= cols ? (struct lip_wide){rows, cols}
                        : (struct lip_wide){cols, rows};
}

/* Copies a rows x cols matrix to its wide form, or back with the sides of the
 * wide form given: the transpose where rows > cols. */
static inline void lip_wide_copy(float *to, const float *from, size_t rows,
                                 size_t cols, bool transpose)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            to[transpose ? j * rows + i : i * cols + j] = from[i * cols + j];
}

/* C[m x n] = a op(A) op(B) + c C with inner dimension k, all packed. */
struct lip_product {
    size_t m, n, k;
    bool a_transposed, b_transposed;
    float a, c;
};

static inline void lip_multiply(float *out, const float *a, const float *b,
                                struct lip_product p)
{
    cblas_sgemm(CblasRowMajor, p.a_transposed ? CblasTrans : CblasNoTrans,
                p.b_transposed ? CblasTrans : CblasNoTrans, (int)p.m, (int)p.n,
                (int)p.k, p.a, a, (int)(p.a_transposed ? p.m : p.k), b,
                (int)(p.b_transposed ? p.k : p.n), p.c, out, (int)p.n);
}

#endif
