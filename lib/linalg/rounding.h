/* SPDX-License-Identifier: MIT
 *
 * Scalars rounded to a chosen side, in round-to-nearest arithmetic. The result
 * of one operation is within half a unit in the last place of the exact value,
 * so its neighbour outward is on the safe side; this needs no directed
 * rounding mode, which threaded BLAS would silently lose.
 *
 * The arguments of the *_up and *_down forms are non-negative. An overflow
 * upward gives infinity, which the caller must treat as "no bound". */
#ifndef LIP_LINALG_ROUNDING_H
#define LIP_LINALG_ROUNDING_H

#include <math.h>
#include <stddef.h>

/* Unit roundoff u: |fl(x) - x| <= u |x| for normal results. */
#define LIP_UNIT 0x1p-53

/* What all underflows of a kernel together can add in units where the data
 * are of order 1: each of fewer than 2^70 operations loses at most 2^-1074. */
#define LIP_TINY 0x1p-1000

static inline double lip_up(double x)
{
    return nextafter(x, INFINITY);
}

/* Never below zero. */
static inline double lip_down(double x)
{
    return x > 0 ? nextafter(x, -INFINITY) : 0;
}

static inline double lip_add_up(double a, double b)
{
    return lip_up(a + b);
}

static inline double lip_mul_up(double a, double b)
{
    return a == 0 || b == 0 ? 0 : lip_up(a * b);
}

static inline double lip_div_up(double a, double b)
{
    return a == 0 ? 0 : lip_up(a / b);
}

static inline double lip_sqrt_up(double x)
{
    return x == 0 ? 0 : lip_up(sqrt(x));
}

static inline double lip_mul_down(double a, double b)
{
    return lip_down(a * b);
}

static inline double lip_div_down(double a, double b)
{
    return lip_down(a / b);
}

static inline double lip_sqrt_down(double x)
{
    return lip_down(sqrt(x));
}

/* gamma_k = k u / (1 - k u), rounded up: the relative error of a sum of k
 * products in any order, with or without fused multiply-add (Higham, Accuracy
 * and Stability of Numerical Algorithms, section 3.1). k < 2^50. */
static inline double lip_gamma(size_t k)
{
    double ku = (double)k * LIP_UNIT;
    return lip_up(ku / (1 - ku));
}

/* An upper bound of the exact sum or norm whose computed value `x` took k
 * operations on non-negative terms: x (1 + gamma_k) + tiny, rounded up. */
static inline double lip_inflate(double x, size_t k)
{
    return x == 0 ? LIP_TINY
                  : lip_up(lip_up(x * lip_up(1 + lip_gamma(k))) + LIP_TINY);
}

#endif
