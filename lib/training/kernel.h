/* SPDX-License-Identifier: MIT
 *
 * Loops over float32 numbers, written so that the compiler can use wide
 * registers: each element by itself, so that the result has the same bits on
 * every machine and for every partition. Sums are kept in double and in a
 * fixed order. */
#ifndef LIP_TRAINING_KERNEL_H
#define LIP_TRAINING_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

/* y += x on each of `rows` rows of `n`, each of which begins `stride` numbers
 * after the last. */
void lip_kernel_add_row(float *y, const float *x, size_t rows, size_t n,
                        size_t stride);

/* out[n] = sum over `rows` rows of x, each of which begins `stride` numbers
 * after the last. */
void lip_kernel_sum_rows(float *out, const float *x, size_t rows, size_t n,
                         size_t stride);

/* y += a x */
void lip_kernel_axpy(float *y, float a, const float *x, size_t n);

/* x *= a */
void lip_kernel_scale(float *x, float a, size_t n);

/* The pairs (x_2k, x_2k+1) in falling order; n even. */
void lip_kernel_max_min(float *y, const float *x, size_t n);

/* dx of the same: each dy goes back to where its number came from. */
void lip_kernel_max_min_back(float *dx, const float *dy, const float *x,
                             size_t n);

/* max(x, slope x) for 0 <= slope <= 1, and dx of it. */
void lip_kernel_leaky(float *y, const float *x, float slope, size_t n);
void lip_kernel_leaky_back(float *dx, const float *dy, const float *x,
                           float slope, size_t n);

/* Momenta below 1e-30 are taken for 0. */

/* v = mu v + g; w -= rate (g + mu v with Nesterov, else v), where
 * g = gradient + decay w. */
struct lip_sgd_rule {
    float rate, momentum, decay;
    bool nesterov;
};
void lip_kernel_sgd(float *w, float *v, const float *gradient, size_t n,
                    const struct lip_sgd_rule *rule);

/* m = b1 m + (1 - b1) g; s = b2 s + (1 - b2) g^2; w = keep w -
 * rate m / (sqrt(s unbias) + eps); with `top`, the largest s so far stands in
 * the place of s. */
struct lip_adam_rule {
    float rate, beta1, beta2, eps, unbias;
    float decay; /* added to the gradient times w */
    float keep;  /* 1, or 1 - rate * decoupled decay */
};
void lip_kernel_adam(float *w, float *m, float *s, float *top,
                     const float *gradient, size_t n,
                     const struct lip_adam_rule *rule);

/* sum x_i y_i in double: eight partial sums, each in order. */
double lip_kernel_dot(const float *x, const float *y, size_t n);

#endif
