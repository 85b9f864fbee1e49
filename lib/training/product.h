/* SPDX-License-Identifier: MIT
 *
 * The products of matrices that training is made of, row-major, float32. Where
 * the processor has 512-bit registers they are done here, without the copies
 * that sgemm makes first of what it multiplies; elsewhere by sgemm. */
#ifndef LIP_TRAINING_PRODUCT_H
#define LIP_TRAINING_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

/* True where products are done here: then every sum is taken in order, term by
 * term, fused, so that its bits do not depend on how a product is cut into
 * blocks. */
bool lip_product_is_own(void);

/* y[rows x out] = x[rows x in] w[out x in]'; a row of y begins `stride` numbers
 * after the last. */
void lip_product_forward(float *y, const float *x, const float *w, size_t rows,
                         size_t in, size_t out, size_t stride);

/* dx[rows x in] = dy[rows x out] w[out x in] */
void lip_product_backward(float *dx, const float *dy, const float *w,
                          size_t rows, size_t in, size_t out);

/* g[count x in] = the columns first .. first + count - 1 of dy[rows x out],
 * transposed, times x[rows x in]. */
void lip_product_gradient(float *g, const float *dy, const float *x,
                          size_t first, size_t count, size_t rows, size_t in,
                          size_t out);

/* g[out x in] += dy[rows x out]' x[rows x in], or, add false, =; a row of g
 * begins `stride` numbers after the last. */
void lip_product_gather(float *g, size_t stride, const float *dy,
                        const float *x, size_t rows, size_t in, size_t out,
                        bool add);

/* Says that this thread needs `count` numbers soon after its next gradient:
 * they come into the cache meanwhile. For up to LIP_PRODUCT_SOON arrays of the
 * same length. */
enum { LIP_PRODUCT_SOON = 4 };
void lip_product_soon(const float *at, size_t count);

#endif
