/* SPDX-License-Identifier: MIT
 *
 * Numerator and denominator as numbers with a power of two of their own, so
 * that neither over- nor underflows on the way. */
#include "certify/quotient.h"

#include "certify/enclosure.h"

#include <float.h>
#include <limits.h>

/* m 2^e */
struct scaled {
    double m;
    long e;
};

/* Of non-negative numbers. */
static double sum_down(double a, double b)
{
    return b == 0 ? a : a == 0 ? b : lip_down(a + b);
}

/* |v|_norm from below for v_k = m_k 2^(e_k); m is used up. */
static struct scaled norm_below(double *m, const long *e, size_t n,
                                enum lip_norm norm)
{
    long top = LONG_MIN;
    for (size_t k = 0; k < n; k++)
        if (m[k] > 0 && e[k] > top)
            top = e[k];
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        long gap = top - e[k]; /* what lies far below is left out */
        double v = m[k] > 0 && gap < 400 ? ldexp(m[k], -(int)gap) : 0;
        sum = norm == LIP_NORM_INF ? fmax(sum, v)
              : norm == LIP_NORM_1 ? sum_down(sum, v)
                                   : sum_down(sum, lip_mul_down(v, v));
    }
    if (norm == LIP_NORM_2)
        sum = lip_sqrt_down(sum);
    return (struct scaled){sum, top};
}

/* |a - b| from above; exact where the difference is a double (Knuth's sum
 * tells). */
static double distance_up(double a, double b)
{
    double s = a - b, part = s - a;
    double error = (a - (s - part)) + (-b - part);
    return error == 0 ? fabs(s) : lip_up(fabs(s));
}

/* |x - y|_norm from above; zero where they are equal. */
static struct scaled norm_above(const double *x, const double *y, size_t n,
                                enum lip_norm norm)
{
    double most = 0, sum = 0;
    for (size_t k = 0; k < n; k++)
        most = fmax(most, distance_up(x[k], y[k]));
    int e = 0;
    frexp(most, &e);
    for (size_t k = 0; k < n && isfinite(most); k++) {
        double d = distance_up(x[k], y[k]), v = ldexp(d, -e);
        if (v < DBL_MIN && d > 0)
            v = lip_up(v);
        sum = norm == LIP_NORM_INF ? fmax(sum, v)
              : v == 0             ? sum
              : norm == LIP_NORM_1 ? sum == 0 ? v : lip_up(sum + v)
                                   : lip_up(sum + lip_mul_up(v, v));
    }
    if (norm == LIP_NORM_2)
        sum = lip_sqrt_up(sum);
    return (struct scaled){isfinite(most) ? sum : 0, e};
}

static double divide_down(struct scaled a, struct scaled b)
{
    if (a.m == 0 || b.m == 0)
        return 0;
    int k = 0;
    double q = frexp(lip_div_down(a.m, b.m), &k);
    long e = a.e - b.e + k;
    if (q == 0 || e < -1073)
        return 0;
    if (e > 1024)
        return DBL_MAX;
    double x = ldexp(q, (int)e); /* inexact only where subnormal */
    return ldexp(x, (int)-e) > q ? lip_down(x) : x;
}

/* x 2^e without overflow of e; for estimates. */
static double times_power(double x, long e)
{
    return ldexp(x, e > 3000 ? 3000 : e < -3000 ? -3000 : (int)e);
}

/* The entries of |a - b| from below, and the largest error among them relative
 * to the largest entry. */
static double differences(double *m, long *e, const struct lip_fixed *a,
                          const struct lip_fixed *b)
{
    double worst = 0;
    long top = LONG_MIN;
    for (size_t k = 0; k < a->count; k++) {
        e[k] = lip_fixed_apart(&m[k], a, b, k);
        if (m[k] > 0 && e[k] > top)
            top = e[k];
    }
    for (size_t k = 0; top > LONG_MIN && k < a->count; k++)
        worst =
            fmax(worst, times_power(a->radius[k] + 1, a->exponent - top) +
                            times_power(b->radius[k] + 1, b->exponent - top));
    return top > LONG_MIN ? 2 * worst : INFINITY;
}

enum lip_status lip_quotient(double *out, double *slack,
                             const struct lip_stages *stages, const double *x,
                             const double *y, struct lip_norm_pair norm,
                             size_t limbs, struct lip_ctx *ctx)
{
    struct lip_fixed a = {0}, b = {0};
    size_t n = stages->outputs;
    double *m = lip_alloc(ctx, n, sizeof *m + sizeof(long));
    enum lip_status status = m     ? LIP_OK
                             : ctx ? ctx->error.status
                                   : LIP_NO_MEMORY;
    *out = 0;
    if (status == LIP_OK)
        status = lip_enclose(&a, stages, x, limbs, ctx);
    if (status == LIP_OK)
        status = lip_enclose(&b, stages, y, limbs, ctx);
    if (status == LIP_OK) {
        long *e = (long *)(m + n);
        double wide = differences(m, e, &a, &b);
        if (slack)
            *slack = wide;
        *out = divide_down(norm_below(m, e, n, norm.output),
                           norm_above(x, y, stages->inputs, norm.input));
    }
    lip_fixed_clear(&a);
    lip_fixed_clear(&b);
    lip_free(m);
    return status;
}

double lip_quotient_bytes(const struct lip_network *network)
{
    double widest = (double)network->inputs;
    for (size_t i = 0; i < network->count; i++)
        widest = fmax(widest, (double)network->layer[i].outputs);
    return 2 * lip_enclose_bytes((size_t)widest) + 16 * widest;
}
