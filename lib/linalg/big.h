/* SPDX-License-Identifier: MIT
 *
 * Non-negative numbers m 2^e with a wide exponent, always rounded up: products
 * of hundreds of layer norms neither overflow nor vanish before the last step.
 * Either m = 0 or 1/2 <= m < 1. */
#ifndef LIP_LINALG_BIG_H
#define LIP_LINALG_BIG_H

#include "linalg/rounding.h"

struct lip_big {
    double m;
    long e;
};

/* x 2^e for finite x >= 0; exact. */
static inline struct lip_big lip_big_make(double x, long e)
{
    int k = 0;
    double m = frexp(x, &k);
    return m == 0 ? (struct lip_big){0, 0} : (struct lip_big){m, e + k};
}

static inline struct lip_big lip_big_mul(struct lip_big a, struct lip_big b)
{
    return lip_big_make(lip_mul_up(a.m, b.m), a.e + b.e);
}

static inline struct lip_big lip_big_add(struct lip_big a, struct lip_big b)
{
    if (a.m == 0 || b.m == 0)
        return a.m == 0 ? b : a;
    struct lip_big hi = a.e >= b.e ? a : b, lo = a.e >= b.e ? b : a;
    long gap = lo.e - hi.e;
    double low = gap < -1000 ? LIP_TINY : ldexp(lo.m, (int)gap);
    return lip_big_make(lip_add_up(hi.m, low), hi.e);
}

/* sqrt(a), rounded up. */
static inline struct lip_big lip_big_sqrt(struct lip_big a)
{
    double m = a.e % 2 ? 2 * a.m : a.m;
    return lip_big_make(lip_sqrt_up(m), (a.e - (a.e % 2 ? 1 : 0)) / 2);
}

/* a < b */
static inline int lip_big_less(struct lip_big a, struct lip_big b)
{
    if (a.m == 0 || b.m == 0)
        return a.m < b.m;
    return a.e != b.e ? a.e < b.e : a.m < b.m;
}

static inline struct lip_big lip_big_min(struct lip_big a, struct lip_big b)
{
    return lip_big_less(b, a) ? b : a;
}

/* The nearest double that is not below; infinity where there is none. */
static inline double lip_big_double(struct lip_big a)
{
    if (a.m == 0)
        return 0;
    if (a.e > 1024)
        return INFINITY;
    if (a.e < -1073)
        return 0x1p-1074;
    double x = ldexp(a.m, (int)a.e); /* inexact only where subnormal */
    return ldexp(x, (int)-a.e) < a.m ? lip_up(x) : x;
}

#endif
