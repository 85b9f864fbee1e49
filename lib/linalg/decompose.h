/* SPDX-License-Identifier: MIT
 *
 * Dense decompositions by LAPACK, with memory of ours. Nothing is proven of
 * their results: training uses them, proofs come afterwards. */
#ifndef LIP_LINALG_DECOMPOSE_H
#define LIP_LINALG_DECOMPOSE_H

#include "linalg/matrix.h"

/* Eigenvalues (rising) of the symmetric n x n matrix `a`, of which the lower
 * triangle of row-major storage is read, and eigenvectors: afterwards row k of
 * a is the one of value[k]. LIP_INVALID where the matrix is not finite or the
 * iteration fails. O(n^3). */
enum lip_status lip_decompose_float(float *value, float *a, size_t n,
                                    struct lip_ctx *ctx);
enum lip_status lip_decompose(double *value, double *a, size_t n,
                              struct lip_ctx *ctx);

/* The eigenvalues above `from` (rising; *found of them) and their eigenvectors,
 * the rows of vector[found x n]; there is room for n. Destroys `a`. Cheaper
 * than all of them where few are found; LIP_INVALID also where eigenvalues lie
 * so close together that their vectors cannot be told apart. */
enum lip_status lip_decompose_above(size_t *found, float *value, float *vector,
                                    float *a, size_t n, double from,
                                    struct lip_ctx *ctx);

/* Replaces the rows (rows <= cols) or the columns (rows > cols) of the
 * row-major rows x cols matrix by an orthonormal basis of what they span, by
 * QR with a positive diagonal: from normal numbers, uniformly distributed.
 * O(rows cols min). LIP_NO_MEMORY. */
enum lip_status lip_orthonormalise(double *a, size_t rows, size_t cols,
                                   struct lip_ctx *ctx);

/* Replaces the row-major n x n matrix by its inverse. LIP_INVALID where it is
 * singular or not finite. O(n^3). */
enum lip_status lip_invert_float(float *a, size_t n, struct lip_ctx *ctx);

#endif
