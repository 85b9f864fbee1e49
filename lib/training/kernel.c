/* SPDX-License-Identifier: MIT
 *
 * The loops. On x86 the compiler makes them for several register widths and
 * the loader picks one; without contraction all give the same bits. */
#include "training/kernel.h"

#include <math.h>
#include <string.h>

/* Sanitizers start too late for functions that are picked while loading. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) &&                   \
    !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif

/* Columns whose sums stay in registers. */
enum { STRIP = 8 };

WIDE void lip_kernel_add_row(float *restrict y, const float *restrict x,
                             size_t rows, size_t n, size_t stride)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            y[i * stride + j] += x[j];
}

WIDE void lip_kernel_sum_rows(float *restrict out, const float *restrict x,
                              size_t rows, size_t n, size_t stride)
{
    for (; n >= STRIP; n -= STRIP, out += STRIP, x += STRIP) {
        float sum[STRIP] = {0};
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < STRIP; j++)
                sum[j] += x[i * stride + j];
        memcpy(out, sum, sizeof sum);
    }
    for (size_t j = 0; j < n; j++) {
        float sum = 0;
        for (size_t i = 0; i < rows; i++)
            sum += x[i * stride + j];
        out[j] = sum;
    }
}

WIDE void lip_kernel_axpy(float *restrict y, float a, const float *restrict x,
                          size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

WIDE void lip_kernel_scale(float *x, float a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= a;
}

WIDE void lip_kernel_max_min(float *restrict y, const float *restrict x,
                             size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        float a = x[2 * i], b = x[2 * i + 1];
        y[2 * i] = a >= b ? a : b;
        y[2 * i + 1] = a >= b ? b : a;
    }
}

WIDE void lip_kernel_max_min_back(float *restrict dx, const float *restrict dy,
                                  const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        float a = x[2 * i], b = x[2 * i + 1];
        float top = dy[2 * i], low = dy[2 * i + 1];
        dx[2 * i] = a >= b ? top : low;
        dx[2 * i + 1] = a >= b ? low : top;
    }
}

WIDE void lip_kernel_leaky(float *restrict y, const float *restrict x,
                           float slope, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float low = slope * x[i];
        y[i] = x[i] > 0 ? x[i] : low;
    }
}

WIDE void lip_kernel_leaky_back(float *restrict dx, const float *restrict dy,
                                const float *restrict x, float slope, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float low = slope * dy[i];
        dx[i] = x[i] > 0 ? dy[i] : low;
    }
}

/* What is remembered of gradients fades away where they are zero; as subnormal
 * numbers it would cost a hundred times the time of others. */
static inline float faded(float x)
{
    return fabsf(x) < 1e-30F ? 0 : x;
}

WIDE void lip_kernel_sgd(float *restrict w, float *restrict v,
                         const float *restrict gradient, size_t n,
                         const struct lip_sgd_rule *rule)
{
    float rate = rule->rate, mu = rule->momentum, decay = rule->decay;
    float with = rule->nesterov ? mu : 1, own = rule->nesterov ? 1 : 0;
    for (size_t i = 0; i < n; i++) {
        float g = gradient[i] + decay * w[i];
        v[i] = faded(mu * v[i] + g);
        w[i] -= rate * (own * g + with * v[i]);
    }
}

WIDE static void adam(float *restrict w, float *restrict m, float *restrict s,
                      const float *restrict gradient, size_t n,
                      const struct lip_adam_rule *restrict rule)
{
    float b1 = rule->beta1, b2 = rule->beta2, rate = rule->rate;
    float unbias = rule->unbias, eps = rule->eps, decay = rule->decay;
    float keep = rule->keep;
    for (size_t i = 0; i < n; i++) {
        float g = gradient[i] + decay * w[i];
        m[i] = faded(b1 * m[i] + (1 - b1) * g);
        s[i] = faded(b2 * s[i] + (1 - b2) * (g * g));
        w[i] = keep * w[i] - rate * m[i] / (sqrtf(s[i] * unbias) + eps);
    }
}

WIDE static void amsgrad(float *restrict w, float *restrict m,
                         float *restrict s, float *restrict top,
                         const float *restrict gradient, size_t n,
                         const struct lip_adam_rule *restrict rule)
{
    float b1 = rule->beta1, b2 = rule->beta2, rate = rule->rate;
    float unbias = rule->unbias, eps = rule->eps, decay = rule->decay;
    float keep = rule->keep;
    for (size_t i = 0; i < n; i++) {
        float g = gradient[i] + decay * w[i];
        m[i] = faded(b1 * m[i] + (1 - b1) * g);
        s[i] = faded(b2 * s[i] + (1 - b2) * (g * g));
        top[i] = s[i] > top[i] ? s[i] : top[i];
        w[i] = keep * w[i] - rate * m[i] / (sqrtf(top[i] * unbias) + eps);
    }
}

void lip_kernel_adam(float *w, float *m, float *s, float *top,
                     const float *gradient, size_t n,
                     const struct lip_adam_rule *rule)
{
    if (top)
        amsgrad(w, m, s, top, gradient, n, rule);
    else
        adam(w, m, s, gradient, n, rule);
}

WIDE double lip_kernel_dot(const float *x, const float *y, size_t n)
{
    double part[8] = {0}, sum = 0;
    size_t whole = n / 8 * 8;
    for (size_t i = 0; i < whole; i += 8)
        for (size_t k = 0; k < 8; k++)
            part[k] += (double)x[i + k] * (double)y[i + k];
    for (size_t i = whole; i < n; i++)
        sum += (double)x[i] * (double)y[i];
    for (size_t k = 0; k < 8; k++)
        sum += part[k];
    return sum;
}
